// SPDX-License-Identifier: Apache-2.0
// Private to motion: where a joint should accelerate to during the next tick so that it comes to its target fast.
#pragma once

#include "stop_plan.hpp"

namespace sinew::detail {

/// How the tracking law sees one joint.
struct TrackingGains {
  double velocity = 0;  ///< bounds that tracking uses; inside those that are enforced
  double acceleration = 0;
  double jerk = 0;
  double smoothing = 0;   ///< s; no ramp of the acceleration is planned to be shorter. At least the tick: below, the law is unstable
  double resolution = 0;  ///< rad or m: a miss below this is rounding, and called zero, or else rest would never be reached
};

/// Position at which `x` comes to rest if it brakes now, in the time-optimal way but for ramps of at least
/// `gains.smoothing`. Near rest this is linear: q + s v + s^2 a / 3.
[[nodiscard]] double rest_position(const JointState& x, const TrackingGains& gains) noexcept;

/// The acceleration at the end of a tick of `seconds` after which the joint, seen from a frame that moves with the
/// target, would come to rest on the target; clamped to the gains' bounds.
[[nodiscard]] double tracking_acceleration(const JointState& x, double target, double target_velocity, double seconds,
                                           const TrackingGains& gains) noexcept;

}  // namespace sinew::detail
