// SPDX-License-Identifier: Apache-2.0
// Position, velocity, acceleration and jerk limits of every joint. There is no "off".
#pragma once

#include <span>
#include <string>
#include <vector>

#include "sinew/core/card.hpp"

namespace sinew {

/// Where each limit comes from, in words, `[dof]` or empty: "panda.urdf", "card 'tabletop'", "user".
struct LimitSources {
  std::vector<std::string> lower;
  std::vector<std::string> upper;
  std::vector<std::string> velocity;
  std::vector<std::string> acceleration;
  std::vector<std::string> jerk;
};

/// The five numbers of each joint (rad or m, and their time derivatives), symmetric in sign but for position.
struct JointLimits {
  std::vector<std::string> names;
  std::vector<double> lower;
  std::vector<double> upper;
  std::vector<double> velocity;
  std::vector<double> acceleration;
  std::vector<double> jerk;
  LimitSources sources = {};

  [[nodiscard]] int dof() const noexcept { return static_cast<int>(lower.size()); }
};

/// Throws Error that names the joint when a limit is missing, not finite, inverted, or a velocity, acceleration or jerk
/// is not positive. `where` begins the message.
void validate(const JointLimits& limits, const std::string& where);

/// Joint by joint the tighter of the two, each complete. The names must agree. Throws Error when nothing is left of a range.
[[nodiscard]] JointLimits tightest(const JointLimits& a, const JointLimits& b);

/// Joint by joint and number by number the tightest of all, with its source. A source may leave numbers open (infinite), as a robot
/// description does with acceleration and jerk; what no source states is refused by the joint's name. The names must agree.
[[nodiscard]] JointLimits combined(std::span<const JointLimits> limits);

/// The same limits, every number with this source.
[[nodiscard]] JointLimits labelled(JointLimits limits, const std::string& source);

/// The limits of a card, named by its joint names.
[[nodiscard]] JointLimits limits_from_card(const LimitsCard& card, const std::vector<std::string>& joint_names);

/// A table for a log: one line for each joint, each number with its source.
[[nodiscard]] std::string describe(const JointLimits& limits);

}  // namespace sinew
