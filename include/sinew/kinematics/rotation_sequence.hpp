// SPDX-License-Identifier: Apache-2.0
// Rotations over time: interpolation along the shortest turn, and sequences of numbers without jumps.
// The same rotation has many rotation vectors, Euler angles and two quaternions; a policy that learns or a filter that differentiates
// such numbers needs neighbouring samples to be neighbouring numbers.
#pragma once

#include <Eigen/Geometry>
#include <cmath>
#include <span>

#include "sinew/core/status.hpp"
#include "sinew/kinematics/rotation.hpp"

namespace sinew {

/// Turns from `start` (t = 0) to `end` (t = 1) at a constant rate along the shorter way (Shoemake 1985). Exact at both ends, in the
/// hemisphere of `start`: at t = 1 the result is `end` or `-end`. Half a turn apart either way is as short, and the signs given decide.
/// Outside 0 .. 1 it goes on turning.
[[nodiscard]] inline Eigen::Quaterniond slerp(const Eigen::Quaterniond& start, const Eigen::Quaterniond& end, double t) noexcept {
  const Eigen::Vector4d from = start.coeffs();
  const Eigen::Vector4d to = from.dot(end.coeffs()) < 0 ? Eigen::Vector4d(-end.coeffs()) : end.coeffs();
  if (t == 0) return Eigen::Quaterniond(from);
  if (t == 1) return Eigen::Quaterniond(to);
  // The angle on the sphere by Kahan's formula: acos of the dot product loses half of the digits of a small one.
  const double angle = 2.0 * std::atan2((to - from).norm(), (to + from).norm());
  const double sine = std::sin(angle);
  const double a = sine > 0 ? std::sin((1.0 - t) * angle) / sine : 1.0 - t;
  const double b = sine > 0 ? std::sin(t * angle) / sine : t;
  return Eigen::Quaterniond((a * from + b * to).normalized());
}

/// The same between rotation matrices; exact at both ends.
[[nodiscard]] inline Eigen::Matrix3d slerp(const Eigen::Matrix3d& start, const Eigen::Matrix3d& end, double t) noexcept {
  if (t == 0) return start;
  if (t == 1) return end;
  return matrix_from_quaternion(slerp(quaternion_from_matrix(start), quaternion_from_matrix(end), t));
}

/// Of all rotation vectors (rad) of the same rotation as `rotvec`, the one nearest to `previous`: its angle plus a whole number of
/// turns. The angle may leave [-pi, pi], so a steady turn gives a steady line. A rotation by less than 1e-14 rad (what rounding
/// leaves of none) beyond a full turn takes its axis from `previous`.
[[nodiscard]] Eigen::Vector3d nearest_rotvec(const Eigen::Vector3d& rotvec, const Eigen::Vector3d& previous) noexcept;

/// Of all angles (rad) of the same rotation as `angles`, the nearest to `previous`: whole turns per angle, and
/// (a + pi, pi - b, c + pi). For rpy and xyz_intrinsic alike.
[[nodiscard]] Eigen::Vector3d nearest_euler(const Eigen::Vector3d& angles, const Eigen::Vector3d& previous) noexcept;

/// Rewrites `rows` ([n, size of layout], row-major, in time order) so that each row is the representative of its rotation that is
/// nearest to the row before; the first stays. Rotation vectors and Euler angles are unwrapped, quaternions keep their hemisphere,
/// 6-D rows are unique and stay. bad_shape: not whole rows; not_finite; out_of_range: an angle beyond kLargestAngle. On failure
/// nothing is written.
[[nodiscard]] Status unwrap_rotations(std::span<double> rows, RotationLayout layout) noexcept;

}  // namespace sinew
