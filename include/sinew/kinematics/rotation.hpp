// SPDX-License-Identifier: Apache-2.0
// Rotations, every convention by name: rotation vector, quaternion, fixed-axis roll-pitch-yaw, and the three 6-D layouts.
// What reads numbers of a stranger (a policy, a data set) returns nullopt instead of a wrong rotation; nothing here throws on the tick.
#pragma once

#include <Eigen/Geometry>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace sinew {

/// How a rotation is written as numbers.
enum class RotationLayout : std::uint8_t {
  xyzw,              ///< quaternion, scalar last: ROS, SciPy, Pinocchio
  wxyz,              ///< quaternion, scalar first: MuJoCo, Drake, jaxlie
  rotvec,            ///< axis times angle, rad
  rpy,               ///< roll, pitch, yaw about the fixed x, y, z axes, rad: R = Rz(yaw) Ry(pitch) Rx(roll), as in URDF
  rot6d_columns,     ///< first two columns, one after the other (Zhou et al. 2019)
  rot6d_rows,        ///< first two rows, one after the other (pytorch3d)
  rot6d_interleaved  ///< first two columns, row by row: r00 r01 r10 r11 r20 r21
};

/// Name of the enumerator.
[[nodiscard]] std::string_view to_string(RotationLayout layout) noexcept;

/// The layout of that name; throws Error that lists the names.
[[nodiscard]] RotationLayout rotation_layout(std::string_view name);

/// Count of numbers: 3, 4 or 6.
[[nodiscard]] int rotation_size(RotationLayout layout) noexcept;

/// How far a quaternion's norm may be from 1 before it is refused instead of normalised: float32 and four printed digits pass.
inline constexpr double kQuaternionTolerance = 1e-3;
/// How far an entry of RᵀR may be from the identity before a matrix is refused: float32 passes.
inline constexpr double kMatrixTolerance = 1e-6;

/// Unit quaternion of a rotation vector (rad).
[[nodiscard]] inline Eigen::Quaterniond quaternion_exp(const Eigen::Vector3d& rotvec) noexcept {
  const double angle = rotvec.norm();
  const Eigen::Vector3d v = (angle > 0 ? std::sin(0.5 * angle) / angle : 0.5) * rotvec;
  return {std::cos(0.5 * angle), v.x(), v.y(), v.z()};
}

/// Rotation vector (rad, length <= pi) of a unit quaternion; q and -q give the same. Exact to a few ulp at every angle,
/// because 2 atan2(|v|, w) has neither the hole of acos near 0 nor that of asin near pi.
[[nodiscard]] inline Eigen::Vector3d quaternion_log(const Eigen::Quaterniond& q) noexcept {
  const double sign = q.w() < 0 ? -1.0 : 1.0;
  const double sine = q.vec().norm();
  // The square underflows near 1e-154; from far above that the sine equals the half angle.
  const double scale = sine > 1e-140 ? 2.0 * std::atan2(sine, sign * q.w()) / sine : 2.0;
  return sign * scale * q.vec();
}

/// Unit quaternion with w >= 0 of a rotation matrix, by way of its largest component (Shepperd 1978).
[[nodiscard]] inline Eigen::Quaterniond quaternion_from_matrix(const Eigen::Matrix3d& R) noexcept {
  const double trace = R.trace();
  int largest = 3;
  double value = trace;
  for (int i = 0; i < 3; ++i) {
    if (R(i, i) > value) {
      value = R(i, i);
      largest = i;
    }
  }
  Eigen::Vector4d xyzw;
  if (largest == 3) {
    xyzw << R(2, 1) - R(1, 2), R(0, 2) - R(2, 0), R(1, 0) - R(0, 1), 1.0 + trace;
  } else {
    const int i = largest, j = (i + 1) % 3, k = (i + 2) % 3;
    xyzw[i] = 1.0 + R(i, i) - R(j, j) - R(k, k);
    xyzw[j] = R(j, i) + R(i, j);
    xyzw[k] = R(k, i) + R(i, k);
    xyzw[3] = R(k, j) - R(j, k);
  }
  xyzw *= (xyzw[3] < 0 ? -1.0 : 1.0) / xyzw.norm();
  return {xyzw[3], xyzw[0], xyzw[1], xyzw[2]};
}

/// Rotation matrix of a rotation vector (rad).
[[nodiscard]] inline Eigen::Matrix3d rotation_exp(const Eigen::Vector3d& rotvec) noexcept {
  return quaternion_exp(rotvec).toRotationMatrix();
}

/// Rotation vector (rad, length <= pi) of a rotation matrix.
[[nodiscard]] inline Eigen::Vector3d rotation_log(const Eigen::Matrix3d& R) noexcept { return quaternion_log(quaternion_from_matrix(R)); }

