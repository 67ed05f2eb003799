// SPDX-License-Identifier: Apache-2.0
// What a call on the tick path returns: a small enum, no text, no allocation.
#pragma once

#include <cstdint>
#include <string_view>

namespace sinew {

/// Result of a call that must not throw. Where more can be said, the object keeps it in `last_error()`.
enum class Status : std::uint8_t {
  ok,
  bad_shape,      ///< a tensor, image or vector has another shape or dtype than the specification says
  over_capacity,  ///< a current dimension exceeds the maximum that was allocated for it
  missing,        ///< a camera, channel, tensor or field that the card names is absent
  not_finite,     ///< NaN or infinity where a number is needed
  out_of_range,   ///< outside the absolute envelope (limits, bounds of a space)
  stale,          ///< older than the maximum age, or an older sequence number
  unreachable,    ///< inverse kinematics found no solution inside the limits
  not_ready,      ///< called before the object was armed, reset or given its first chunk
  stopped,        ///< the robot or loop was stopped, or its motion has come to rest on purpose
  timeout,        ///< the deadline passed
  backend_failed  ///< the backend could not compute; see its last_error()
};

/// Name of the enumerator, e.g. "bad_shape".
[[nodiscard]] std::string_view to_string(Status status) noexcept;

}  // namespace sinew
