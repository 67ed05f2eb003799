// SPDX-License-Identifier: Apache-2.0
// Displacements of a tool in the axes that policies use (base, tool, camera), and the poses that they lead to.
#pragma once

#include <Eigen/Geometry>
#include <cstdint>
#include <span>
#include <string_view>

#include "sinew/core/status.hpp"
#include "sinew/kinematics/rotation.hpp"

namespace sinew {

/// A displacement: translation (m), then rotation vector (rad).
template <class Scalar>
using Delta6 = Eigen::Vector<Scalar, 6>;

/// A pose as its position (m) and unit quaternion: what a chunk holds.
template <class Scalar>
struct ToolPose {
  Eigen::Vector<Scalar, 3> position = Eigen::Vector<Scalar, 3>::Zero();
  Eigen::Quaternion<Scalar> rotation = Eigen::Quaternion<Scalar>::Identity();
};

/// From base_from_tip to base_from_target in axes that are turned by `base_from_axes` against the base: translation and rotation
/// stay apart, `t = A^T (p* - p)`, `exp(w) = A^T R* R^T A`. With the identity these are base axes; with the rotation of a camera the
/// separable camera-frame delta of Qwen-RobotManip (arXiv 2606.17846, "camera-frame delta pose"): rotation block
/// `cRe eRe* eRc`, translation block `cRe e_t_e*`. Where the base stands does not matter: turning or moving the world changes nothing.
template <class Scalar>
[[nodiscard]] Delta6<Scalar> axes_delta(const Eigen::Matrix<Scalar, 3, 3>& base_from_axes,
                                        const Eigen::Transform<Scalar, 3, Eigen::Isometry>& base_from_tip,
                                        const Eigen::Transform<Scalar, 3, Eigen::Isometry>& base_from_target) noexcept {
  Delta6<Scalar> delta;
  delta.template head<3>() = base_from_axes.transpose() * (base_from_target.translation() - base_from_tip.translation());
  delta.template tail<3>() = base_from_axes.transpose() *
                             rotation_log(Eigen::Matrix<Scalar, 3, 3>(base_from_target.linear() * base_from_tip.linear().transpose()));
  return delta;
}

/// The target of an `axes_delta`.
template <class Scalar>
[[nodiscard]] Eigen::Transform<Scalar, 3, Eigen::Isometry> apply_axes_delta(
    const Eigen::Matrix<Scalar, 3, 3>& base_from_axes, const Eigen::Transform<Scalar, 3, Eigen::Isometry>& base_from_tip,
    const Delta6<Scalar>& delta) noexcept {
  Eigen::Transform<Scalar, 3, Eigen::Isometry> target;
  target.setIdentity();
  target.translation() = base_from_tip.translation() + base_from_axes * delta.template head<3>();
  target.linear() = rotation_exp(base_from_axes * delta.template tail<3>()) * base_from_tip.linear();
  return target;
}

/// `axes_delta` in the axes of a camera at `base_from_camera`; of the pose only the rotation matters.
template <class Scalar>
[[nodiscard]] Delta6<Scalar> camera_delta(const Eigen::Transform<Scalar, 3, Eigen::Isometry>& base_from_camera,
                                          const Eigen::Transform<Scalar, 3, Eigen::Isometry>& base_from_tip,
                                          const Eigen::Transform<Scalar, 3, Eigen::Isometry>& base_from_target) noexcept {
  return axes_delta<Scalar>(base_from_camera.linear(), base_from_tip, base_from_target);
}

/// The target of a `camera_delta`.
template <class Scalar>
[[nodiscard]] Eigen::Transform<Scalar, 3, Eigen::Isometry> apply_camera_delta(
    const Eigen::Transform<Scalar, 3, Eigen::Isometry>& base_from_camera, const Eigen::Transform<Scalar, 3, Eigen::Isometry>& base_from_tip,
    const Delta6<Scalar>& delta) noexcept {
  return apply_axes_delta<Scalar>(base_from_camera.linear(), base_from_tip, delta);
}

/// Displacement in SE(3), tool axes: `base_from_target = base_from_tip * tip_from_target`, of which this is translation and rotation
/// vector.
template <class Scalar>
[[nodiscard]] Delta6<Scalar> tool_delta(const Eigen::Transform<Scalar, 3, Eigen::Isometry>& base_from_tip,
                                        const Eigen::Transform<Scalar, 3, Eigen::Isometry>& base_from_target) noexcept {
  Delta6<Scalar> delta;
  delta.template head<3>() = base_from_tip.linear().transpose() * (base_from_target.translation() - base_from_tip.translation());
  delta.template tail<3>() = rotation_log(Eigen::Matrix<Scalar, 3, 3>(base_from_tip.linear().transpose() * base_from_target.linear()));
  return delta;
}

/// The target of a `tool_delta`.
template <class Scalar>
[[nodiscard]] Eigen::Transform<Scalar, 3, Eigen::Isometry> apply_tool_delta(
    const Eigen::Transform<Scalar, 3, Eigen::Isometry>& base_from_tip, const Delta6<Scalar>& delta) noexcept {
  Eigen::Transform<Scalar, 3, Eigen::Isometry> target;
  target.setIdentity();
  target.translation() = base_from_tip.translation() + base_from_tip.linear() * delta.template head<3>();
  target.linear() = base_from_tip.linear() * rotation_exp(delta.template tail<3>());
  return target;
}

/// Axes in which the numbers of a pose part are.
enum class PoseFrame : std::uint8_t {
  base,   ///< of the robot's base
  tool,   ///< of the tool that the displacement starts from (SE(3) composition: GR00T's relative EEF)
  camera  ///< of the reference camera (Qwen-RobotManip)
};

/// What the numbers of a pose part are relative to.
enum class PoseReference : std::uint8_t {
  absolute,  ///< nothing: they are the pose in `frame`, base or camera
  first,     ///< the tool pose of the observation, for every step of the chunk
  previous   ///< the pose of the step before; the tool pose of the observation for the first
};

[[nodiscard]] std::string_view to_string(PoseFrame frame) noexcept;
[[nodiscard]] std::string_view to_string(PoseReference reference) noexcept;
/// By name; Error lists the names.
[[nodiscard]] PoseFrame pose_frame(std::string_view name);
[[nodiscard]] PoseReference pose_reference(std::string_view name);

/// How a row of numbers is a pose: position or translation (3, m), then a rotation in `rotation`.
struct PoseRule {
  PoseFrame frame = PoseFrame::base;
  PoseReference reference = PoseReference::first;
  RotationLayout rotation = RotationLayout::rotvec;

