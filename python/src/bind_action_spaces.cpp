// SPDX-License-Identifier: Apache-2.0
// Binds what actions mean: poses, relative joints, grippers, canonical and padded layouts, waypoints.
#include <optional>

#include "bindings.hpp"
#include "sinew/action/canonical.hpp"
#include "sinew/action/delta_pose.hpp"
#include "sinew/action/gripper.hpp"
#include "sinew/action/padded_chunk.hpp"
#include "sinew/action/relative.hpp"
#include "sinew/action/waypoints.hpp"

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

Doubles copy_of(const Doubles& array) {
  Doubles copy(std::vector<py::ssize_t>(array.shape(), array.shape() + array.ndim()));
  std::copy_n(array.data(), array.size(), copy.mutable_data());
  return copy;
}
std::span<double> writable(Doubles& array) { return {array.mutable_data(), static_cast<std::size_t>(array.size())}; }

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

void bind_relative(py::module_& m) {
  m.def(
      "relative_mask",
      [](const std::vector<std::string>& names, const std::vector<std::string>& exclude, std::size_t dim) {
        if (dim > 65536) fail(ErrorCode::invalid_argument, {"relative_mask", "dim", "at most 65536", std::to_string(dim), ""});
        return relative_mask(names, exclude, dim);
      },
      py::arg("names"), py::arg("exclude"), py::arg("dim"),
      "LeRobot's mask: dimensions whose name contains an entry of `exclude` stay absolute.");
  m.def(
      "relative_mask_of_runs", [](const std::vector<int>& runs) { return relative_mask(runs); }, py::arg("runs"),
      "openpi's mask: n relative dimensions for n > 0, -n absolute ones for n < 0, e.g. (6, -1).");
  const auto way = [](Status (RelativeActions::*function)(std::span<double>, std::size_t, std::span<const double>) const noexcept,
                      const char* where) {
    return [function, where](const Doubles& actions, const Doubles& state, const std::vector<bool>& mask) {
      if (actions.ndim() < 1) fail(ErrorCode::invalid_argument, {where, "actions", "[..., dim]", shape_text(actions), ""});
      require_shape(state, {-1}, where, "state");
      Doubles result = copy_of(actions);
      raise_unless_ok(
          (RelativeActions(mask).*function)(writable(result), static_cast<std::size_t>(actions.shape(actions.ndim() - 1)), as_span(state)),
          where, "actions and state");
      return result;
    };
  };
  m.def("to_relative", way(&RelativeActions::to_relative, "to_relative"), py::arg("actions"), py::arg("state"), py::arg("mask"),
        "actions [..., dim] minus state [>= mask] in the masked dimensions.");
  m.def("to_absolute", way(&RelativeActions::to_absolute, "to_absolute"), py::arg("actions"), py::arg("state"), py::arg("mask"),
        "The way back; the state must be the one that the inference used.");
}

void bind_grippers(py::module_& m) {
  m.def(
      "convert_gripper",
      [](const Doubles& values, const std::string& from, const std::string& to) {
        const GripperRule a = gripper_rule(from), b = gripper_rule(to);
        Doubles result = copy_of(values);
        for (double& value : writable(result)) value = convert_gripper(a, b, value);
        return result;
      },
      py::arg("values"), py::arg("source"), py::arg("target"), "Values of one convention in another; names in gripper_conventions().");
  m.def(
      "gripper_conventions",
      [] {
        py::dict rules;
        for (const auto name : gripper_rule_names()) {
          const GripperRule rule = gripper_rule(name);
          rules[py::str(std::string(name))] = py::dict(py::arg("open") = rule.open, py::arg("closed") = rule.closed);
        }
        return rules;
      },
      "dict name -> {open, closed}.");
  const auto aloha = [](Status (*function)(std::span<double>) noexcept, const char* where) {
    return [function, where](const Doubles& rows) {
      Doubles result = copy_of(rows);
      raise_unless_ok(rows.ndim() >= 1 && rows.shape(rows.ndim() - 1) == kAlohaDim ? function(writable(result)) : Status::bad_shape, where,
                      "rows [..., 14]");
      return result;
    };
  };
  m.def("aloha_states_to_pi", aloha(&aloha_states_to_pi, "aloha_states_to_pi"), py::arg("states"),
        "ALOHA's state [..., 14] in pi's space (openpi adapt_to_pi).");
  m.def("aloha_actions_to_pi", aloha(&aloha_actions_to_pi, "aloha_actions_to_pi"), py::arg("actions"),
        "ALOHA's actions [..., 14] in pi's space, for training.");
  m.def("aloha_actions_from_pi", aloha(&aloha_actions_from_pi, "aloha_actions_from_pi"), py::arg("actions"),
        "pi's actions [..., 14] as ALOHA takes them.");
}

std::vector<CanonicalSlot> slots_of(const py::object& parts, std::string_view where) {
  std::vector<CanonicalSlot> slots;
  if (py::isinstance<py::dict>(parts)) {
    for (const auto& [name, value] : parts.cast<py::dict>()) {
      const CanonicalPart part = canonical_part(name.cast<std::string>());
      const bool whole = py::isinstance<py::int_>(value);
      const auto size = whole ? value.cast<std::int64_t>() : static_cast<std::int64_t>(py::len(value));
      slots.push_back({part, size < 0 ? std::size_t{0} : static_cast<std::size_t>(size)});
    }
  } else if (py::isinstance<py::sequence>(parts) && !py::isinstance<py::str>(parts)) {
    for (const auto& name : parts) {
      const CanonicalPart part = canonical_part(name.cast<std::string>());
      slots.push_back({part, canonical_range(part).size});
    }
  } else {
    fail(ErrorCode::invalid_argument, {where, "parts", "a dict name -> values or size, or a list of names", "something else", ""});
  }
  return slots;
}

