// SPDX-License-Identifier: Apache-2.0
// How long and how far a stop can be: what an integrator needs for distances to people and things.
#pragma once

#include <string>
#include <vector>

#include "sinew/core/clock.hpp"
#include "sinew/motion/joint_limits.hpp"

namespace sinew {

/// The longest stop of one joint.
struct StopBound {
  double seconds = 0;   ///< from the tick that begins to brake until rest
  double distance = 0;  ///< rad or m
};

/// The longest stop that CommandFilter may need from any state within the limits of a joint, at ticks of this length.
///
/// The worst state is the largest acceleration at which the velocity limit can just be kept: the acceleration is let go while the velocity
/// rises to the limit, then the joint brakes with jerk and acceleration at theirs. Four ticks are added, because stops are made of whole
/// ticks. Robot, bus and the time until the stop is asked for come on top.
[[nodiscard]] StopBound stop_bound(double velocity, double acceleration, double jerk, Time tick) noexcept;
/// The same for every joint. Throws Error for limits that `validate` refuses.
[[nodiscard]] std::vector<StopBound> stop_bounds(const JointLimits& limits, Time tick);

/// A table for a log: a line for each joint, and what `reaction` (from the event to the tick that begins to brake) adds at full velocity.
[[nodiscard]] std::string describe_stops(const JointLimits& limits, Time tick, Time reaction);

}  // namespace sinew
