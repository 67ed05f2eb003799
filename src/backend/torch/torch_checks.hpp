// SPDX-License-Identifier: Apache-2.0
// How operations refuse what ATen would broadcast, or say worse.
#pragma once

#include <c10/core/Device.h>

#include <string>
#include <string_view>

#include "sinew/core/error.hpp"

namespace sinew::detail {

inline void require(bool condition, const char* operation, std::string_view expected) {
  if (!condition) fail(ErrorCode::invalid_argument, {operation, "tensors", expected, "others", ""});
}

/// Throws Error for a name that is no device, or one that this PyTorch cannot use.
[[nodiscard]] c10::Device parse_device(const std::string& name);

}  // namespace sinew::detail
