// SPDX-License-Identifier: Apache-2.0
// A stateless closed-loop expert on a point-mass model of the tool.
#include "expert.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "sinew/sim/scenes/tabletop.hpp"

namespace sinew::sim {

namespace {

constexpr double kHover = 0.14;           // tool height for travelling, m: a held cube clears the others
constexpr double kGrasp = 0.018;          // tool height for closing
constexpr double kPlace = 0.031;          // tool height for opening above a plate
constexpr double kRetreat = 0.20;         // tool height at the end
constexpr double kAbove = 0.010;          // horizontally near enough to go down
constexpr double kAway = 0.020;           // horizontally so far that it must go up first
constexpr double kClosed = 0.02;          // gripper target that holds a 4 cm cube with 10 N
constexpr double kHoldingTarget = 0.032;  // below this target the grip is firm
constexpr double kHoldingWidth = 0.046;   // a cube is between the fingers, perhaps askew
constexpr double kFingerSpeed = 0.13;     // predicted, m/s: closing takes 0.3 s
constexpr double kFree = 0.06;            // fingers this wide do not touch the cube
constexpr double kLag = 0.06;             // predicted, s: of the arm behind the plan
constexpr double kSpeed = 0.40;           // m/s
constexpr double kAcceleration = 1.5;     // m/s^2
constexpr double kYawSpeed = 1.5;         // rad/s
constexpr double kYawAcceleration = 8;    // rad/s^2

/// What the tool should do now.
struct Goal {
  Eigen::Vector3d tool;
  double yaw;
  double grip;
};

double across(const Eigen::Vector3d& a, const Eigen::Vector2d& b) noexcept { return (a.head<2>() - b).norm(); }

/// Goes to `low` above `xy`: up when it is elsewhere and low, across at hover height, down when it is above.
Eigen::Vector3d approach(const TaskState& task, const Eigen::Vector2d& xy, double low) noexcept {
  if (across(task.tool, xy) < kAbove && across(task.actual, xy) < kAway) return {xy.x(), xy.y(), low};
  if (std::min(task.tool.z(), task.actual.z()) < kHover - 0.03 && across(task.tool, xy) > kAway)
    return {task.tool.x(), task.tool.y(), kHover};
  return {xy.x(), xy.y(), kHover};
}

bool holding(const TaskState& task) noexcept {
  return (task.actual - task.cube).norm() < 0.03 && task.width < kHoldingWidth && task.grip < kHoldingTarget;
}

/// The cube's yaw seen as that of a square: the one nearest to zero, rad.
double square_yaw(double yaw) noexcept {
  constexpr double kQuarter = std::numbers::pi / 2;
  return yaw - kQuarter * std::round(yaw / kQuarter);
}

Goal carry(const TaskState& task) noexcept {
  const bool placed = across(task.actual, task.plate) < kAbove && task.actual.z() < kPlace + 0.004;
  if (placed) return {task.tool, task.yaw, kGripperWidth};
  return {approach(task, task.plate, kPlace), 0, kClosed};
}

/// Straight up, and only with the fingers off the cube.
Goal retreat(const TaskState& task) noexcept {
  if (task.width < kFree) return {task.tool, task.yaw, kGripperWidth};
  return {{task.tool.x(), task.tool.y(), kRetreat}, task.actual.z() > kHover ? 0 : task.yaw, kGripperWidth};
}

Goal grasp(const TaskState& task) noexcept {
  const Eigen::Vector2d cube = task.cube.head<2>();
  const double yaw = square_yaw(task.cube_yaw);
  const double low = std::max(task.cube.z() - 0.002, kGrasp - 0.004);
  const bool there = across(task.actual, cube) < 0.008 && std::abs(task.actual.z() - low) < 0.004 && std::abs(task.actual_yaw - yaw) < 0.08;
  return {approach(task, cube, low), yaw, there ? kClosed : kGripperWidth};
}

Goal decide(const TaskState& task) noexcept {
  if (holding(task)) return carry(task);
  const bool on_plate = across(task.cube, task.plate) < 0.045 && task.cube.z() < kPlateHeight + kCubeHalf + 0.012;
  return on_plate ? retreat(task) : grasp(task);
}

/// Speed from which `distance` suffices to stop with `deceleration`, at most `limit`.
double braking_speed(double distance, double deceleration, double limit) noexcept {
  return std::min({limit, std::sqrt(1.4 * deceleration * distance), distance / 0.08});
}

void move_plan(TaskState& task, const Goal& goal) noexcept {
  const Eigen::Vector3d way = goal.tool - task.tool;
  const double distance = way.norm();
  Eigen::Vector3d wanted = Eigen::Vector3d::Zero();
  if (distance > 1e-6) wanted = way / distance * braking_speed(distance, kAcceleration, kSpeed);
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

void advance(TaskState& task) noexcept {
  const Goal goal = decide(task);
  const bool held = holding(task);
  const Eigen::Vector3d offset = task.cube - task.actual;
  move_gripper(task, goal.grip);
  move_plan(task, goal);
  task.actual += (task.tool - task.actual) * (kExpertPeriod / kLag);
  task.actual_yaw += (task.yaw - task.actual_yaw) * (kExpertPeriod / kLag);
  if (held && goal.grip < kHoldingTarget) {
    task.cube = task.actual + offset;
  } else if (held) {
    // Let go, it falls onto what is below.
    const bool above_plate = across(task.cube, task.plate) < kPlateRadius;
    task.cube.z() = kCubeHalf + (above_plate ? kPlateHeight : 0);
  }
}

}  // namespace sinew::sim
