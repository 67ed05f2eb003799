// SPDX-License-Identifier: Apache-2.0
// The kernels for any processor; src/io/CMakeLists.txt sets the options.
#define SINEW_ISA portable
#include "kernels.inl"
