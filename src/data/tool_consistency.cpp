// SPDX-License-Identifier: Apache-2.0
// Errors of all frames, and the direction of the workspace; the search is in tool_fit.cpp.
#include "sinew/data/tool_consistency.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "pose_table.hpp"
#include "sinew/kinematics/forward.hpp"

namespace sinew {

namespace {

constexpr std::size_t kBlock = 128;              // frames whose poses stay in the first cache
using Planes = std::array<double, 12 * kBlock>;  // poses [3, 4], element by element

/// What a pose of the chain is to be compared with: recorded_from_base^-1 * pose * tip_from_recorded^-1.
struct Undo {
  Eigen::Isometry3d base_from_recorded;
  Eigen::Isometry3d recorded_from_tip;
  bool nothing = false;

  void apply(std::array<double, 12>& pose) const {
    Eigen::Isometry3d recorded = Eigen::Isometry3d::Identity();
    recorded.matrix().topRows<3>() = Eigen::Map<const Eigen::Matrix<double, 3, 4, Eigen::RowMajor>>(pose.data());
    Eigen::Map<Eigen::Matrix<double, 3, 4, Eigen::RowMajor>>(pose.data()) =
        (base_from_recorded * recorded * recorded_from_tip).matrix().topRows<3>();
  }
};

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SINEW_ALSO_WIDER __attribute__((target_clones("default", "avx2", "arch=x86-64-v4")))  // the same bits: nothing is fused
#else
#define SINEW_ALSO_WIDER
#endif

/// Positions and quaternions (w, x, y, z) `[7, kBlock]` as poses.
SINEW_ALSO_WIDER void poses_of(const double* row, double* pose) { write_poses<kBlock>(row, pose); }

/// Distances and angles between 4 x 4 poses and recorded ones, both `[12, kBlock]` by element. The squared Frobenius norm of the difference
/// of two rotations is 8 sin^2(angle / 2), which stays exact for small angles, where the trace does not. Of small sines the series up to
/// the ninth power is exact to 2e-15 of it; the others are for far_angle.
SINEW_ALSO_WIDER void compare(const double* a, const double* b, double* position, double* angle) {
  for (std::size_t i = 0; i < kBlock; ++i) {
    double rotation = 0, distance = 0;
    for (std::size_t r = 0; r < 3; ++r) {
      for (std::size_t c = 0; c < 3; ++c) {
        const double d = a[(4 * r + c) * kBlock + i] - b[(4 * r + c) * kBlock + i];
        rotation += d * d;
      }
      const double d = a[(4 * r + 3) * kBlock + i] - b[(4 * r + 3) * kBlock + i];
      distance += d * d;
    }
    const double s = rotation / 8;
    position[i] = std::sqrt(distance);
    angle[i] = 2 * std::sqrt(s) * (1 + s * (1.0 / 6 + s * (3.0 / 40 + s * (15.0 / 336 + s * (105.0 / 3456)))));
  }
}

constexpr double kNearAngle = 0.1;  // rad up to which compare is exact

double far_angle(const Planes& a, const Planes& b, std::size_t i) {
  double rotation = 0;
  for (std::size_t k = 0; k < 12; ++k)
    if (k % 4 != 3) rotation += (a[k * kBlock + i] - b[k * kBlock + i]) * (a[k * kBlock + i] - b[k * kBlock + i]);
  return 2 * std::asin(std::min(std::sqrt(rotation / 8), 1.0));
}

/// The table's rows from `begin` on, `count` of them, as poses.
void gather_recorded(std::span<const double> poses, std::size_t begin, std::size_t count, const Undo& undo, Planes& planes) {
  std::array<double, 7 * kBlock> rows{};
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t k = 0; k < 7; ++k) rows[k * kBlock + i] = poses[7 * (begin + i) + k];
  poses_of(rows.data(), planes.data());
  if (undo.nothing) return;
  for (std::size_t i = 0; i < count; ++i) {
    std::array<double, 12> pose;
    for (std::size_t k = 0; k < 12; ++k) pose[k] = planes[k * kBlock + i];
    undo.apply(pose);
    for (std::size_t k = 0; k < 12; ++k) planes[k * kBlock + i] = pose[k];
  }
}

}  // namespace

bool ToolFit::identity() const noexcept {
  return std::ranges::all_of(signs, [](double sign) { return sign > 0; }) && recorded_from_base.matrix() == Eigen::Matrix4d::Identity() &&
         tip_from_recorded.matrix() == Eigen::Matrix4d::Identity();
}

ToolErrors tool_errors(const Chain<>& chain, std::span<const double> q, std::span<const double> poses, const ToolFit& fit) {
  const std::size_t dof = static_cast<std::size_t>(chain.dof()), frames = require_pose_table(chain, q, poses, "tool_errors");
  const bool flipped = std::ranges::any_of(fit.signs, [](double sign) { return sign < 0; });
  Undo undo{fit.recorded_from_base.inverse(), fit.tip_from_recorded.inverse()};
  undo.nothing =
      fit.recorded_from_base.isApprox(Eigen::Isometry3d::Identity(), 0) && fit.tip_from_recorded.isApprox(Eigen::Isometry3d::Identity(), 0);
  ToolErrors errors{std::vector<double>(frames), std::vector<double>(frames)};
  Planes found{}, recorded{};
  std::array<double, kBlock> position{}, angle{};
  std::vector<double> computed(kBlock * 16), signed_q(flipped ? kBlock * dof : 0);
  for (std::size_t begin = 0; begin < frames; begin += kBlock) {
    const std::size_t count = std::min(kBlock, frames - begin);
    std::span<const double> block = q.subspan(begin * dof, count * dof);
    if (flipped) {
      for (std::size_t i = 0; i < block.size(); ++i) signed_q[i] = fit.signs[i % dof] * block[i];
      block = std::span<const double>(signed_q).first(block.size());
    }
    (void)forward_batch(chain, block, std::span(computed).first(16 * count));
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t k = 0; k < 12; ++k) found[k * kBlock + i] = computed[16 * i + k];
    gather_recorded(poses, begin, count, undo, recorded);
    compare(found.data(), recorded.data(), position.data(), angle.data());
    for (std::size_t i = 0; i < count; ++i) {
      errors.position[begin + i] = position[i];
      errors.angle[begin + i] = angle[i] < kNearAngle ? angle[i] : far_angle(found, recorded, i);
    }
  }
  return errors;
}

BaseDirection base_direction(std::span<const double> poses, std::size_t width) {
  Eigen::Vector2d sum = Eigen::Vector2d::Zero();
  double count = 0;
  for (std::size_t i = 0; i + width <= poses.size(); i += width) {
    const Eigen::Vector2d direction(poses[i], poses[i + 1]);
    const double length = direction.norm();
    if (!(length > 1e-6 && std::isfinite(length))) continue;
    sum += direction / length;
    count += 1;
  }
  if (count == 0) return {};
  const double angle = std::atan2(sum.y(), sum.x());
  return {
      .angle = angle, .concentration = sum.norm() / count, .quarter_turns = static_cast<int>(std::lround(angle / (std::numbers::pi / 2)))};
}

}  // namespace sinew
