// SPDX-License-Identifier: Apache-2.0
// The demonstrator's head: decides from the state of the task where the tool goes next, and predicts what comes of it.
#pragma once

#include <Eigen/Core>

namespace sinew::sim {

/// The task as the expert sees it, and as it predicts it: the tool points straight down.
struct TaskState {
  Eigen::Vector3d tool = Eigen::Vector3d::Zero();      ///< position, base frame, m
  Eigen::Vector3d velocity = Eigen::Vector3d::Zero();  ///< of the tool, m/s
  double yaw = 0;                                      ///< of the tool about the vertical, rad
  double yaw_rate = 0;                                 ///< rad/s
  double grip = 0;                                     ///< target of the gripper's opening, m
  double width = 0;                                    ///< opening of the gripper, m
  Eigen::Vector3d cube = Eigen::Vector3d::Zero();      ///< centre, base frame, m
  double cube_yaw = 0;                                 ///< rad
  Eigen::Vector2d plate = Eigen::Vector2d::Zero();     ///< centre, m
};

/// Advances the task by one step of the expert (20 ms): hover above the cube, descend, close, lift, move, lower, open,
/// retreat. Keeps no memory of its own: the phase follows from the state.
void advance(TaskState& task) noexcept;

/// Period of `advance`, s.
inline constexpr double kExpertPeriod = 0.02;

}  // namespace sinew::sim
