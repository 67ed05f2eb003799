// SPDX-License-Identifier: Apache-2.0
// Which instructions are done: judged from the state after each step of the physics.
#pragma once

#include <Eigen/Core>
#include <array>

#include "sinew/sim/instruction.hpp"
#include "sinew/sim/scenes/tabletop.hpp"

namespace sinew::sim {

/// What success depends on, base frame, m and m/s.
struct TableState {
  std::array<Eigen::Vector3d, kColours> cubes;   ///< centres
  std::array<double, kColours> speeds{};         ///< of the cubes
  std::array<Eigen::Vector2d, kColours> plates;  ///< centres
  double width = 0;                              ///< opening of the gripper
  double tool_height = 0;
};

/// Counts for how long each instruction has been done.
class SuccessCounter {
 public:
  /// Begins anew; pushes are measured from here.
  void reset(const TableState& start) noexcept;
  /// One step of the physics (1 ms) later.
  void count(const TableState& now) noexcept;
  /// True when it has been done for 0.3 s.
  [[nodiscard]] bool succeeded(const Instruction& instruction) const noexcept;

 private:
  std::array<Eigen::Vector3d, kColours> start_;
  std::array<std::array<std::array<int, kColours>, kColours>, kTasks> steps_{};  // [task][cube][target]
};

}  // namespace sinew::sim
