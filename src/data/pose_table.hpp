// SPDX-License-Identifier: Apache-2.0
// Recorded poses as rows of seven numbers: position (m), quaternion w, x, y, z.
#pragma once

#include <fmt/format.h>

#include <Eigen/Geometry>
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

/// A pose as an isometry; nothing where a number is not finite or the quaternion's norm is not 1 to kQuaternionTolerance.
inline std::optional<Eigen::Isometry3d> pose_isometry(const double* pose) noexcept {
  const auto turn = from_wxyz(std::span<const double, 4>(pose + 3, 4));
  if (!turn || !Eigen::Map<const Eigen::Vector3d>(pose).allFinite()) return std::nullopt;
  Eigen::Isometry3d isometry = Eigen::Isometry3d::Identity();
  isometry.linear() = turn->toRotationMatrix();
  isometry.translation() = Eigen::Map<const Eigen::Vector3d>(pose);
  return isometry;
}

}  // namespace sinew
