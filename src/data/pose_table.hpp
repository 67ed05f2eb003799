// SPDX-License-Identifier: Apache-2.0
// Recorded poses as rows of seven numbers: position (m), quaternion w, x, y, z.
#pragma once

#include <fmt/format.h>

#include <Eigen/Geometry>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <span>

#include "sinew/core/error.hpp"
#include "sinew/kinematics/chain.hpp"
#include "sinew/kinematics/rotation.hpp"

namespace sinew {

/// Frames of `q [n, dof]` and `poses [n, 7]`; throws Error when the sizes do not fit one n.
inline std::size_t require_pose_table(const Chain<>& chain, std::span<const double> q, std::span<const double> poses,
                                      std::string_view where) {
  const std::size_t dof = static_cast<std::size_t>(chain.dof()), frames = q.size() / dof;
  if (frames * dof != q.size() || frames * 7 != poses.size())
    fail(ErrorCode::invalid_argument,
         {where, "joints and poses", fmt::format("[n, {}] and [n, 7]", dof), fmt::format("{} and {} numbers", q.size(), poses.size()), ""});
  return frames;
}

/// Rotation and translation `[3, 4]`, row-major; NaN when the quaternion's norm is not 1 to kQuaternionTolerance.
inline std::array<double, 12> pose_rows(const double* pose) noexcept {
  const double w = pose[3], x = pose[4], y = pose[5], z = pose[6];
  const double squares = w * w + x * x + y * y + z * z;
  // (1 + tolerance)^2 to first order; written so that NaN fails too.
  const double twice = std::abs(squares - 1) <= 2 * kQuaternionTolerance ? 2 / squares : std::numeric_limits<double>::quiet_NaN();
  const double tx = twice * x, ty = twice * y, tz = twice * z;
  return {1 - (ty * y + tz * z), tx * y - tz * w,       tx * z + ty * w,       pose[0],  //
          tx * y + tz * w,       1 - (tx * x + tz * z), ty * z - tx * w,       pose[1],  //
          tx * z - ty * w,       ty * z + tx * w,       1 - (tx * x + ty * y), pose[2]};
}

/// The same as an isometry; nothing where a number is not finite.
inline std::optional<Eigen::Isometry3d> pose_isometry(const double* pose) noexcept {
  const std::array<double, 12> rows = pose_rows(pose);
  Eigen::Isometry3d isometry = Eigen::Isometry3d::Identity();
  isometry.matrix().topRows<3>() = Eigen::Map<const Eigen::Matrix<double, 3, 4, Eigen::RowMajor>>(rows.data());
  if (!isometry.matrix().allFinite()) return std::nullopt;
  return isometry;
}

}  // namespace sinew
