// SPDX-License-Identifier: Apache-2.0
// The rotation layouts by name.
#include "sinew/kinematics/rotation.hpp"

#include <Eigen/SVD>
#include <algorithm>
#include <array>

#include "checks.hpp"

namespace sinew {
namespace {

constexpr std::array<std::string_view, 8> kNames = {"xyzw",          "wxyz",          "rotvec",     "rpy",
                                                    "xyz_intrinsic", "rot6d_columns", "rot6d_rows", "rot6d_interleaved"};

using Vector6 = Eigen::Matrix<double, 6, 1>;

bool angles(std::span<const double> values) noexcept {
  return std::ranges::all_of(values, [](double value) { return std::abs(value) <= kLargestAngle; });
}

std::optional<Eigen::Matrix3d> matrix_of(const std::optional<Eigen::Quaterniond>& q) noexcept {
  return q ? std::optional(matrix_from_quaternion(*q)) : std::nullopt;
}

}  // namespace

std::string_view to_string(RotationLayout layout) noexcept { return kNames[static_cast<std::size_t>(layout)]; }

RotationLayout rotation_layout(std::string_view name) {
  return detail::enumerator<RotationLayout>(kNames, name, "rotation_layout", "convention");
}

int rotation_size(RotationLayout layout) noexcept {
  switch (layout) {
    case RotationLayout::xyzw:
    case RotationLayout::wxyz: return 4;
    case RotationLayout::rotvec:
    case RotationLayout::rpy:
    case RotationLayout::xyz_intrinsic: return 3;
    case RotationLayout::rot6d_columns:
    case RotationLayout::rot6d_rows:
    case RotationLayout::rot6d_interleaved: return 6;
  }
  return 0;
}

std::optional<Eigen::Matrix3d> nearest_rotation(const Eigen::Matrix3d& M) noexcept {
  const double size = M.cwiseAbs().maxCoeff<Eigen::PropagateNaN>();
  if (!(size > 0 && std::isfinite(size))) return std::nullopt;
  const Eigen::JacobiSVD<Eigen::Matrix3d> svd(M / size, Eigen::ComputeFullU | Eigen::ComputeFullV);
  if (svd.info() != Eigen::Success) return std::nullopt;
  const double handedness = svd.matrixU().determinant() * svd.matrixV().determinant() < 0 ? -1.0 : 1.0;
  // The answer turns by up to a change of M over this sum (Kabsch 1978; Umeyama 1991).
  const Eigen::Vector3d& sigma = svd.singularValues();
  if (sigma[1] + handedness * sigma[2] < 1e-6 * sigma[0]) return std::nullopt;
  Eigen::Matrix3d U = svd.matrixU();
  U.col(2) *= handedness;
  return U * svd.matrixV().transpose();
}

std::optional<Eigen::Matrix3d> to_matrix(std::span<const double> v, RotationLayout layout) noexcept {
  if (std::ssize(v) != rotation_size(layout) || !detail::all_finite(v)) return std::nullopt;
  if (v.size() == 3 && !angles(v)) return std::nullopt;
  switch (layout) {
    case RotationLayout::xyzw: return matrix_of(from_xyzw(v.first<4>()));
    case RotationLayout::wxyz: return matrix_of(from_wxyz(v.first<4>()));
    case RotationLayout::rotvec: return rotation_exp(Eigen::Vector3d(v[0], v[1], v[2]));
    case RotationLayout::rpy: return matrix_from_rpy({v[0], v[1], v[2]});
    case RotationLayout::xyz_intrinsic: return matrix_from_xyz_intrinsic({v[0], v[1], v[2]});
    case RotationLayout::rot6d_columns: return from_rot6d_columns({v[0], v[1], v[2]}, {v[3], v[4], v[5]});
    case RotationLayout::rot6d_rows: {
      auto R = from_rot6d_columns({v[0], v[1], v[2]}, {v[3], v[4], v[5]});
      if (R) R->transposeInPlace();
      return R;
    }
    case RotationLayout::rot6d_interleaved: return from_rot6d_columns({v[0], v[2], v[4]}, {v[1], v[3], v[5]});
  }
  return std::nullopt;
}

bool from_matrix(const Eigen::Matrix3d& R, RotationLayout layout, std::span<double> values) noexcept {
  if (std::ssize(values) != rotation_size(layout) || !is_rotation(R)) return false;
  Eigen::Map<Vector6> six(values.data());
  Eigen::Map<Eigen::Vector3d> three(values.data());
  switch (layout) {
    case RotationLayout::xyzw: to_xyzw(quaternion_from_matrix(R), values.first<4>()); break;
    case RotationLayout::wxyz: to_wxyz(quaternion_from_matrix(R), values.first<4>()); break;
    case RotationLayout::rotvec: three = rotation_log(R); break;
    case RotationLayout::rpy: three = rpy_from_matrix(R); break;
    case RotationLayout::xyz_intrinsic: three = xyz_intrinsic_from_matrix(R); break;
    case RotationLayout::rot6d_columns: six << R.col(0), R.col(1); break;
    case RotationLayout::rot6d_rows: six << R.row(0).transpose(), R.row(1).transpose(); break;
    case RotationLayout::rot6d_interleaved: six << R(0, 0), R(0, 1), R(1, 0), R(1, 1), R(2, 0), R(2, 1); break;
  }
  return true;
}

}  // namespace sinew
