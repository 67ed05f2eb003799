// SPDX-License-Identifier: Apache-2.0
// Binds poses of tools as policies write them: deltas in base, tool and camera axes.
#include <optional>

#include "bindings.hpp"
#include "sinew/action/delta_pose.hpp"

namespace sinew {

namespace py = pybind11;
using namespace bindings;

namespace {

using RowMajor4 = Eigen::Matrix<double, 4, 4, Eigen::RowMajor>;

Eigen::Isometry3d pose_of(const Doubles& matrix, std::string_view where, std::string_view what) {
  require_shape(matrix, {4, 4}, where, what);
  Eigen::Isometry3d pose = Eigen::Isometry3d::Identity();
  pose.matrix() = Eigen::Map<const RowMajor4>(matrix.data());
  if (!pose.matrix().allFinite() || !is_rotation(pose.linear(), kMatrixTolerance) || pose.matrix().row(3) != Eigen::RowVector4d(0, 0, 0, 1))
    fail(ErrorCode::invalid_argument, {where, what, "a rigid pose", "something else", "its rotation may be off by 1e-6"});
  return pose;
}

Doubles to_array(const Eigen::Isometry3d& pose) {
  Doubles array({4, 4});
  Eigen::Map<RowMajor4>(array.mutable_data()) = pose.matrix();
  return array;
}

ToolPose<double> tool_of(const Eigen::Isometry3d& pose) { return {pose.translation(), quaternion_from_matrix(pose.linear())}; }

PoseAnchor anchor_of(const std::optional<Doubles>& tool, const std::optional<Doubles>& camera, const PoseRule& rule,
                     std::string_view where) {
  PoseAnchor anchor;
  if (tool) anchor.base_from_tool = tool_of(pose_of(*tool, where, "base_from_tool"));
  if (camera) anchor.base_from_camera = tool_of(pose_of(*camera, where, "base_from_camera"));
  if (!tool && rule.reference != PoseReference::absolute)
    fail(ErrorCode::invalid_argument, {where, "base_from_tool", "a pose, because the numbers are relative to it", "none", ""});
  if (!camera && rule.frame == PoseFrame::camera)
    fail(ErrorCode::invalid_argument, {where, "base_from_camera", "a pose, because the numbers are in its axes", "none", ""});
  return anchor;
}

}  // namespace

void bind_poses(py::module_& m) {
  const auto three = [](auto&& function, const char* where) {
    return [function, where](const Doubles& a, const Doubles& b, const Doubles& c) {
      return bindings::to_array(std::span<const double>(
          function(pose_of(a, where, "base_from_camera"), pose_of(b, where, "base_from_tip"), pose_of(c, where, "base_from_target")).data(),
          6));
    };
  };
  m.def("camera_delta", three([](auto&& a, auto&& b, auto&& c) { return camera_delta<double>(a, b, c); }, "camera_delta"),
        py::arg("base_from_camera"), py::arg("base_from_tip"), py::arg("base_from_target"),
        "float64 [6]: translation (m) and rotation vector (rad) of a tool in camera axes, separable (Qwen-RobotManip). Poses are [4, 4].");
  m.def(
      "apply_camera_delta",
      [](const Doubles& camera, const Doubles& tip, const Doubles& delta) {
        constexpr const char* kWhere = "apply_camera_delta";
        require_shape(delta, {6}, kWhere, "delta");
        const Delta6<double> values = Eigen::Map<const Delta6<double>>(delta.data());
        if (!values.allFinite()) fail(ErrorCode::invalid_argument, {kWhere, "delta", "finite numbers", "others", ""});
        return to_array(
            apply_camera_delta<double>(pose_of(camera, kWhere, "base_from_camera"), pose_of(tip, kWhere, "base_from_tip"), values));
      },
      py::arg("base_from_camera"), py::arg("base_from_tip"), py::arg("delta"), "base_from_target [4, 4] of a camera_delta [6].");
  m.def(
      "decode_poses",
      [](const Doubles& rows, const std::string& frame, const std::string& reference, const std::string& rotation,
         const std::optional<Doubles>& tool, const std::optional<Doubles>& camera) {
        constexpr const char* kWhere = "decode_poses";
        const PoseRule rule{pose_frame(frame), pose_reference(reference), rotation_layout(rotation)};
        require_shape(rows, {-1, rule.size()}, kWhere, "rows");
        PoseWalk walk(rule, anchor_of(tool, camera, rule, kWhere));
        Doubles poses({rows.shape(0), py::ssize_t{4}, py::ssize_t{4}});
        for (py::ssize_t i = 0; i < rows.shape(0); ++i) {
          ToolPose<double> target;
          const std::span<const double> row(rows.data(i, 0), static_cast<std::size_t>(rule.size()));
          raise_unless_ok(walk.decode(row, target), kWhere, fmt::format("row {}", i));
          RowMajor4 matrix = RowMajor4::Identity();
          matrix.topLeftCorner<3, 3>() = target.rotation.toRotationMatrix();
          matrix.topRightCorner<3, 1>() = target.position;
          Eigen::Map<RowMajor4>(poses.mutable_data(i, 0, 0)) = matrix;
        }
        return poses;
      },
      py::arg("rows"), py::arg("frame") = "base", py::arg("reference") = "first", py::arg("rotation") = "rotvec",
      py::arg("base_from_tool") = py::none(), py::arg("base_from_camera") = py::none(),
      "rows [n, 3 + rotation] -> base_from_target [n, 4, 4]. frame: \"base\", \"tool\" or \"camera\"; reference: \"absolute\", \"first\" "
      "or "
      "\"previous\"; rotation: a layout of kinematics.rotation.");
  m.def(
      "encode_poses",
      [](const Doubles& poses, const std::string& frame, const std::string& reference, const std::string& rotation,
         const std::optional<Doubles>& tool, const std::optional<Doubles>& camera) {
        constexpr const char* kWhere = "encode_poses";
        const PoseRule rule{pose_frame(frame), pose_reference(reference), rotation_layout(rotation)};
        require_shape(poses, {-1, 4, 4}, kWhere, "poses");
        PoseWalk walk(rule, anchor_of(tool, camera, rule, kWhere));
        Doubles rows({poses.shape(0), static_cast<py::ssize_t>(rule.size())});
        for (py::ssize_t i = 0; i < poses.shape(0); ++i) {
          const Doubles one({4, 4}, poses.data(i, 0, 0));
          const std::span<double> row(rows.mutable_data(i, 0), static_cast<std::size_t>(rule.size()));
          raise_unless_ok(walk.encode(tool_of(pose_of(one, kWhere, fmt::format("pose {}", i))), row), kWhere, fmt::format("pose {}", i));
        }
        return rows;
      },
      py::arg("poses"), py::arg("frame") = "base", py::arg("reference") = "first", py::arg("rotation") = "rotvec",
      py::arg("base_from_tool") = py::none(), py::arg("base_from_camera") = py::none(),
      "The way back: base_from_target [n, 4, 4] -> rows [n, 3 + rotation].");
}

}  // namespace sinew
