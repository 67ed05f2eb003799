// SPDX-License-Identifier: Apache-2.0
// How operations refuse what does not fit: a mistake of the model's author, or of who calls it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>

#include "sinew/core/error.hpp"

namespace sinew::detail {

inline void require(bool condition, const char* operation, std::string_view expected) {
  if (!condition) fail(ErrorCode::invalid_argument, {operation, "tensors", expected, "others", ""});
}

/// Before anything is written.
inline void require_rows(std::span<const std::int64_t> rows, std::int64_t below, const char* operation) {
  require(std::ranges::all_of(rows, [below](std::int64_t row) { return row >= 0 && row < below; }), operation, "rows that exist");
}

}  // namespace sinew::detail
