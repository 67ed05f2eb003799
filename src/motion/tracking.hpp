// SPDX-License-Identifier: Apache-2.0
// Private to motion: where a joint should accelerate to during the next tick so that it comes to its target fast.
#pragma once

#include "stop_plan.hpp"

namespace sinew::detail {

/// Lengths of one tick, and their inverses: divisions are most of what a tick costs.
struct TickTimes {
  explicit TickTimes(double seconds_, double smoothing_) noexcept
      : seconds(seconds_),
        per_second(1.0 / seconds_),
        smoothing(smoothing_),
        per_smoothing(1.0 / smoothing_),
        per_ramp(2.0 / (seconds_ + smoothing_)),
        per_slope(1.0 / (seconds_ * (seconds_ / 6.0 + 0.5 * smoothing_) + smoothing_ * smoothing_ / 3.0)) {}

  double seconds;
  double per_second;
  double smoothing;  ///< s; no ramp of the acceleration is planned to be shorter. At least the tick: below, the law is unstable
  double per_smoothing;
  double per_ramp;   ///< of the mean of tick and smoothing
  double per_slope;  ///< of the rest position near rest, seen from the acceleration at the end of the tick
};

/// How the tracking law sees one joint.
struct TrackingGains {
  double velocity = 0;  ///< bounds that tracking uses; inside those that are enforced
  double acceleration = 0;
  double jerk = 0;
  double resolution = 0;  ///< rad or m: a miss below this is rounding, and called zero, or else rest would never be reached
};

/// Position at which `x` comes to rest if it brakes now, in the time-optimal way but for ramps of at least
/// `times.smoothing`. Near rest this is linear: q + s v + s^2 a / 3.
[[nodiscard]] double rest_position(const JointState& x, const TrackingGains& gains, const TickTimes& times) noexcept;

/// Where a joint should be at the end of a tick, and how fast.
struct TrackingTarget {
  double position = 0;
  double velocity = 0;
};

/// The acceleration at the end of a tick after which the joint, seen from a frame that moves with the target, would come to rest on the
/// target; clamped to the gains' bounds.
[[nodiscard]] double tracking_acceleration(const JointState& x, const TrackingTarget& target, const TrackingGains& gains,
                                           const TickTimes& times) noexcept;

}  // namespace sinew::detail