void bind_canonical(py::module_& action) {
  py::module_ m = action.def_submodule("canonical", "The 80 canonical dimensions of Qwen-RobotManip; names in docs/action_spaces.md.");
  m.def(
      "pack",
      [](const py::dict& parts) {
        constexpr const char* kWhere = "canonical.pack";
        const CanonicalLayout layout(slots_of(parts, kWhere));
        std::vector<double> own;
        for (const auto& [name, value] : parts) {
          const auto array = Doubles::ensure(value);
          if (!array || array.ndim() != 1) {
            PyErr_Clear();
            fail(ErrorCode::invalid_argument, {kWhere, name.cast<std::string>(), "numbers [n]", "something else", ""});
          }
          own.insert(own.end(), array.data(), array.data() + array.size());
        }
        Doubles vector(static_cast<py::ssize_t>(kCanonicalDim));
        raise_unless_ok(layout.pack<double>(own, writable(vector)), kWhere, "parts");
        py::array_t<bool> mask(static_cast<py::ssize_t>(kCanonicalDim));
        std::ranges::copy(layout.slot_mask(), mask.mutable_data());
        return py::make_tuple(vector, mask);
      },
      py::arg("parts"), "dict part -> values [n] -> (vector float64 [80], mask bool [80]); a part may use fewer dimensions than it has.");
  m.def(
      "unpack",
      [](const Doubles& vector, const py::object& parts) {
        constexpr const char* kWhere = "canonical.unpack";
        if (vector.ndim() < 1 || vector.shape(vector.ndim() - 1) != static_cast<py::ssize_t>(kCanonicalDim))
          fail(ErrorCode::invalid_argument, {kWhere, "vector", "shape [..., 80]", shape_text(vector), ""});
        py::dict result;
        for (const auto& slot : slots_of(parts, kWhere)) {
          const CanonicalLayout one({slot});
          std::vector<py::ssize_t> shape(vector.shape(), vector.shape() + vector.ndim());
          shape.back() = static_cast<py::ssize_t>(slot.size);
          Doubles values(shape);
          raise_unless_ok(one.unpack<double>(as_span(vector), writable(values)), kWhere, "vector");
          result[py::str(std::string(to_string(slot.part)))] = values;
        }
        return result;
      },
      py::arg("vector"), py::arg("parts"),
      "vector [..., 80] -> dict part -> [..., n]. parts: dict part -> size (or values of that length), or names.");
  m.def(
      "ranges",
      [] {
        py::dict ranges;
        for (std::size_t i = 0; i < kCanonicalParts; ++i) {
          const auto part = static_cast<CanonicalPart>(i);
          const auto [first, size] = canonical_range(part);
          ranges[py::str(std::string(to_string(part)))] = py::make_tuple(first, first + size);
        }
        return ranges;
      },
      "dict part -> (first, end), from 0.");
}

void bind_waypoints(py::module_& m) {
  const auto rows = [](const char* where, auto&& function) {
    return [where, function](const Doubles& values, const Doubles& other) {
      require_shape(values, {-1, 3}, where, "rows");
      require_shape(other, {3}, where, "second argument");
      Doubles result = copy_of(values);
      raise_unless_ok(function(writable(result), other.data()), where, "rows");
      return result;
    };
  };
  m.def("scale_waypoints",
        rows("scale_waypoints", [](std::span<double> r, const double* s) { return scale_waypoints({s[0], s[1], s[2]}, r); }),
        py::arg("rows"), py::arg("scale"),
        "x, y (m), heading (rad) [n, 3] divided by scale [3] (99th percentiles) and clipped to [-1, 1].");
  m.def("unscale_waypoints",
        rows("unscale_waypoints", [](std::span<double> r, const double* s) { return unscale_waypoints({s[0], s[1], s[2]}, r); }),
        py::arg("rows"), py::arg("scale"), "The way back.");
  m.def("waypoints_to_world",
        rows("waypoints_to_world", [](std::span<double> r, const double* b) { return waypoints_to_world({b[0], b[1], b[2]}, r); }),
        py::arg("rows"), py::arg("world_from_body"), "Waypoints [n, 3] of the body frame in the world; world_from_body is x, y, heading.");
  m.def("waypoints_to_body",
        rows("waypoints_to_body", [](std::span<double> r, const double* b) { return waypoints_to_body({b[0], b[1], b[2]}, r); }),
        py::arg("rows"), py::arg("world_from_body"), "The way back.");
  m.def(
      "chain_waypoints",
      [](const Doubles& values) {
        require_shape(values, {-1, 3}, "chain_waypoints", "rows");
        Doubles result = copy_of(values);
        raise_unless_ok(chain_waypoints(writable(result)), "chain_waypoints", "rows");
        return result;
      },
      py::arg("rows"), "Steps [n, 3], each in the axes of the one before, as waypoints in the axes of the first.");
}

}  // namespace

void bind_action_spaces(py::module_& m) {
  bind_poses(m);
  bind_relative(m);
  bind_grippers(m);
  bind_canonical(m);
  bind_waypoints(m);
}

}  // namespace sinew
