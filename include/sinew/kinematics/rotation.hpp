// SPDX-License-Identifier: Apache-2.0
// Rotations, every convention by name: rotation vector, quaternion, Euler angles about fixed and about turning axes, three 6-D layouts.
// What reads numbers of a stranger (a policy, a data set) returns nullopt instead of a wrong rotation; nothing here throws on the tick.
#pragma once

#include <Eigen/Geometry>
#include <cmath>
#include <cstdint>
#include <limits>
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
  xyz_intrinsic,     ///< angles about the turning x, y, z axes, rad: R = Rx(a) Ry(b) Rz(c), the default `euler` of MuJoCo
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

/// Angles beyond this (rad) are refused where a stranger's numbers come in: in a double, 1e6 rad is known to 1e-10 rad, 1e16 not at all.
inline constexpr double kLargestAngle = 1e6;

/// Unit quaternion of a rotation vector (rad; float or double). To 1e-15 of its length up to a full turn; beyond, the angle is as
/// exact as the numbers hold it. Finite whatever finite numbers it is given.
template <typename Derived>
[[nodiscard]] Eigen::Quaternion<typename Derived::Scalar> quaternion_exp(const Eigen::MatrixBase<Derived>& rotvec) noexcept {
  using Scalar = typename Derived::Scalar;
  const Eigen::Vector<Scalar, 3> half = Scalar(0.5) * rotvec;
  Scalar angle = half.norm();
  if (!(angle < Scalar(1e18))) angle = half.stableNorm();  // before the squares overflow, in float too
  const Eigen::Vector<Scalar, 3> v = (angle > 0 ? std::sin(angle) / angle : Scalar(1)) * half;
  return {std::cos(angle), v.x(), v.y(), v.z()};
}

/// Rotation vector (rad, length <= pi) of a unit quaternion (float or double); q and -q give the same. Exact to a few ulp at every
/// angle, because 2 atan2(|v|, w) has neither the hole of acos near 0 nor that of asin near pi.
template <typename Derived>
[[nodiscard]] Eigen::Vector<typename Derived::Scalar, 3> quaternion_log(const Eigen::QuaternionBase<Derived>& q) noexcept {
  using Scalar = typename Derived::Scalar;
  const Scalar sign = q.w() < 0 ? Scalar(-1) : Scalar(1);
  const Scalar sine = q.vec().norm();
  // Far below this the squares underflow; from here on the sine equals the half angle.
  const Scalar scale = sine > std::numeric_limits<Scalar>::epsilon() ? 2 * std::atan2(sine, sign * q.w()) / sine : Scalar(2);
  return sign * scale * q.vec();
}

/// Rotation matrix of a quaternion of any norm but 0: dividing by its square keeps the matrix within 1e-15 where the textbook
/// formula doubles the error of the norm.
template <typename Derived>
[[nodiscard]] Eigen::Matrix<typename Derived::Scalar, 3, 3> matrix_from_quaternion(const Eigen::QuaternionBase<Derived>& q) noexcept {
  using Scalar = typename Derived::Scalar;
  const Scalar x = q.x(), y = q.y(), z = q.z(), w = q.w();
  const Scalar twice = 2 / q.coeffs().squaredNorm();
  const Scalar tx = twice * x, ty = twice * y, tz = twice * z;
  Eigen::Matrix<Scalar, 3, 3> R;
  R << 1 - (ty * y + tz * z), tx * y - tz * w, tx * z + ty * w,  //
      tx * y + tz * w, 1 - (tx * x + tz * z), ty * z - tx * w,   //
      tx * z - ty * w, ty * z + tx * w, 1 - (tx * x + ty * y);
  return R;
}

/// Unit quaternion with w >= 0 of a rotation matrix (float or double), by way of its largest component (Shepperd 1978).
template <typename Derived>
[[nodiscard]] Eigen::Quaternion<typename Derived::Scalar> quaternion_from_matrix(const Eigen::MatrixBase<Derived>& matrix) noexcept {
  using Scalar = typename Derived::Scalar;
  const Eigen::Matrix<Scalar, 3, 3> R = matrix;
  const Scalar trace = R.trace();
  int largest = 3;
  Scalar value = trace;
  for (int i = 0; i < 3; ++i) {
    if (R(i, i) > value) {
      value = R(i, i);
      largest = i;
    }
  }
  Eigen::Vector<Scalar, 4> xyzw;
  if (largest == 3) {
    xyzw << R(2, 1) - R(1, 2), R(0, 2) - R(2, 0), R(1, 0) - R(0, 1), 1 + trace;
  } else {
    const int i = largest, j = (i + 1) % 3, k = (i + 2) % 3;
    xyzw[i] = 1 + R(i, i) - R(j, j) - R(k, k);
    xyzw[j] = R(j, i) + R(i, j);
    xyzw[k] = R(k, i) + R(i, k);
    xyzw[3] = R(k, j) - R(j, k);
  }
  xyzw *= (xyzw[3] < 0 ? Scalar(-1) : Scalar(1)) / xyzw.norm();
  return {xyzw[3], xyzw[0], xyzw[1], xyzw[2]};
}

