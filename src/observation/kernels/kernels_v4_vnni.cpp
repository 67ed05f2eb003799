// SPDX-License-Identifier: Apache-2.0
// The kernels for x86-64-v4 with VNNI and VBMI; src/observation/CMakeLists.txt sets the options.
#define SINEW_ISA v4_vnni
#include "kernels.inl"
