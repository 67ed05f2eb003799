// SPDX-License-Identifier: Apache-2.0
// Representatives of rotations that follow the sample before.
#include "sinew/kinematics/rotation_sequence.hpp"

#include <algorithm>
#include <numbers>

#include "checks.hpp"

namespace sinew {
namespace {

constexpr double kTurn = 2.0 * std::numbers::pi;
/// Rotation vectors below this many radians from the identity point anywhere: their direction is rounding.
constexpr double kNoise = 1e-14;

double nearest_angle(double angle, double previous) noexcept { return angle - kTurn * std::round((angle - previous) / kTurn); }

Eigen::Vector3d nearest_angles(const Eigen::Vector3d& angles, const Eigen::Vector3d& previous) noexcept {
  return {nearest_angle(angles[0], previous[0]), nearest_angle(angles[1], previous[1]), nearest_angle(angles[2], previous[2])};
}

}  // namespace

Eigen::Vector3d nearest_rotvec(const Eigen::Vector3d& rotvec, const Eigen::Vector3d& previous) noexcept {
  const double angle = rotvec.norm();
  if (std::abs(std::remainder(angle, kTurn)) <= kNoise) {
    const double length = previous.norm();
    const double turns = std::round(length / kTurn);
    if (turns > 0) return kTurn * turns / length * previous;
    return angle <= kNoise ? rotvec : Eigen::Vector3d::Zero();
  }
  const Eigen::Vector3d axis = rotvec / angle;
  const double turns = std::round((axis.dot(previous) - angle) / kTurn);
  return turns == 0 ? rotvec : Eigen::Vector3d((angle + kTurn * turns) * axis);
}

Eigen::Vector3d nearest_euler(const Eigen::Vector3d& angles, const Eigen::Vector3d& previous) noexcept {
  constexpr double kHalf = std::numbers::pi;
  const Eigen::Vector3d same = nearest_angles(angles, previous);
  const Eigen::Vector3d other = nearest_angles({angles[0] + kHalf, kHalf - angles[1], angles[2] + kHalf}, previous);
  return (other - previous).squaredNorm() < (same - previous).squaredNorm() ? other : same;
}

Status unwrap_rotations(std::span<double> rows, RotationLayout layout) noexcept {
  const auto size = static_cast<std::size_t>(rotation_size(layout));
  if (rows.size() % size != 0) return Status::bad_shape;
  if (!detail::all_finite(rows)) return Status::not_finite;
  if (size == 3 && !std::ranges::all_of(rows, [](double value) { return std::abs(value) <= kLargestAngle; })) return Status::out_of_range;
  for (std::size_t i = size; i < rows.size(); i += size) {
    if (size == 3) {
      const Eigen::Map<const Eigen::Vector3d> previous(&rows[i - 3]);
      Eigen::Map<Eigen::Vector3d> row(&rows[i]);
      row = layout == RotationLayout::rotvec ? nearest_rotvec(row, previous) : nearest_euler(row, previous);
    } else if (size == 4) {
      const Eigen::Map<const Eigen::Vector4d> previous(&rows[i - 4]);
      Eigen::Map<Eigen::Vector4d> row(&rows[i]);
      if (row.dot(previous) < 0) row = -row;
    }
  }
  return Status::ok;
}

}  // namespace sinew