/// Rotation matrix of a rotation vector (rad; float or double).
template <typename Derived>
[[nodiscard]] Eigen::Matrix<typename Derived::Scalar, 3, 3> rotation_exp(const Eigen::MatrixBase<Derived>& rotvec) noexcept {
  return matrix_from_quaternion(quaternion_exp(rotvec));
}

/// Rotation vector (rad, length <= pi) of a rotation matrix (float or double).
template <typename Derived>
[[nodiscard]] Eigen::Vector<typename Derived::Scalar, 3> rotation_log(const Eigen::MatrixBase<Derived>& R) noexcept {
  return quaternion_log(quaternion_from_matrix(R));
}

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

/// Fixed-axis roll, pitch, yaw (rad), pitch in [-pi/2, pi/2]; in gimbal lock (cos(pitch) below 1e-14) roll is 0.
/// Near gimbal lock roll and yaw are each uncertain; yaw is computed given roll, so that together they stay the rotation.
[[nodiscard]] inline Eigen::Vector3d rpy_from_matrix(const Eigen::Matrix3d& R) noexcept {
  const double cp = std::hypot(R(2, 1), R(2, 2));
  const bool locked = cp < 1e-14;
  const double sr = locked ? 0.0 : R(2, 1) / cp, cr = locked ? 1.0 : R(2, 2) / cp;
  return {std::atan2(sr, cr), std::atan2(-R(2, 0), cp), std::atan2(sr * R(0, 2) - cr * R(0, 1), cr * R(1, 1) - sr * R(1, 2))};
}

/// Rx(a) Ry(b) Rz(c) of the angles (a, b, c) about the turning x, y, z axes (rad).
[[nodiscard]] inline Eigen::Matrix3d matrix_from_xyz_intrinsic(const Eigen::Vector3d& abc) noexcept {
  return matrix_from_rpy(-abc).transpose();
}

/// Angles (a, b, c) about the turning x, y, z axes (rad), b in [-pi/2, pi/2]; in gimbal lock (cos(b) below 1e-14) a is 0.
[[nodiscard]] inline Eigen::Vector3d xyz_intrinsic_from_matrix(const Eigen::Matrix3d& R) noexcept {
  return Eigen::Vector3d::Zero() - rpy_from_matrix(R.transpose());  // no -0.0, which a minus sign would make of 0
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

/// The rotation nearest to `M` in the Frobenius norm, by singular values. Unlike Gram–Schmidt it treats all axes alike.
/// nullopt when an entry is not finite or two rotations are (nearly) as near: a rank below 2, a reflection of a cube.
[[nodiscard]] std::optional<Eigen::Matrix3d> nearest_rotation(const Eigen::Matrix3d& M) noexcept;

/// True when every entry of RᵀR is within `tolerance` of the identity and the determinant is positive; false for NaN.
[[nodiscard]] inline bool is_rotation(const Eigen::Matrix3d& R, double tolerance = kMatrixTolerance) noexcept {
  return ((R.transpose() * R - Eigen::Matrix3d::Identity()).array().abs() <= tolerance).all() && R.determinant() > 0;
}

/// Matrix of the numbers in `layout`; nullopt when their count is wrong, one is not finite, an angle is beyond kLargestAngle,
/// or they are no rotation.
[[nodiscard]] std::optional<Eigen::Matrix3d> to_matrix(std::span<const double> values, RotationLayout layout) noexcept;

/// Writes `R` in `layout`; false, and nothing written, when the size is wrong or `R` is no rotation.
[[nodiscard]] bool from_matrix(const Eigen::Matrix3d& R, RotationLayout layout, std::span<double> values) noexcept;

}  // namespace sinew
