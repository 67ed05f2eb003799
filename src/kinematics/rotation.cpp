// SPDX-License-Identifier: Apache-2.0
// The rotation layouts by name.
#include "sinew/kinematics/rotation.hpp"

#include <array>

#include "sinew/core/error.hpp"

namespace sinew {
namespace {

constexpr std::array<std::string_view, 7> kNames = {"xyzw", "wxyz", "rotvec", "rpy", "rot6d_columns", "rot6d_rows", "rot6d_interleaved"};

using Vector6 = Eigen::Matrix<double, 6, 1>;

bool finite(std::span<const double> values) noexcept {
  for (const double value : values) {
    if (!std::isfinite(value)) return false;
  }
  return true;
}

}  // namespace

std::string_view to_string(RotationLayout layout) noexcept { return kNames[static_cast<std::size_t>(layout)]; }

RotationLayout rotation_layout(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<RotationLayout>(i);
  }
  fail(ErrorCode::invalid_argument,
       {.where = "rotation_layout", .what = "convention", .expected = "one of " + join_names(kNames), .got = name, .hint = ""});
}

int rotation_size(RotationLayout layout) noexcept {
  switch (layout) {
    case RotationLayout::xyzw:
    case RotationLayout::wxyz: return 4;
    case RotationLayout::rotvec:
    case RotationLayout::rpy: return 3;
    case RotationLayout::rot6d_columns:
    case RotationLayout::rot6d_rows:
    case RotationLayout::rot6d_interleaved: return 6;
  }
  return 0;
}

std::optional<Eigen::Matrix3d> to_matrix(std::span<const double> v, RotationLayout layout) noexcept {
  if (std::ssize(v) != rotation_size(layout) || !finite(v)) return std::nullopt;
  const auto matrix = [](const std::optional<Eigen::Quaterniond>& q) {
    return q ? std::optional<Eigen::Matrix3d>(q->toRotationMatrix()) : std::nullopt;
  };
  switch (layout) {
    case RotationLayout::xyzw: return matrix(from_xyzw(v.first<4>()));
    case RotationLayout::wxyz: return matrix(from_wxyz(v.first<4>()));
    case RotationLayout::rotvec: return rotation_exp({v[0], v[1], v[2]});
    case RotationLayout::rpy: return matrix_from_rpy({v[0], v[1], v[2]});
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
    case RotationLayout::rot6d_columns: six << R.col(0), R.col(1); break;
    case RotationLayout::rot6d_rows: six << R.row(0).transpose(), R.row(1).transpose(); break;
    case RotationLayout::rot6d_interleaved: six << R(0, 0), R(0, 1), R(1, 0), R(1, 1), R(2, 0), R(2, 1); break;
  }
  return true;
}

}  // namespace sinew
