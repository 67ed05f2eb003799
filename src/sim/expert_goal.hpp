// SPDX-License-Identifier: Apache-2.0
// What the families of the expert share: the goal of the moment, and how to come near one.
#pragma once

#include <Eigen/Core>

#include "expert.hpp"

namespace sinew::sim::expert {

inline constexpr double kHover = 0.14;    ///< tool height for travelling, m: a held cube clears the others
inline constexpr double kRetreat = 0.20;  ///< tool height at the end
inline constexpr double kAbove = 0.010;   ///< horizontally near enough to go down
inline constexpr double kSpeed = 0.40;    ///< m/s

/// What the tool should do now.
struct Goal {
  Eigen::Vector3d tool;
  double yaw;
  double grip;
  double speed = kSpeed;  ///< at most, m/s
};

[[nodiscard]] inline double across(const Eigen::Vector3d& a, const Eigen::Vector2d& b) noexcept { return (a.head<2>() - b).norm(); }

/// Goes to `low` above `xy`: up when it is elsewhere and low, across at hover height, down when it is above.
[[nodiscard]] Eigen::Vector3d approach(const TaskState& task, const Eigen::Vector2d& xy, double low) noexcept;

/// The cube is between closed fingers.
[[nodiscard]] bool holding(const TaskState& task) noexcept;

/// For Task::put and Task::stack.
[[nodiscard]] Goal decide_place(const TaskState& task) noexcept;
/// Predicts where a cube comes to rest that the fingers let go.
void drop(TaskState& task) noexcept;

/// For Task::push.
[[nodiscard]] Goal decide_push(const TaskState& task) noexcept;
/// Predicts the cube before the fingers.
void slide(TaskState& task) noexcept;

}  // namespace sinew::sim::expert
