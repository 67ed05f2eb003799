// SPDX-License-Identifier: Apache-2.0
// Private to motion: whether numbers are numbers.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>

namespace sinew::detail {

/// By the bits, so that no compiler flag can take the test away.
[[nodiscard]] inline bool is_finite(double x) noexcept {
  return (std::bit_cast<std::uint64_t>(x) & 0x7FF0000000000000ULL) != 0x7FF0000000000000ULL;
}

[[nodiscard]] inline bool all_finite(std::span<const double> values) noexcept {
  return std::all_of(values.begin(), values.end(), is_finite);
}

}  // namespace sinew::detail