  /// Numbers in a row.
  [[nodiscard]] int size() const noexcept { return 3 + rotation_size(rotation); }
};

/// Where tool and reference camera stood when the observation was made.
struct PoseAnchor {
  ToolPose<double> base_from_tool;
  ToolPose<double> base_from_camera;  ///< used by PoseFrame::camera alone
};

/// Turns the rows of a chunk into poses of the tool in the base frame, and back, one after the other.
///
/// A quaternion is in the hemisphere of the one before, the first has w >= 0, so that interpolation takes the short way.
class PoseWalk {
 public:
  PoseWalk(const PoseRule& rule, const PoseAnchor& anchor) noexcept : rule_(rule), anchor_(anchor), before_(anchor.base_from_tool) {}

  /// The pose `base_from_target` of the next row `[rule.size()]`. `bad_shape`, `not_finite`; `out_of_range` for numbers that are no
  /// rotation (a quaternion off its norm, collinear 6-D vectors, an angle beyond kLargestAngle). The walk stays where it was then.
  [[nodiscard]] Status decode(std::span<const double> row, ToolPose<double>& base_from_target) noexcept;
  /// The row `[rule.size()]` of the next pose. Statuses as `decode`.
  [[nodiscard]] Status encode(const ToolPose<double>& base_from_target, std::span<double> row) noexcept;

 private:
  void step_to(ToolPose<double>& target) noexcept;

  PoseRule rule_;
  PoseAnchor anchor_;
  ToolPose<double> before_;                                   // what PoseReference::previous refers to
  Eigen::Quaterniond last_ = Eigen::Quaterniond::Identity();  // hemisphere
};

}  // namespace sinew
