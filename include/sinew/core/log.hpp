// SPDX-License-Identifier: Apache-2.0
// The library prints nothing: whoever wants to hear of an event passes a callback in the options.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace sinew {

/// How much a message matters, ascending.
enum class LogLevel : std::uint8_t { debug, info, warning, error };

/// Name of the enumerator.
[[nodiscard]] std::string_view to_string(LogLevel level) noexcept;

/// Called from set-up and from background threads, never from a tick; must not throw. Empty means silence.
using LogCallback = std::function<void(LogLevel level, std::string_view message)>;

/// Calls `callback` when there is one.
inline void log(const LogCallback& callback, LogLevel level, std::string_view message) {
  if (callback) callback(level, message);
}

}  // namespace sinew
