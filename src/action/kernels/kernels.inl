// SPDX-License-Identifier: Apache-2.0
// One instruction set's kernels of actions. Everything but the table has internal linkage.
#include "kernels.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace sinew::detail::SINEW_ISA {
namespace {

// In this order: each uses what comes before it.
// clang-format off
#include "../../core/kernels/lanes.inl"
#include "fourier.inl"
#include "cosine.inl"
// clang-format on

}  // namespace

const ActionKernels kActionKernels = {.quantise_float = quantise<float>, .quantise_double = quantise<double>, .inverse = inverse};

}  // namespace sinew::detail::SINEW_ISA
