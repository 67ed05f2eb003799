// SPDX-License-Identifier: Apache-2.0
// The limits that a robot description states.
#pragma once

#include <string>

#include "sinew/kinematics/chain.hpp"
#include "sinew/motion/joint_limits.hpp"

namespace sinew {

/// Position and velocity limits of the chain's joints. Acceleration and jerk, the range of continuous joints and velocities that the
/// description does not state are left open (infinite): give them by other limits, and take `combined` of both.
[[nodiscard]] JointLimits limits_from_chain(const Chain<>& chain, const std::string& source);

}  // namespace sinew
