// SPDX-License-Identifier: Apache-2.0
// Numbers that a tick may go on with.
#pragma once

#include <algorithm>
#include <cmath>
#include <ranges>

namespace sinew::detail {

/// No value of the range is NaN or infinite.
[[nodiscard]] bool all_finite(const std::ranges::input_range auto& values) noexcept {
  return std::ranges::all_of(values, [](auto value) { return std::isfinite(value); });
}

}  // namespace sinew::detail
