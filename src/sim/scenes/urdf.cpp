// SPDX-License-Identifier: Apache-2.0
// Writes the arm as URDF.
#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "arm.hpp"

namespace sinew::sim {

namespace {

using arm::Inertia;
using arm::Shape;
using arm::Vector3;

class UrdfWriter {
 public:
  void link(std::string_view name, const Inertia& inertia, const std::vector<Shape>& shapes, double mirror = 1) {
    add("  <link name=\"{}\">\n", name);
    add("    <inertial><origin xyz=\"{} {} {}\"/><mass value=\"{}\"/>", inertia.centre[0], mirror * inertia.centre[1], inertia.centre[2],
        inertia.mass);
    add("<inertia ixx=\"{}\" iyy=\"{}\" izz=\"{}\" ixy=\"0\" ixz=\"0\" iyz=\"0\"/></inertial>\n", inertia.moments[0], inertia.moments[1],
        inertia.moments[2]);
    for (const Shape& shape : shapes) visual(shape, mirror);
    add("  </link>\n");
  }
  void empty_link(std::string_view name) { add("  <link name=\"{}\"/>\n", name); }
  void joint(std::string_view name, std::string_view type, std::string_view parent, std::string_view child, const Vector3& origin,
             const Vector3& rpy) {
    add("  <joint name=\"{}\" type=\"{}\">\n    <parent link=\"{}\"/><child link=\"{}\"/>", name, type, parent, child);
    add("<origin xyz=\"{} {} {}\" rpy=\"{} {} {}\"/>\n", origin[0], origin[1], origin[2], rpy[0], rpy[1], rpy[2]);
  }
  void motion(const Vector3& axis, double lower, double upper, double effort, double velocity) {
    add("    <axis xyz=\"{} {} {}\"/><limit lower=\"{}\" upper=\"{}\" effort=\"{}\" velocity=\"{}\"/>\n", axis[0], axis[1], axis[2], lower,
        upper, effort, velocity);
  }
  template <class... Values>
  void add(fmt::format_string<Values...> format, Values&&... values) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Values>(values)...);
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  // URDF has no capsule: its axis and radius become a cylinder, which is what a viewer needs.
  void visual(const Shape& shape, double mirror) {
    if (shape.kind == Shape::Kind::box) {
      add("    <visual><origin xyz=\"{} {} {}\"/><geometry><box size=\"{} {} {}\"/></geometry></visual>\n", shape.a[0], mirror * shape.a[1],
          shape.a[2], 2 * shape.b[0], 2 * shape.b[1], 2 * shape.b[2]);
      return;
    }
    const Vector3 along{shape.b[0] - shape.a[0], shape.b[1] - shape.a[1], shape.b[2] - shape.a[2]};
    const double length = std::hypot(along[0], along[1], along[2]);
    const double pitch = std::acos(along[2] / length);
    const double yaw = std::atan2(along[1], along[0]);
    add("    <visual><origin xyz=\"{} {} {}\" rpy=\"0 {} {}\"/><geometry><cylinder radius=\"{}\" length=\"{}\"/></geometry></visual>\n",
        (shape.a[0] + shape.b[0]) / 2, (shape.a[1] + shape.b[1]) / 2, (shape.a[2] + shape.b[2]) / 2, pitch, yaw, shape.radius, length);
  }
  std::string text_;
};

}  // namespace

std::string tabletop_urdf() {
  const JointLimits limits = tabletop_limits();
  UrdfWriter out;
  out.add(
      "<?xml version=\"1.0\"?>\n<!-- 7-DoF arm with Panda-class DH parameters and a parallel gripper. Primitives only. -->\n<robot "
      "name=\"sinew_arm7\">\n");
  out.link("link0", arm::kBaseInertia, arm::base_shapes());
  std::string_view parent = "link0";
  for (std::size_t i = 0; i < arm::joints().size(); ++i) {
    const auto& row = arm::joints()[i];
    out.link(row.link, row.inertia, row.shapes);
    out.joint(row.name, "revolute", parent, row.link, row.origin, {row.roll, 0, 0});
    out.motion({0, 0, 1}, row.lower, row.upper, row.effort, limits.velocity[i]);
    out.add("  </joint>\n");
    parent = row.link;
  }
  out.link("hand", arm::kHandInertia, arm::hand_shapes());
  out.joint("hand_joint", "fixed", parent, "hand", {0, 0, arm::kFlange}, {0, 0, arm::kHandYaw});
  out.add("  </joint>\n");
  for (const double side : {1.0, -1.0}) {
    const std::string_view link = side > 0 ? "finger_left" : "finger_right";
    out.link(link, arm::kFingerInertia, arm::finger_shapes(), side);
    out.joint(side > 0 ? "finger_left_joint" : "finger_right_joint", "prismatic", "hand", link, {0, 0, arm::kFingerOffset}, {0, 0, 0});
    out.motion({0, side, 0}, 0, arm::kFingerTravel, 40, limits.velocity[kArmJoints] / 2);
    if (side < 0) out.add("    <mimic joint=\"finger_left_joint\"/>\n");
    out.add("  </joint>\n");
  }
  out.empty_link("tool");
  out.joint("tool_joint", "fixed", "hand", "tool", {0, 0, arm::kToolOffset}, {0, 0, 0});
  out.add("  </joint>\n</robot>\n");
  return out.take();
}

}  // namespace sinew::sim
