// SPDX-License-Identifier: Apache-2.0
// The arm that bench_motion moves: Franka's Panda, and a smooth motion of it.
#pragma once

#include <cstddef>
#include <vector>

#include "sinew/motion/joint_limits.hpp"

namespace sinew::bench {

/// Of the manufacturer's interface: seven joints, rad and s.
[[nodiscard]] JointLimits panda_limits();

/// A sine in each joint, of a share of the range or as fast as a share of the velocity limit allows, whichever is smaller.
class SmoothMotion {
 public:
  SmoothMotion(const JointLimits& limits, double range_share, double velocity_share);
  [[nodiscard]] double position(std::size_t joint, double seconds) const;
  [[nodiscard]] double velocity(std::size_t joint, double seconds) const;
  [[nodiscard]] std::size_t dof() const { return amplitude_.size(); }

 private:
  std::vector<double> middle_;
  std::vector<double> amplitude_;
  std::vector<double> rate_;  ///< rad/s of the sine's argument
};

}  // namespace sinew::bench
