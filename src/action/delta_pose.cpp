// SPDX-License-Identifier: Apache-2.0
#include "sinew/action/delta_pose.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "../core/all_finite.hpp"
#include "sinew/core/error.hpp"

namespace sinew {

namespace {

constexpr std::array<std::string_view, 3> kFrames = {"base", "tool", "camera"};
constexpr std::array<std::string_view, 3> kReferences = {"absolute", "first", "previous"};

/// Quaternion of the numbers behind the position. The layout that most policies use needs no matrix.
Status read_rotation(std::span<const double> values, RotationLayout layout, Eigen::Quaterniond& rotation) noexcept {
  if (layout == RotationLayout::rotvec) {
    const Eigen::Vector3d vector(values[0], values[1], values[2]);
    if (!(vector.cwiseAbs().maxCoeff() <= kLargestAngle)) return Status::out_of_range;
    rotation = quaternion_exp(vector);
    return Status::ok;
  }
  const auto matrix = to_matrix(values, layout);
  if (!matrix) return Status::out_of_range;
  rotation = quaternion_from_matrix(*matrix);
  return Status::ok;
}

}  // namespace

std::string_view to_string(PoseFrame frame) noexcept { return kFrames[static_cast<std::size_t>(frame)]; }
std::string_view to_string(PoseReference reference) noexcept { return kReferences[static_cast<std::size_t>(reference)]; }

PoseFrame pose_frame(std::string_view name) { return static_cast<PoseFrame>(find_name(name, kFrames, "pose_frame", "frame")); }

PoseReference pose_reference(std::string_view name) {
  return static_cast<PoseReference>(find_name(name, kReferences, "pose_reference", "reference"));
}

void PoseWalk::step_to(ToolPose<double>& target) noexcept {
  target.rotation.normalize();
  if (target.rotation.dot(last_) < 0) target.rotation.coeffs() = -target.rotation.coeffs();
  last_ = target.rotation;
  if (rule_.reference == PoseReference::previous) before_ = target;
}

Status PoseWalk::decode(std::span<const double> row, ToolPose<double>& base_from_target) noexcept {
  if (row.size() != static_cast<std::size_t>(rule_.size())) return Status::bad_shape;
  if (!detail::all_finite(row)) return Status::not_finite;
  const Eigen::Vector3d translation(row[0], row[1], row[2]);
  Eigen::Quaterniond rotation;
  if (const Status status = read_rotation(row.subspan(3), rule_.rotation, rotation); status != Status::ok) return status;

  const bool camera = rule_.frame == PoseFrame::camera;
  ToolPose<double> target;
  if (rule_.reference == PoseReference::absolute) {
    const ToolPose<double> base_from_frame = camera ? anchor_.base_from_camera : ToolPose<double>{};
    target.position = base_from_frame.position + base_from_frame.rotation * translation;
    target.rotation = base_from_frame.rotation * rotation;
  } else if (rule_.frame == PoseFrame::tool) {
    target.position = before_.position + before_.rotation * translation;
    target.rotation = before_.rotation * rotation;
  } else {
    const Eigen::Quaterniond axes = camera ? anchor_.base_from_camera.rotation : Eigen::Quaterniond::Identity();
    target.position = before_.position + axes * translation;
    target.rotation = axes * rotation * axes.conjugate() * before_.rotation;
  }
  step_to(target);
  base_from_target = target;
  return Status::ok;
}

Status PoseWalk::encode(const ToolPose<double>& base_from_target, std::span<double> row) noexcept {
  if (row.size() != static_cast<std::size_t>(rule_.size())) return Status::bad_shape;
  if (!base_from_target.position.allFinite() || !base_from_target.rotation.coeffs().allFinite()) return Status::not_finite;
  if (!(std::abs(base_from_target.rotation.norm() - 1) <= kQuaternionTolerance)) return Status::out_of_range;
  ToolPose<double> target = base_from_target;
  const ToolPose<double> start = before_;
  step_to(target);

  const bool camera = rule_.frame == PoseFrame::camera;
  Eigen::Vector3d translation;
  Eigen::Quaterniond rotation;
  if (rule_.reference == PoseReference::absolute) {
    const ToolPose<double> base_from_frame = camera ? anchor_.base_from_camera : ToolPose<double>{};
    translation = base_from_frame.rotation.conjugate() * (target.position - base_from_frame.position);
    rotation = base_from_frame.rotation.conjugate() * target.rotation;
  } else if (rule_.frame == PoseFrame::tool) {
    translation = start.rotation.conjugate() * (target.position - start.position);
    rotation = start.rotation.conjugate() * target.rotation;
  } else {
    const Eigen::Quaterniond axes = camera ? anchor_.base_from_camera.rotation : Eigen::Quaterniond::Identity();
    translation = axes.conjugate() * (target.position - start.position);
    rotation = axes.conjugate() * target.rotation * start.rotation.conjugate() * axes;
  }
  std::copy_n(translation.data(), 3, row.begin());
  return from_matrix(matrix_from_quaternion(rotation), rule_.rotation, row.subspan(3)) ? Status::ok : Status::out_of_range;
}

}  // namespace sinew
