// SPDX-License-Identifier: Apache-2.0
// Numbers that a tick may go on with.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <ranges>

namespace sinew::detail {

/// By the bits, so that no compiler flag can take the test away.
[[nodiscard]] constexpr bool is_finite(double x) noexcept {
  return (std::bit_cast<std::uint64_t>(x) & 0x7FF0000000000000ULL) != 0x7FF0000000000000ULL;
}

/// No value of the range is NaN or infinite.
[[nodiscard]] bool all_finite(const std::ranges::input_range auto& values) noexcept {
  return std::ranges::all_of(values, [](auto value) { return is_finite(static_cast<double>(value)); });
}

}  // namespace sinew::detail
