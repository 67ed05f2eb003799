// SPDX-License-Identifier: Apache-2.0
// Pushes a cube to one side: both fingers behind it, one beside the other, so that it cannot turn away.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "expert_goal.hpp"
#include "sinew/sim/scenes/tabletop.hpp"

namespace sinew::sim::expert {

namespace {

constexpr double kGrip = 0.022;  // opening: less than a cube, which then rests on both
constexpr double kGripReady = 0.034;
constexpr double kBehind = 0.058;   // tool from the cube's centre when it comes down
constexpr double kContact = 0.029;  // tool from the cube's centre when it pushes: half a cube and half a finger
constexpr double kLow = 0.015;      // tool height: pushed any higher, the cube would tip
constexpr double kDown = 0.030;     // tool lower than this is down
constexpr double kEnough = 0.010;   // before the goal
constexpr double kPushSpeed = 0.15;

/// The fingers move along x. Of both ways the one that turns the hand less against the arm, which reaches to that side.
double across_yaw(const TaskState& task) noexcept { return std::copysign(std::numbers::pi / 2, task.side); }

/// How far the tool is behind the cube, m.
double behind(const TaskState& task, const Eigen::Vector3d& tool) noexcept { return task.side * (task.cube.y() - tool.y()); }

bool in_line(const TaskState& task, const Eigen::Vector3d& tool) noexcept {
  const double gap = behind(task, tool);
  return tool.z() < kDown && gap > 0.02 && gap < kBehind + 0.015 && std::abs(tool.x() - task.cube.x()) < 0.013;
}

/// Back from the cube while it is near, then up; the gripper opens and turns back above the others.
Goal retreat(const TaskState& task) noexcept {
  const bool high = task.actual.z() > kHover;
  if (task.actual.z() < 0.05 && std::abs(behind(task, task.actual)) < kContact + 0.008)
    return {{task.tool.x(), task.cube.y() - task.side * (kContact + 0.02), task.tool.z()}, across_yaw(task), kGrip};
  return {{task.tool.x(), task.tool.y(), kRetreat}, high ? 0 : across_yaw(task), high ? kGripperWidth : kGrip};
}

}  // namespace

Goal decide_push(const TaskState& task) noexcept {
  if (task.side * (task.cube.y() - task.target.y()) > -kEnough) return retreat(task);
  if (task.cube.z() > kCubeHalf + 0.012) return {task.tool, task.yaw, kGripperWidth};  // caught between the fingers
  const double yaw = across_yaw(task);
  const bool ready = std::abs(task.actual_yaw - yaw) < 0.1 && task.width < kGripReady;
  if (ready && in_line(task, task.tool) && in_line(task, task.actual))
    return {{task.cube.x(), task.target.y() - task.side * kContact, kLow}, yaw, kGrip, kPushSpeed};
  const Eigen::Vector2d start(task.cube.x(), task.cube.y() - task.side * kBehind);
  return {approach(task, start, ready ? kLow : kHover), yaw, kGrip};
}

void slide(TaskState& task) noexcept {
  const bool before = task.actual.z() < kDown && std::abs(task.actual.x() - task.cube.x()) < kCubeHalf;
  const double gap = behind(task, task.actual);
  if (before && gap > 0 && gap < kContact) task.cube.y() = task.actual.y() + task.side * kContact;
}

}  // namespace sinew::sim::expert
