// SPDX-License-Identifier: Apache-2.0
// Private to motion: one joint of a CommandFilter. Its state is the caller's, so that the states of all joints are arrays.
#pragma once

#include <cstdint>

#include "sinew/core/clock.hpp"
#include "stop_plan.hpp"
#include "tracking.hpp"

namespace sinew::detail {

/// The caller's limits of one joint.
struct JointLimit {
  double lower = 0;
  double upper = 0;
  double velocity = 0;
  double acceleration = 0;
  double jerk = 0;
};

/// A filter's counters of joint steps.
struct FilterCounts {
  std::uint64_t interventions = 0;
  std::uint64_t split_ticks = 0;
};

/// What counts instead of the target.
enum class Braking : std::uint8_t {
  none,
  to_a_stop,      ///< a single jerk where the stop that is kept would change it within the tick
  along_the_stop  ///< the very stop that is kept, even where its jerk changes within the tick
};

/// With the smoothing that tracking has at ticks of this length.
[[nodiscard]] TickTimes tick_times(Time dt) noexcept;

/// How a tick of length `dt` is to be spent.
struct TickRequest {
  Time dt;
  TickTimes times;
  Braking braking = Braking::none;
  double speed_scale = 1;  ///< of the velocity that tracking uses
};

class JointFilter {
 public:
  /// Takes limits in place of those that were; the state must start anew. False when rounding leaves no range.
  bool set_limits(const JointLimit& limit) noexcept;
  /// From now on heads for new limits. Until the joint's state is safe within them, the looser of old and new hold in each number.
  void change_limits(const JointLimit& limit, Time patience) noexcept;
  [[nodiscard]] bool in_transition() const noexcept { return transition_; }

  /// The bounds of a run that begins at `q`: a robot may rest exactly on a limit, then the margin there is given up.
  [[nodiscard]] JointBounds bounds_from(double q) const noexcept;
  /// Begins a run, if a stop exists from `x`; else changes nothing.
  bool start(const JointState& x, Time tick) noexcept;

  /// `rate`: per second, of the targets.
  void set_target(double target, double rate) noexcept;
  void keep_target() noexcept { target_velocity_ = 0; }
  /// At rest at `q`, where it is: nothing is left to brake.
  void stand_still(double q) noexcept;
  /// Where `x`, the present state, would be after so long of its stop, and how long that takes.
  [[nodiscard]] JointState along_stop(const JointState& x, Time after) const noexcept;
  [[nodiscard]] Time stop_time() const noexcept;
  [[nodiscard]] JointState step(const JointState& x, const TickRequest& request, FilterCounts& counts) noexcept;

 private:
  void adopt_limits(const JointState& x, const TickRequest& request) noexcept;
  bool take(const JointBounds& bounds, const JointState& x, Time tick) noexcept;
  bool track(JointState& x, const TickRequest& request, FilterCounts& counts) noexcept;
  [[nodiscard]] TrackingGains gains(const JointState& x, const TickRequest& request) const noexcept;
  [[nodiscard]] JointState settle(const JointState& next, const StopPlan& stop, double per_second) noexcept;

  JointLimit limit_;     // the caller's
  JointBounds inner_;    // of `limit_`
  JointBounds bounds_;   // that hold; looser than `inner_` in a transition, and at a limit where a run began
  TrackingGains gains_;  // of `limit_`
  StopPlan stop_;
  double lower_target_ = 0;  // range of the targets
  double upper_target_ = 0;
  double target_ = 0;
  double target_rate_ = 0;      // finite difference of the last two targets
  double target_velocity_ = 0;  // what tracking uses in this tick
  bool transition_ = false;
  Time patience_{};  // left, until a transition is forced by braking
};

}  // namespace sinew::detail
