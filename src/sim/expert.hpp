// SPDX-License-Identifier: Apache-2.0
// The demonstrator's head: decides from the state of the task where the tool goes next, and predicts what comes of it.
#pragma once

#include <Eigen/Core>

#include "sinew/sim/instruction.hpp"

namespace sinew::sim {

/// The task as the expert sees it, and as it predicts it: the tool points straight down. The plan runs ahead of the arm,
/// which follows it with a lag.
struct TaskState {
  Eigen::Vector3d tool = Eigen::Vector3d::Zero();      ///< planned position, base frame, m
  Eigen::Vector3d velocity = Eigen::Vector3d::Zero();  ///< of the plan, m/s
  double yaw = 0;                                      ///< planned, about the vertical, rad
  double yaw_rate = 0;                                 ///< rad/s
  Eigen::Vector3d actual = Eigen::Vector3d::Zero();    ///< where the tool is, m
  double actual_yaw = 0;                               ///< rad
  double grip = 0;                                     ///< target of the gripper's opening, m
  double width = 0;                                    ///< opening of the gripper, m
  Eigen::Vector3d cube = Eigen::Vector3d::Zero();      ///< centre, base frame, m
  double cube_yaw = 0;                                 ///< rad
  Task task = Task::put;
  Eigen::Vector3d target = Eigen::Vector3d::Zero();  ///< middle of what the cube goes on; push: y of where the cube should come to lie, m
  double side = 1;                                   ///< push: towards +y or -y
};

/// Advances the task by one step of the expert (20 ms). Put and stack: hover above the cube, descend, close, lift, move,
/// lower, open, retreat. Push: come down behind the cube with the fingers across, push, back off, rise. Has no phases to
/// remember: what to do follows from the state.
void advance(TaskState& task) noexcept;

/// Period of `advance`, s.
inline constexpr double kExpertPeriod = 0.02;

}  // namespace sinew::sim