/// Rz(yaw) Ry(pitch) Rx(roll) of fixed-axis roll, pitch, yaw (rad).
[[nodiscard]] inline Eigen::Matrix3d matrix_from_rpy(const Eigen::Vector3d& rpy) noexcept {
  const double sr = std::sin(rpy[0]), cr = std::cos(rpy[0]);
  const double sp = std::sin(rpy[1]), cp = std::cos(rpy[1]);
  const double sy = std::sin(rpy[2]), cy = std::cos(rpy[2]);
  Eigen::Matrix3d R;
  R << cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr,  //
      sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr,   //
      -sp, cp * sr, cp * cr;
  return R;
}

/// Fixed-axis roll, pitch, yaw (rad), pitch in [-pi/2, pi/2]; in gimbal lock (cos(pitch) below 1e-12) roll is 0.
[[nodiscard]] inline Eigen::Vector3d rpy_from_matrix(const Eigen::Matrix3d& R) noexcept {
  const double cp = std::hypot(R(0, 0), R(1, 0));
  const double pitch = std::atan2(-R(2, 0), cp);
  if (cp < 1e-12) return {0.0, pitch, std::atan2(-R(0, 1), R(1, 1))};
  return {std::atan2(R(2, 1), R(2, 2)), pitch, std::atan2(R(1, 0), R(0, 0))};
}

/// Normalised quaternion from x, y, z, w; nullopt when not finite or its norm is off by more than kQuaternionTolerance.
[[nodiscard]] inline std::optional<Eigen::Quaterniond> from_xyzw(std::span<const double, 4> xyzw) noexcept {
  const Eigen::Quaterniond q(xyzw[3], xyzw[0], xyzw[1], xyzw[2]);
  const double norm = q.norm();
  if (!(std::abs(norm - 1.0) <= kQuaternionTolerance)) return std::nullopt;  // written so that NaN is refused too
  return Eigen::Quaterniond(q.coeffs() / norm);
}

/// Normalised quaternion from w, x, y, z; nullopt as `from_xyzw`.
[[nodiscard]] inline std::optional<Eigen::Quaterniond> from_wxyz(std::span<const double, 4> wxyz) noexcept {
  const double xyzw[4] = {wxyz[1], wxyz[2], wxyz[3], wxyz[0]};
  return from_xyzw(xyzw);
}

/// Writes x, y, z, w with w >= 0.
inline void to_xyzw(const Eigen::Quaterniond& q, std::span<double, 4> xyzw) noexcept {
  const double sign = q.w() < 0 ? -1.0 : 1.0;
  Eigen::Map<Eigen::Vector4d>(xyzw.data()) = sign * q.coeffs();
}

/// Writes w, x, y, z with w >= 0.
inline void to_wxyz(const Eigen::Quaterniond& q, std::span<double, 4> wxyz) noexcept {
  const double sign = q.w() < 0 ? -1.0 : 1.0;
  Eigen::Map<Eigen::Vector4d>(wxyz.data()) << sign * q.w(), sign * q.vec();
}

/// Gram–Schmidt: the right-handed rotation whose first column is along `first` and whose second lies in the plane of both.
/// nullopt when a vector is not finite or (nearly) zero, or both are (nearly) collinear.
[[nodiscard]] inline std::optional<Eigen::Matrix3d> from_rot6d_columns(const Eigen::Vector3d& first,
                                                                       const Eigen::Vector3d& second) noexcept {
  const double a = first.norm(), b = second.norm();
  if (!(a > 1e-9 && b > 1e-9 && std::isfinite(a) && std::isfinite(b))) return std::nullopt;
  const Eigen::Vector3d x = first / a;
  const Eigen::Vector3d z = x.cross(second / b);
  const double sine = z.norm();
  if (sine < 1e-6) return std::nullopt;
  Eigen::Matrix3d R;
  R.col(0) = x;
  R.col(2) = z / sine;
  R.col(1) = R.col(2).cross(x);
  return R;
}

/// True when every entry of RᵀR is within `tolerance` of the identity and the determinant is positive; false for NaN.
[[nodiscard]] inline bool is_rotation(const Eigen::Matrix3d& R, double tolerance = kMatrixTolerance) noexcept {
  return ((R.transpose() * R - Eigen::Matrix3d::Identity()).array().abs() <= tolerance).all() && R.determinant() > 0;
}

/// Matrix of the numbers in `layout`; nullopt when their count is wrong, one is not finite, or they are no rotation.
[[nodiscard]] std::optional<Eigen::Matrix3d> to_matrix(std::span<const double> values, RotationLayout layout) noexcept;

/// Writes `R` in `layout`; false, and nothing written, when the size is wrong or `R` is no rotation.
[[nodiscard]] bool from_matrix(const Eigen::Matrix3d& R, RotationLayout layout, std::span<double> values) noexcept;

}  // namespace sinew
