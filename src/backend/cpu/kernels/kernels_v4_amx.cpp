// SPDX-License-Identifier: Apache-2.0
// The kernels for x86-64-v4 with AVX-512 BF16 and AMX; cmake/SinewTargets.cmake sets the options.
#define SINEW_ISA v4_amx
#include "kernels.inl"
