// SPDX-License-Identifier: Apache-2.0
// A stateless closed-loop expert on a point-mass model of the tool: moves it towards the goal that the task's family decides on.
#include "expert.hpp"

#include <algorithm>
#include <cmath>

#include "expert_goal.hpp"
#include "sinew/sim/scenes/tabletop.hpp"

namespace sinew::sim {

namespace {

using namespace expert;

constexpr double kAway = 0.020;         // horizontally so far that it must go up first
constexpr double kFingerSpeed = 0.13;   // predicted, m/s: closing takes 0.3 s
constexpr double kLag = 0.06;           // predicted, s: of the arm behind the plan
constexpr double kAcceleration = 1.5;   // m/s^2
constexpr double kYawSpeed = 1.5;       // rad/s
constexpr double kYawAcceleration = 8;  // rad/s^2

/// Speed from which `distance` suffices to stop with `deceleration`, at most `limit`.
double braking_speed(double distance, double deceleration, double limit) noexcept {
  return std::min({limit, std::sqrt(1.4 * deceleration * distance), distance / 0.08});
}

/// Share of the usual speed: near the base the forearm hangs down, and the joints would have to turn faster than they may.
double ease(const Eigen::Vector3d& tool) noexcept {
  constexpr double kSlow = 0.4;
  constexpr double kSlowReach = 0.40;  // m
  constexpr double kFullReach = 0.50;
  return std::clamp(std::lerp(kSlow, 1.0, (tool.head<2>().norm() - kSlowReach) / (kFullReach - kSlowReach)), kSlow, 1.0);
}

void move_plan(TaskState& task, const Goal& goal) noexcept {
  const Eigen::Vector3d way = goal.tool - task.tool;
  const double distance = way.norm();
  Eigen::Vector3d wanted = Eigen::Vector3d::Zero();
  if (distance > 1e-6) wanted = way / distance * braking_speed(distance, kAcceleration, goal.speed * ease(task.tool));
  Eigen::Vector3d change = wanted - task.velocity;
  const double most = 2 * kAcceleration * kExpertPeriod;
  if (change.norm() > most) change *= most / change.norm();
  task.velocity += change;
  task.tool += task.velocity * kExpertPeriod;

  const double turn = goal.yaw - task.yaw;
  const double rate = std::copysign(braking_speed(std::abs(turn), kYawAcceleration, kYawSpeed), turn);
  task.yaw_rate += std::clamp(rate - task.yaw_rate, -kYawAcceleration * kExpertPeriod, kYawAcceleration * kExpertPeriod);
  task.yaw += task.yaw_rate * kExpertPeriod;
}

void move_gripper(TaskState& task, double grip) noexcept {
  const Eigen::Vector3d offset = task.cube - task.actual;
  const bool between = offset.head<2>().norm() < 0.02 && std::abs(offset.z()) < 0.02;
  const double change = std::clamp(grip - task.width, -kFingerSpeed * kExpertPeriod, kFingerSpeed * kExpertPeriod);
  task.width = std::clamp(task.width + change, between ? 2 * kCubeHalf : 0, kGripperWidth);
  task.grip = grip;
}

}  // namespace

Eigen::Vector3d expert::approach(const TaskState& task, const Eigen::Vector2d& xy, double low) noexcept {
  if (across(task.tool, xy) < kAbove && across(task.actual, xy) < kAway) return {xy.x(), xy.y(), low};
  if (std::min(task.tool.z(), task.actual.z()) < kHover - 0.03 && across(task.tool, xy) > kAway)
    return {task.tool.x(), task.tool.y(), kHover};
  return {xy.x(), xy.y(), kHover};
}

void advance(TaskState& task) noexcept {
  const bool push = task.task == Task::push;
  const Goal goal = push ? decide_push(task) : decide_place(task);
  const bool held = !push && holding(task);
  const Eigen::Vector3d offset = task.cube - task.actual;
  move_gripper(task, goal.grip);
  move_plan(task, goal);
  task.actual += (task.tool - task.actual) * (kExpertPeriod / kLag);
  task.actual_yaw += (task.yaw - task.actual_yaw) * (kExpertPeriod / kLag);
  if (push)
    slide(task);
  else if (held && goal.grip < 2 * kCubeHalf)
    task.cube = task.actual + offset;
  else if (held)
    drop(task);
}

}  // namespace sinew::sim
