// SPDX-License-Identifier: Apache-2.0
// The last stage before the robot: whatever the targets are, the commands stay within every joint limit.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "sinew/core/clock.hpp"
#include "sinew/core/status.hpp"
#include "sinew/motion/joint_limits.hpp"

namespace sinew {

/// Turns any stream of joint targets into joint commands within position, velocity, acceleration and jerk limits.
///
/// Each joint is an exact triple integrator whose jerk is constant during a tick: with T the tick and a' the next
/// acceleration, q' = q + v T + (2 a + a') T^2 / 6, v' = v + (a + a') T / 2, jerk = (a' - a) / T.
///
/// Invariant: with its state, each joint keeps a *stop*, a verified sequence of constant jerks that leads to rest and
/// keeps every limit all the way, between ticks as well. A tick is accepted only if it is legal itself and a new stop
/// was found from where it ends; otherwise the joint follows the stop that it has. So a legal command always exists.
///
/// The jerk changes at ticks only, with one exception: when the length of the tick varies, a joint that must follow its
/// stop may have to change its jerk within a tick (see `split_ticks`). Its limits hold then too, and the mean jerk of
/// the tick is within the limit.
///
/// Nothing but the constructor allocates or throws. No thread may call a member while another does. The same calls give
/// the same bits on every machine (IEEE arithmetic and square roots only).
class CommandFilter {
 public:
  /// Shortest and longest tick.
  static constexpr Time kMinTick = std::chrono::microseconds(50);
  static constexpr Time kMaxTick = std::chrono::milliseconds(100);

  /// Allocates for `limits.dof()` joints and a usual tick `dt`. Throws Error for limits that `validate` refuses, for
  /// numbers beyond 1e9 (a slip of units), and for a tick outside [kMinTick, kMaxTick].
  CommandFilter(const JointLimits& limits, Time dt);
  /// A copy goes on from the same state: to look ahead, or to ask how a stop would go.
  CommandFilter(const CommandFilter& other);
  CommandFilter& operator=(const CommandFilter& other);
  CommandFilter(CommandFilter&&) noexcept;
  CommandFilter& operator=(CommandFilter&&) noexcept;
  ~CommandFilter();

  /// Starts anew from a measured or commanded state `[dof]`; empty velocities and accelerations mean zero. Also ends a
  /// stop. `bad_shape`, `not_finite`, or `out_of_range` when no stop within the limits was found from there; then
  /// nothing changes.
  [[nodiscard]] Status reset(std::span<const double> q, std::span<const double> dq = {}, std::span<const double> ddq = {}) noexcept;

  /// Advances by the usual tick and writes the command `[dof]` for its end. `target` `[dof]` (rad or m) is where the
  /// joints should be at that time; it is clamped to the position limits (see `clamped_targets`). An empty target means
  /// "no new target this tick": the last one holds.
  ///
  /// `ok`; `stopped` after `stop()`, while braking and at rest, whatever the target is; `not_finite` when an element of the target is NaN
  /// or infinite and `bad_shape` when it has another size: the command is then what it would have been without a target. `not_ready` before
  /// `reset`, `bad_shape` for another size of `q`: then nothing is written.
  [[nodiscard]] Status step(std::span<const double> target, std::span<double> q) noexcept;
  /// The same for a tick of length `dt`; `out_of_range` outside [kMinTick, kMaxTick]: then `q` gets the last command and
  /// no time passes.
  [[nodiscard]] Status step(std::span<const double> target, Time dt, std::span<double> q) noexcept;

  /// One tick along the stops of all joints instead of towards a target; the next `step` goes on as if nothing had been.
  /// Returns as `step`.
  [[nodiscard]] Status brake(Time dt, std::span<double> q) noexcept;
  /// The robot stood still at its last command, for want of later ones: velocities and accelerations are zero from here on. Positions,
  /// limits, a stop and a transition stay.
  void stand_still() noexcept;
  /// Position and velocity `[dof]` after so long of the stops that are kept now: where the robot would be if it braked. `not_ready`,
  /// `bad_shape`.
  [[nodiscard]] Status along_stop(Time after, std::span<double> q, std::span<double> dq) const noexcept;
  /// How long the longest of these stops takes.
  [[nodiscard]] Time stop_time() const noexcept;

  /// Takes other limits while in motion. A joint keeps the new ones as soon as a stop within them exists from its state; until then, in
  /// each number, the looser of old and new hold, and the joint slows down towards the new ones; after a second at most it brakes. A joint
  /// that is outside its new range moves back into it, with the new velocity, acceleration and jerk. `in_transition` tells which joints
  /// are not there yet. `bad_shape`, or `out_of_range` for limits that the constructor would refuse; then nothing changes.
  /// Names and sources stay.
  [[nodiscard]] Status change_limits(const JointLimits& limits) noexcept;
  [[nodiscard]] bool in_transition() const noexcept;
  [[nodiscard]] bool in_transition(int joint) const noexcept;

  /// Slows every joint: tracking uses this share of the velocity limits, kMinSpeedScale to 1, from the next step on.
  static constexpr double kMinSpeedScale = 1e-3;
  [[nodiscard]] Status set_speed_scale(double scale) noexcept;

  /// From the next step on every joint brakes to rest and stays there, whatever the targets are, until `reset`.
  void stop() noexcept;

  /// State `[dof]` after the last step or reset, as emitted. Views into this object.
  [[nodiscard]] std::span<const double> position() const noexcept;
  [[nodiscard]] std::span<const double> velocity() const noexcept;
  [[nodiscard]] std::span<const double> acceleration() const noexcept;
  /// Whether every velocity and acceleration is exactly zero.
  [[nodiscard]] bool at_rest() const noexcept;

  [[nodiscard]] int dof() const noexcept;
  [[nodiscard]] Time dt() const noexcept;
  [[nodiscard]] const JointLimits& limits() const noexcept;
  /// Result of the last step; `not_ready` before the first reset, `ok` after one.
  [[nodiscard]] Status status() const noexcept;

  /// Steps since construction whose target was outside the position limits in at least one joint.
  [[nodiscard]] std::uint64_t clamped_targets() const noexcept;
  /// Joint steps since construction in which the safe set overruled the tracking law.
  [[nodiscard]] std::uint64_t interventions() const noexcept;
  /// Joint steps since construction in which the jerk changed within the tick. 0 as long as the tick never varies.
  [[nodiscard]] std::uint64_t split_ticks() const noexcept;

 private:
  struct Joints;
  std::unique_ptr<Joints> joints_;
};

}  // namespace sinew
