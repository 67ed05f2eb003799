// SPDX-License-Identifier: Apache-2.0
// The three families' conditions.
#include "success.hpp"

#include <cmath>

namespace sinew::sim {

namespace {

constexpr int kDoneSteps = 300;  // 0.3 s
constexpr double kRestTolerance = 0.005;
constexpr double kFlatTolerance = 0.002;  // a cube that leans on a plate's rim lies higher
constexpr double kReleasedWidth = 0.055;
constexpr double kClearHeight = 0.06;  // of the tool above the table, and above a cube's foot
constexpr double kOnPlate = 0.05;
constexpr double kOnCube = 0.02;
constexpr double kPushed = 0.06;
constexpr double kAstray = 0.04;
constexpr double kRestSpeed = 0.01;

bool rests_at(double height, double expected, double tolerance = kRestTolerance) noexcept {
  return std::abs(height - expected) < tolerance;
}

bool put_done(const TableState& now, const Eigen::Vector3d& cube, const Eigen::Vector2d& plate) noexcept {
  return now.width > kReleasedWidth && now.tool_height > kClearHeight && (cube.head<2>() - plate).norm() < kOnPlate &&
         rests_at(cube.z(), kPlateHeight + kCubeHalf);
}

bool stack_done(const TableState& now, const Eigen::Vector3d& cube, const Eigen::Vector3d& lower) noexcept {
  return now.width > kReleasedWidth && now.tool_height > kClearHeight + lower.z() + kCubeHalf &&
         (cube - lower).head<2>().norm() < kOnCube && rests_at(cube.z() - lower.z(), 2 * kCubeHalf);
}

bool push_done(const TableState& now, const Eigen::Vector3d& way, std::size_t cube, std::size_t side) noexcept {
  return now.tool_height > kClearHeight && kSideSigns[side] * way.y() >= kPushed && kSideSigns[side] * now.cubes[cube].y() >= kPushLine &&
         std::abs(way.x()) < kAstray && rests_at(now.cubes[cube].z(), kCubeHalf, kFlatTolerance) && now.speeds[cube] < kRestSpeed;
}

}  // namespace

void SuccessCounter::reset(const TableState& start) noexcept {
  start_ = start.cubes;
  steps_ = {};
}

void SuccessCounter::count(const TableState& now) noexcept {
  const auto add = [this](Task task, std::size_t cube, std::size_t target, bool done) {
    int& steps = steps_[static_cast<std::size_t>(task)][cube][target];
    steps = done ? steps + 1 : 0;
  };
  for (std::size_t cube = 0; cube < kColours; ++cube) {
    for (std::size_t target = 0; target < kColours; ++target) {
      add(Task::put, cube, target, put_done(now, now.cubes[cube], now.plates[target]));
      add(Task::stack, cube, target, cube != target && stack_done(now, now.cubes[cube], now.cubes[target]));
    }
    for (std::size_t side = 0; side < kSides; ++side)
      add(Task::push, cube, side, push_done(now, now.cubes[cube] - start_[cube], cube, side));
  }
}

bool SuccessCounter::succeeded(const Instruction& instruction) const noexcept {
  const auto& by_target = steps_[static_cast<std::size_t>(instruction.task)][static_cast<std::size_t>(instruction.cube)];
  return by_target[static_cast<std::size_t>(instruction.target)] >= kDoneSteps;
}

}  // namespace sinew::sim
