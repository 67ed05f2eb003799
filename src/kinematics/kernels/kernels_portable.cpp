// SPDX-License-Identifier: Apache-2.0
// The kernels for whatever the compiler assumes; src/kinematics/CMakeLists.txt sets the options.
#define SINEW_ISA portable
#include "kernels.inl"
