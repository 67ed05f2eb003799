// SPDX-License-Identifier: Apache-2.0
// One instruction set's kernels of observation. Everything but the table has internal linkage.
#include "kernels.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace sinew::detail::SINEW_ISA {
namespace {

// In this order: each uses what comes before it.
// clang-format off
#include "bytes.inl"
#include "resize.inl"
#if defined(__AVX512VNNI__) && defined(__AVX512VBMI__)
#include "resize_digits.inl"
#else
constexpr void (*digit_horizontal)(const DigitHorizontal&) = nullptr;
constexpr void (*digit_vertical)(const DigitVertical&) = nullptr;
#endif
#include "resize_real.inl"
#include "planes.inl"
#include "patches.inl"
// clang-format on

}  // namespace

const ObservationKernels kObservationKernels = {.group = kGroup,
                                                .horizontal = horizontal,
                                                .vertical = vertical,
                                                .digit_horizontal = digit_horizontal,
                                                .digit_vertical = digit_vertical,
                                                .real_horizontal = real_horizontal,
                                                .real_vertical = real_vertical,
                                                .widen = widen,
                                                .round_half_even = round_half_even,
                                                .round_half_up = round_half_up,
                                                .opencv_linear = opencv_linear,
                                                .planes = planes,
                                                .normalize = normalize,
                                                .patches = patches};

}  // namespace sinew::detail::SINEW_ISA
