// SPDX-License-Identifier: Apache-2.0
// The kernels for x86-64-v4; src/io/CMakeLists.txt sets the options.
#define SINEW_ISA v4
#include "kernels.inl"
