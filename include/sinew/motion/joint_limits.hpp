// SPDX-License-Identifier: Apache-2.0
// Position, velocity, acceleration and jerk limits of every joint. There is no "off".
#pragma once

#include <string>
#include <vector>

#include "sinew/core/card.hpp"

namespace sinew {

/// The five numbers of each joint (rad or m, and their time derivatives), symmetric in sign but for position.
struct JointLimits {
  std::vector<std::string> names;
  std::vector<double> lower;
  std::vector<double> upper;
  std::vector<double> velocity;
  std::vector<double> acceleration;
  std::vector<double> jerk;

  [[nodiscard]] int dof() const noexcept { return static_cast<int>(lower.size()); }
};

/// Throws Error that names the joint when a limit is missing, not finite, inverted, or a velocity, acceleration or jerk
/// is not positive. `where` begins the message.
void validate(const JointLimits& limits, const std::string& where);

/// Joint by joint the tighter of the two. The names must agree. Throws Error when nothing is left of a range.
[[nodiscard]] JointLimits tightest(const JointLimits& a, const JointLimits& b);

/// The limits of a card, named by its joint names.
[[nodiscard]] JointLimits limits_from_card(const LimitsCard& card, const std::vector<std::string>& joint_names);

}  // namespace sinew
