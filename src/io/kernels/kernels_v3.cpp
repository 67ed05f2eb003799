// SPDX-License-Identifier: Apache-2.0
// The kernels for x86-64-v3; src/io/CMakeLists.txt sets the options.
#define SINEW_ISA v3
#include "kernels.inl"
