// SPDX-License-Identifier: Apache-2.0
// Private to motion: one joint as a triple integrator, and the stop that proves that a state of it is safe.
#pragma once

#include <array>
#include <cstdint>

namespace sinew::detail {

/// Limits of one joint as the filter keeps them: the caller's, less a margin for rounding.
struct JointBounds {
  double lower = 0;  ///< rad or m
  double upper = 0;
  double velocity = 0;
  double acceleration = 0;
  double jerk = 0;
};

/// Position, velocity and acceleration of one joint.
struct JointState {
  double q = 0;
  double v = 0;
  double a = 0;
};

/// Constant jerk for `nanoseconds`, such that the acceleration becomes `end` at the end.
struct StopSegment {
  std::int64_t nanoseconds = 0;
  double end = 0;
};

/// At most four pieces of constant jerk that lead to rest. None left = at rest.
struct StopPlan {
  std::array<StopSegment, 4> segments{};
  int begin = 0;
  int end = 0;

  [[nodiscard]] bool done() const noexcept { return begin == end; }
};

/// The state after `seconds` of the constant jerk that takes the acceleration to `end`. Exact up to rounding.
[[nodiscard]] inline JointState advance(const JointState& x, double end, double seconds) noexcept {
  return {x.q + seconds * (x.v + seconds * (2.0 * x.a + end) / 6.0), x.v + seconds * (x.a + end) * 0.5, end};
}

[[nodiscard]] inline double absolute(double x) noexcept { return x < 0 ? -x : x; }
[[nodiscard]] inline double clamped(double x, double low, double high) noexcept { return x < low ? low : x > high ? high : x; }
[[nodiscard]] inline double smaller(double x, double y) noexcept { return y < x ? y : x; }
[[nodiscard]] inline double larger(double x, double y) noexcept { return y > x ? y : x; }

/// Whether `advance(x, end, seconds)` keeps every bound at the end and in between (extrema of the cubic). The start is
/// taken as legal.
[[nodiscard]] bool is_legal(const JointState& x, double end, double seconds, const JointBounds& bounds) noexcept;

/// Finds a stop from `x` whose jerk changes only at multiples of `tick` nanoseconds and which keeps every bound all the
/// way. False when it finds none; `plan` is then unspecified.
[[nodiscard]] bool plan_stop(const JointState& x, std::int64_t tick, const JointBounds& bounds, StopPlan& plan) noexcept;

/// Follows the plan for `nanoseconds` and shortens it. `pieces` counts the jerks that were used: 1 unless the plan
/// changes its jerk within.
JointState follow(const JointState& x, StopPlan& plan, std::int64_t nanoseconds, int& pieces) noexcept;

}  // namespace sinew::detail
