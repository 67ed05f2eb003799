// SPDX-License-Identifier: Apache-2.0
// What a robot must offer to be driven: the concept that an application implements for its hardware.
#pragma once

#include <concepts>
#include <span>
#include <string_view>

#include "sinew/core/clock.hpp"
#include "sinew/core/observation.hpp"
#include "sinew/core/status.hpp"
#include "sinew/motion/joint_limits.hpp"

namespace sinew {

/// A robot with `limits().dof()` commanded joints, grippers last.
///
/// - `now()`: its monotonic clock. `wait_until(t)`: returns at `t`; a simulator advances its physics instead of sleeping.
/// - `observe(instruction, observation)`: fills cameras, channels, time and a fresh id.
/// - `positions(q)`: measured joint positions `[dof]`, rad or m.
/// - `command(q)`: joint position targets `[dof]`, already within limits. `stop()`: hold where it is, at once.
/// - `limits()`: fixed for the robot's life.
template <class R>
concept Robot = requires(R robot, const R& constant, std::string_view instruction, Observation& observation, std::span<double> q,
                         std::span<const double> target, Time time) {
  { constant.now() } noexcept -> std::same_as<Time>;
  { robot.wait_until(time) } noexcept -> std::same_as<Status>;
  { robot.observe(instruction, observation) } noexcept -> std::same_as<Status>;
  { constant.positions(q) } noexcept -> std::same_as<Status>;
  { robot.command(target) } noexcept -> std::same_as<Status>;
  { robot.stop() } noexcept;
  { constant.limits() } noexcept -> std::same_as<const JointLimits&>;
};

}  // namespace sinew
