// SPDX-License-Identifier: Apache-2.0
// Errors of all frames, and the direction of the workspace; the search is in tool_fit.cpp.
#include "sinew/data/tool_consistency.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "pose_table.hpp"
#include "sinew/kinematics/forward.hpp"

namespace sinew {

namespace {

constexpr std::size_t kBlock = 256;  // frames whose poses stay in the first cache

/// What a pose of the chain is to be compared with: recorded_from_base^-1 * pose * tip_from_recorded^-1.
struct Undo {
  Eigen::Isometry3d base_from_recorded;
  Eigen::Isometry3d recorded_from_tip;
  bool nothing = false;

  void apply(std::array<double, 12>& pose) const {
    if (nothing) return;
    Eigen::Isometry3d recorded = Eigen::Isometry3d::Identity();
    recorded.matrix().topRows<3>() = Eigen::Map<const Eigen::Matrix<double, 3, 4, Eigen::RowMajor>>(pose.data());
    Eigen::Map<Eigen::Matrix<double, 3, 4, Eigen::RowMajor>>(pose.data()) =
        (base_from_recorded * recorded * recorded_from_tip).matrix().topRows<3>();
  }
};

/// Distance and angle of a 4 x 4 pose and a 3 x 4 one. The squared Frobenius norm of the difference of two rotations is
/// 8 sin^2(angle / 2), which stays exact for small angles, where the trace does not.
std::pair<double, double> compare(const double* a, const std::array<double, 12>& b) {
  double position = 0, rotation = 0;
  for (std::size_t r = 0; r < 3; ++r) {
    for (std::size_t c = 0; c < 3; ++c) {
      const double d = a[4 * r + c] - b[4 * r + c];
      rotation += d * d;
    }
    const double d = a[4 * r + 3] - b[4 * r + 3];
    position += d * d;
  }
  // Of a small sine the series up to the fifth power is exact to 1e-15 of it, and needs no call.
  const double sine = std::sqrt(rotation / 8), squared = sine * sine;
  const double half = sine < 3e-3 ? sine * (1 + squared * (1.0 / 6 + squared * (3.0 / 40))) : std::asin(std::min(sine, 1.0));
  return {std::sqrt(position), 2 * half};
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
  std::vector<double> computed(kBlock * 16), signed_q(flipped ? kBlock * dof : 0);
  for (std::size_t begin = 0; begin < frames; begin += kBlock) {
    const std::size_t count = std::min(kBlock, frames - begin);
    std::span<const double> block = q.subspan(begin * dof, count * dof);
    if (flipped) {
      for (std::size_t i = 0; i < block.size(); ++i) signed_q[i] = fit.signs[i % dof] * block[i];
      block = std::span<const double>(signed_q).first(block.size());
    }
    (void)forward_batch(chain, block, std::span(computed).first(16 * count));
    for (std::size_t i = 0; i < count; ++i) {
      std::array<double, 12> recorded = pose_rows(poses.data() + 7 * (begin + i));
      undo.apply(recorded);
      std::tie(errors.position[begin + i], errors.angle[begin + i]) = compare(computed.data() + 16 * i, recorded);
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
