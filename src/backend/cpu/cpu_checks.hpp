// SPDX-License-Identifier: Apache-2.0
// How operations refuse what does not fit: a mistake of the model's author, or of who calls it.
#pragma once

#include <string_view>

#include "sinew/core/error.hpp"

namespace sinew::detail {

inline void require(bool condition, const char* operation, std::string_view expected) {
  if (!condition) fail(ErrorCode::invalid_argument, {operation, "tensors", expected, "others", ""});
}

}  // namespace sinew::detail
