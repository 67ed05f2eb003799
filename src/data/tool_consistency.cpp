// SPDX-License-Identifier: Apache-2.0
// Errors of all frames, and the direction of the workspace; the search is in tool_fit.cpp.
#include "sinew/data/tool_consistency.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "pose_table.hpp"
#include "sinew/kinematics/pose_error.hpp"

namespace sinew {

bool ToolFit::identity() const noexcept {
  return std::ranges::all_of(signs, [](double sign) { return sign > 0; }) && recorded_from_base.matrix() == Eigen::Matrix4d::Identity() &&
         tip_from_recorded.matrix() == Eigen::Matrix4d::Identity();
}

ToolErrors tool_errors(const Chain<>& chain, std::span<const double> q, std::span<const double> poses, const ToolFit& fit) {
  const std::size_t frames = require_pose_table(chain, q, poses, "tool_errors");
  ToolErrors errors{std::vector<double>(frames), std::vector<double>(frames)};
  const PoseConvention convention{
      .signs = fit.signs, .recorded_from_base = fit.recorded_from_base, .tip_from_recorded = fit.tip_from_recorded};
  if (!pose_errors(chain, q, poses, convention, {.position = errors.position, .angle = errors.angle}))
    fail(ErrorCode::invalid_argument,
         {"tool_errors", "signs", fmt::format("{} numbers", chain.dof()), fmt::format("{}", fit.signs.size()), ""});
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
