// SPDX-License-Identifier: Apache-2.0
// The last stage before a mobile base: whatever the velocity targets are, the commands stay within velocity, acceleration and jerk.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sinew/core/clock.hpp"
#include "sinew/core/status.hpp"

namespace sinew {

/// The three numbers of each axis of a base (m/s or rad/s, and their time derivatives), symmetric in sign. There is no "off".
struct VelocityLimits {
  std::vector<std::string> names;  ///< e.g. forward, sideways, turn; may be empty
  std::vector<double> velocity;
  std::vector<double> acceleration;
  std::vector<double> jerk;
};

/// Turns any stream of velocity targets into velocity commands within velocity, acceleration and jerk limits.
///
/// Each axis is an exact double integrator of its jerk: with T the tick and a' the next acceleration, v' = v + (a + a') T / 2. With its
/// state it keeps a *release*: a ramp of the acceleration to zero that was verified to keep every limit. A tick is accepted only if a
/// release was found from where it ends; otherwise the axis follows the one that it has. A stop is a target of zero.
///
/// Nothing but the constructor allocates or throws. One thread at a time. The same calls give the same bits on every machine.
class VelocityFilter {
 public:
  /// Throws Error for a limit that is missing, not finite, not positive or above 1e9, and for a tick outside CommandFilter's.
  VelocityFilter(const VelocityLimits& limits, Time dt);

  /// Starts anew from a velocity and acceleration `[axes]`; empty means zero. `bad_shape`, `not_finite`, or `out_of_range` when no release
  /// within the limits exists; then nothing changes.
  [[nodiscard]] Status reset(std::span<const double> velocity = {}, std::span<const double> acceleration = {}) noexcept;

  /// Advances by `dt` and writes the velocity command `[axes]` for its end. An empty target means zero: a base that hears nothing stops. So
  /// does one that hears numbers that are not finite (`not_finite`) or too many (`bad_shape`). `stopped` after `stop()`. `not_ready`
  /// before `reset`, `bad_shape` for another size of `velocity`, `out_of_range` for a bad tick: then nothing moves on.
  [[nodiscard]] Status step(std::span<const double> target, Time dt, std::span<double> velocity) noexcept;
  [[nodiscard]] Status step(std::span<const double> target, std::span<double> velocity) noexcept { return step(target, dt_, velocity); }

  /// From the next step on the target is zero, until `reset`.
  void stop() noexcept { stopping_ = true; }

  [[nodiscard]] std::span<const double> velocity() const noexcept { return velocity_; }
  [[nodiscard]] std::span<const double> acceleration() const noexcept { return acceleration_; }
  [[nodiscard]] bool at_rest() const noexcept;
  [[nodiscard]] int axes() const noexcept { return static_cast<int>(velocity_.size()); }
  [[nodiscard]] const VelocityLimits& limits() const noexcept { return limits_; }
  [[nodiscard]] Status status() const noexcept { return status_; }
  /// Steps since construction whose target was beyond the velocity limit in at least one axis.
  [[nodiscard]] std::uint64_t clamped_targets() const noexcept { return clamped_targets_; }
  /// Axis steps since construction that followed the release because the wish was not safe.
  [[nodiscard]] std::uint64_t interventions() const noexcept { return interventions_; }

 private:
  void step_axis(std::size_t i, double target, double seconds) noexcept;

  VelocityLimits limits_;
  Time dt_;
  std::vector<double> velocity_;
  std::vector<double> acceleration_;
  std::vector<double> release_;  ///< per axis: seconds over which the acceleration falls to zero in a straight line
  Status status_ = Status::not_ready;
  bool ready_ = false;
  bool stopping_ = false;
  std::uint64_t clamped_targets_ = 0;
  std::uint64_t interventions_ = 0;
};

}  // namespace sinew
