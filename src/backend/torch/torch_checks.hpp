// SPDX-License-Identifier: Apache-2.0
// How operations refuse what ATen would broadcast, or say worse.
#pragma once

#include <c10/core/Device.h>
#include <c10/util/Exception.h>

#include <string>
#include <string_view>

#include "../require.hpp"
#include "sinew/core/error.hpp"

namespace sinew::detail {

/// What `call()` gives; a refusal of ATen becomes one of ours.
template <class Call>
auto or_refuse(const char* operation, std::string_view expected, const Call& call) {
  try {
    return call();
  } catch (const c10::Error&) {
    require(false, operation, expected);
    throw;  // not reached
  }
}

/// What `call()` gives; whatever PyTorch throws becomes an Error with its first line.
template <class Call>
auto or_fail(const char* what, const Call& call) {
  try {
    return call();
  } catch (const c10::Error& error) {
    const std::string_view text = error.what_without_backtrace();
    fail(ErrorCode::failed, {"torch", what, "", text.substr(0, text.find('\n')), ""});
  }
}

/// Throws Error for a name that is no device, or one that this PyTorch cannot use.
[[nodiscard]] c10::Device parse_device(const std::string& name);

}  // namespace sinew::detail
