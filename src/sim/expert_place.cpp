// SPDX-License-Identifier: Apache-2.0
// Puts a cube on a plate or on another cube.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "expert_goal.hpp"
#include "sinew/sim/scenes/tabletop.hpp"

namespace sinew::sim::expert {

namespace {

constexpr double kGrasp = 0.018;          // tool above the cube's foot when it closes
constexpr double kClosed = 0.02;          // gripper target that holds a 4 cm cube with 10 N
constexpr double kHoldingTarget = 0.032;  // below this target the grip is firm
constexpr double kHoldingWidth = 0.046;   // a cube is between the fingers, perhaps askew
constexpr double kFree = 0.06;            // fingers this wide do not touch the cube

/// How exactly a cube is set down.
struct Placing {
  double drop;    ///< height of its foot above the target when the fingers open
  double within;  ///< of the cube's centre across, to open the fingers
  double done;    ///< of the cube's centre across, to leave it there
};
constexpr Placing kOnPlate{0.005, kAbove, 0.045};
constexpr Placing kOnCube{0.003, 0.005, 0.016};

Placing placing(const TaskState& task) noexcept { return task.task == Task::stack ? kOnCube : kOnPlate; }

/// The cube's yaw seen as that of a square: the one nearest to how the hand stands, rad. A hand that has begun to turn goes on: of a cube
/// at 45 degrees both ways are equally far from the middle, and a policy that sees it a little differently each time would go back and
/// forth.
double square_yaw(const TaskState& task) noexcept {
  constexpr double kQuarter = std::numbers::pi / 2;
  constexpr double kMost = 0.5;  // so that the hand turns by at most 75 degrees
  const double hand = std::clamp(task.actual_yaw, -kMost, kMost);
  return task.cube_yaw - kQuarter * std::round((task.cube_yaw - hand) / kQuarter);
}

Goal carry(const TaskState& task) noexcept {
  const Placing how = placing(task);
  // The cube may sit askew between the fingers; on another cube it is the cube that has to be in the middle.
  Eigen::Vector2d xy = task.target.head<2>();
  if (task.task == Task::stack) xy -= (task.cube - task.actual).head<2>();
  const double low = task.target.z() + kGrasp + how.drop;
  const bool placed = across(task.actual, xy) < how.within && task.actual.z() < low + 0.004;
  if (placed) return {task.tool, task.yaw, kGripperWidth};
  return {approach(task, xy, low), 0, kClosed};
}

/// Straight up, and only with the fingers off the cube.
Goal retreat(const TaskState& task) noexcept {
  if (task.width < kFree) return {task.tool, task.yaw, kGripperWidth};
  return {{task.tool.x(), task.tool.y(), kRetreat}, task.actual.z() > kHover ? 0 : task.yaw, kGripperWidth};
}

Goal grasp(const TaskState& task) noexcept {
  const Eigen::Vector2d cube = task.cube.head<2>();
  const double yaw = square_yaw(task);
  const double low = std::max(task.cube.z() - 0.002, kGrasp - 0.004);
  const double turn = std::abs(task.actual_yaw - yaw);
  const bool there = across(task.actual, cube) < 0.008 && std::abs(task.actual.z() - low) < 0.004 && turn < 0.08;
  // Fingers that are not along the cube's sides yet could come down on it.
  constexpr double kTurned = 0.25;
  return {approach(task, cube, turn < kTurned ? low : kHover), yaw, there ? kClosed : kGripperWidth};
}

}  // namespace

bool holding(const TaskState& task) noexcept {
  return (task.actual - task.cube).norm() < 0.03 && task.width < kHoldingWidth && task.grip < kHoldingTarget;
}

Goal decide_place(const TaskState& task) noexcept {
  if (holding(task)) return carry(task);
  const bool there = across(task.cube, task.target.head<2>()) < placing(task).done && task.cube.z() < task.target.z() + kCubeHalf + 0.012 &&
                     task.cube.z() > task.target.z() + kCubeHalf - 0.012;
  return there ? retreat(task) : grasp(task);
}

void drop(TaskState& task) noexcept {
  const double reach = task.task == Task::stack ? kCubeHalf : kPlateRadius;
  task.cube.z() = kCubeHalf + (across(task.cube, task.target.head<2>()) < reach ? task.target.z() : 0);
}

}  // namespace sinew::sim::expert
