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

/// Rotations and translations `[3, 4]` of rows, `[7, count]` and `[12, count]` by element; NaN when a quaternion's norm is not 1 to
/// kQuaternionTolerance. Always inlined: callers choose the registers.
template <std::size_t kCount>
[[gnu::always_inline]] inline void write_poses(const double* row, double* pose) noexcept {
  for (std::size_t i = 0; i < kCount; ++i) {
    const double w = row[3 * kCount + i], x = row[4 * kCount + i], y = row[5 * kCount + i], z = row[6 * kCount + i];
    const double squares = w * w + x * x + y * y + z * z;
    // (1 + tolerance)^2 to first order; written so that NaN fails too.
    const double twice = std::abs(squares - 1) <= 2 * kQuaternionTolerance ? 2 / squares : std::numeric_limits<double>::quiet_NaN();
    const double tx = twice * x, ty = twice * y, tz = twice * z;
    pose[i] = 1 - (ty * y + tz * z);
    pose[kCount + i] = tx * y - tz * w;
    pose[2 * kCount + i] = tx * z + ty * w;
    pose[3 * kCount + i] = row[i];
    pose[4 * kCount + i] = tx * y + tz * w;
    pose[5 * kCount + i] = 1 - (tx * x + tz * z);
    pose[6 * kCount + i] = ty * z - tx * w;
    pose[7 * kCount + i] = row[kCount + i];
    pose[8 * kCount + i] = tx * z - ty * w;
    pose[9 * kCount + i] = ty * z + tx * w;
    pose[10 * kCount + i] = 1 - (tx * x + ty * y);
    pose[11 * kCount + i] = row[2 * kCount + i];
  }
}

/// The same as an isometry; nothing where a number is not finite.
inline std::optional<Eigen::Isometry3d> pose_isometry(const double* pose) noexcept {
  std::array<double, 12> rows;
  write_poses<1>(pose, rows.data());
  Eigen::Isometry3d isometry = Eigen::Isometry3d::Identity();
  isometry.matrix().topRows<3>() = Eigen::Map<const Eigen::Matrix<double, 3, 4, Eigen::RowMajor>>(rows.data());
  if (!isometry.matrix().allFinite()) return std::nullopt;
  return isometry;
}

}  // namespace sinew
