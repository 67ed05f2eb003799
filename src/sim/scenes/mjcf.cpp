// SPDX-License-Identifier: Apache-2.0
// Writes the whole scene as MJCF: arm, table, cubes, plates, lights, cameras.
#include <fmt/format.h>

#include <iterator>

#include "arm.hpp"
#include "colours.hpp"

namespace sinew::sim {

namespace {

using arm::Finish;
using arm::Inertia;
using arm::Shape;

// Everything that does not repeat: options, looks, table, lights. 1 ms steps: commands at any
// whole number of milliseconds land on a step.
constexpr std::string_view kHead = R"(<mujoco model="sinew_tabletop">
  <compiler angle="radian" autolimits="true"/>
  <option timestep="0.001" integrator="implicitfast" cone="elliptic" impratio="10"/>
  <statistic center="0.42 0 0.2" extent="1"/>
  <visual>
    <global offwidth="640" offheight="480"/>
    <quality shadowsize="1024" offsamples="0" numslices="40" numstacks="24"/>
    <headlight ambient="0.34 0.34 0.36" diffuse="0.22 0.22 0.22" specular="0.05 0.05 0.05"/>
    <map znear="0.02" zfar="12" shadowclip="0.75" shadowscale="0.9"/>
  </visual>
  <default>
    <joint damping="1" armature="0.1"/>
    <default class="look"><geom contype="0" conaffinity="0" group="1" mass="0"/></default>
    <default class="pad"><geom type="box" group="4" mass="0" friction="1.5 0.05 0.001" condim="4" solref="0.01 1"/></default>
    <default class="cube"><geom type="box" mass="0.05" friction="1.2 0.02 0.001" condim="4" solref="0.01 1"/></default>
    <default class="plate"><geom type="cylinder" friction="1 0.01 0.001"/></default>
  </default>
  <asset>
    <texture name="sky" type="skybox" builtin="gradient" rgb1="0.86 0.90 0.95" rgb2="0.52 0.60 0.70" width="128" height="128"/>
    <texture name="wood" type="2d" builtin="flat" rgb1="0.72 0.56 0.39" rgb2="0.72 0.56 0.39" width="512" height="512"/>
    <texture name="laminate" type="2d" builtin="flat" rgb1="0.92 0.92 0.92" rgb2="0.92 0.92 0.92" width="256" height="256"/>
    <texture name="tiles" type="2d" builtin="checker" rgb1="0.66 0.69 0.73" rgb2="0.62 0.65 0.69" width="128" height="128"/>
    <material name="wood" texture="wood" texrepeat="1 1" specular="0.15" shininess="0.3"/>
    <material name="laminate" texture="laminate" texrepeat="1 1" specular="0.15" shininess="0.3"/>
    <material name="tiles" texture="tiles" texrepeat="8 8" specular="0.1" shininess="0.1"/>
    <material name="table_edge" rgba="0.50 0.37 0.25 1" specular="0.1"/>
    <material name="table_leg" rgba="0.22 0.24 0.27 1" specular="0.2"/>
    <material name="shell" rgba="0.93 0.94 0.95 1" specular="0.45" shininess="0.6"/>
    <material name="joint" rgba="0.21 0.23 0.26 1" specular="0.5" shininess="0.5"/>
    <material name="accent" rgba="0.05 0.55 0.60 1" specular="0.4" shininess="0.5"/>
    <material name="rubber" rgba="0.08 0.08 0.09 1" specular="0.1" shininess="0.1"/>
  </asset>
  <worldbody>
    <light name="key" pos="0.906 -0.868 1.736" dir="-0.28 0.5 -1" directional="true" diffuse="0.58 0.56 0.52" specular="0.25 0.25 0.25" castshadow="true"/>
    <light name="fill" pos="0.2 1.2 1.6" dir="0.15 -0.6 -1" directional="true" diffuse="0.14 0.16 0.20" specular="0 0 0" castshadow="false"/>
    <geom name="floor" class="look" type="plane" size="4 4 0.1" pos="0 0 -0.72" material="tiles"/>
    <geom name="table" type="box" size="0.62 0.62 0.02" pos="0.42 0 -0.02" material="wood" friction="1 0.01 0.001"/>
    <geom class="look" type="box" size="0.625 0.625 0.016" pos="0.42 0 -0.022" material="table_edge"/>
    <geom class="look" type="box" size="0.03 0.03 0.34" pos="-0.14 -0.56 -0.38" material="table_leg"/>
    <geom class="look" type="box" size="0.03 0.03 0.34" pos="-0.14 0.56 -0.38" material="table_leg"/>
    <geom class="look" type="box" size="0.03 0.03 0.34" pos="0.98 -0.56 -0.38" material="table_leg"/>
    <geom class="look" type="box" size="0.03 0.03 0.34" pos="0.98 0.56 -0.38" material="table_leg"/>
    <camera name="front" pos="1.02 0 0.70" xyaxes="0 1 0 -0.74 0 0.67" fovy="42"/>
    <camera name="video" pos="1.36 -1.02 0.86" xyaxes="0.74 0.67 0 -0.28 0.31 0.91" fovy="38"/>
)";

constexpr std::string_view kContactAndGripper = R"(  <contact>
    <exclude body1="hand" body2="finger_left"/><exclude body1="hand" body2="finger_right"/>
  </contact>
  <tendon><fixed name="opening"><joint joint="finger_left_joint" coef="1"/><joint joint="finger_right_joint" coef="1"/></fixed></tendon>
  <equality><joint joint1="finger_left_joint" joint2="finger_right_joint" solimp="0.95 0.99 0.001" solref="0.005 1"/></equality>
)";

std::string_view material(Finish finish) {
  switch (finish) {
    case Finish::shell: return "shell";
    case Finish::joint: return "joint";
    case Finish::accent: return "accent";
    case Finish::rubber: break;
  }
  return "rubber";
}

std::string text_of(const Colour& colour) { return fmt::format("{} {} {}", colour[0], colour[1], colour[2]); }

class MjcfWriter {
 public:
  template <class... Values>
  void add(fmt::format_string<Values...> format, Values&&... values) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Values>(values)...);
  }
  void text(std::string_view text) { text_ += text; }
  void shape(const Shape& shape, double mirror = 1) {
    if (shape.kind == Shape::Kind::box)
      add("<geom class=\"look\" type=\"box\" pos=\"{} {} {}\" size=\"{} {} {}\" material=\"{}\"/>\n", shape.a[0], mirror * shape.a[1],
          shape.a[2], shape.b[0], shape.b[1], shape.b[2], material(shape.finish));
    else
      add("<geom class=\"look\" type=\"{}\" fromto=\"{} {} {} {} {} {}\" size=\"{}\" material=\"{}\"/>\n",
          shape.kind == Shape::Kind::capsule ? "capsule" : "cylinder", shape.a[0], shape.a[1], shape.a[2], shape.b[0], shape.b[1],
          shape.b[2], shape.radius, material(shape.finish));
  }
  void inertial(const Inertia& inertia, double mirror = 1) {
    add("<inertial pos=\"{} {} {}\" mass=\"{}\" diaginertia=\"{} {} {}\"/>\n", inertia.centre[0], mirror * inertia.centre[1],
        inertia.centre[2], inertia.mass, inertia.moments[0], inertia.moments[1], inertia.moments[2]);
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

void write_hand(MjcfWriter& out) {
  out.add("<body name=\"hand\" pos=\"0 0 {}\" euler=\"0 0 {}\" gravcomp=\"1\">\n", arm::kFlange, arm::kHandYaw);
  out.inertial(arm::kHandInertia);
  for (const Shape& shape : arm::hand_shapes()) out.shape(shape);
  out.text("<camera name=\"wrist\" pos=\"0.075 0 0.02\" xyaxes=\"0 -1 0 -0.95 0 -0.31\" fovy=\"75\"/>\n");
  out.add("<site name=\"tool\" pos=\"0 0 {}\" size=\"0.004\" group=\"4\"/>\n", arm::kToolOffset);
  for (const double side : {1.0, -1.0}) {
    const std::string_view name = side > 0 ? "finger_left" : "finger_right";
    out.add("<body name=\"{}\" pos=\"0 0 {}\" gravcomp=\"1\">\n", name, arm::kFingerOffset);
    out.inertial(arm::kFingerInertia, side);
    // Stiff stops: a hand that comes down on a cube wedges the fingers apart, and MuJoCo's usual stop gives way by a tenth of the opening.
    out.add(
        "<joint name=\"{}_joint\" type=\"slide\" axis=\"0 {} 0\" range=\"0 {}\" damping=\"10\" armature=\"0.05\" solreflimit=\"0.003 1\" "
        "solimplimit=\"0.99 0.999 0.0002\"/>\n",
        name, side, arm::kFingerTravel);
    for (const Shape& shape : arm::finger_shapes()) out.shape(shape, side);
    out.add("<geom class=\"pad\" size=\"0.009 0.0055 0.026\" pos=\"0 {} 0.026\"/>\n</body>\n", side * 0.0055);
  }
  out.text("</body>\n");
}

void write_arm(MjcfWriter& out) {
  out.text("<body name=\"link0\" gravcomp=\"1\">\n");
  for (const Shape& shape : arm::base_shapes()) out.shape(shape);
  for (const auto& row : arm::joints()) {
    out.add("<body name=\"{}\" pos=\"{} {} {}\" euler=\"{} 0 0\" gravcomp=\"1\">\n", row.link, row.origin[0], row.origin[1], row.origin[2],
            row.roll);
    out.inertial(row.inertia);
    out.add("<joint name=\"{}\" axis=\"0 0 1\" range=\"{} {}\"/>\n", row.name, row.lower, row.upper);
    for (const Shape& shape : row.shapes) out.shape(shape);
  }
  write_hand(out);
  for (std::size_t i = 0; i <= arm::joints().size(); ++i) out.text("</body>");
  out.text("\n");
}

void write_objects(MjcfWriter& out) {
  for (std::size_t i = 0; i < kColours; ++i) {
    out.add("<body name=\"plate_{}\" mocap=\"true\" pos=\"0.5 {} 0\">", kPlateColours[i], 0.15 * (static_cast<double>(i) - 1));
    out.add("<geom class=\"plate\" size=\"{} {}\" pos=\"0 0 {}\" rgba=\"{} 1\"/>", kPlateRadius, kPlateHeight / 2, kPlateHeight / 2,
            text_of(kPlatePaint[i]));
    out.add("<geom class=\"look\" type=\"cylinder\" size=\"{} 0.0005\" pos=\"0 0 {}\" rgba=\"{} 1\"/></body>\n", 0.8 * kPlateRadius,
            kPlateHeight, text_of(kPlateInnerPaint[i]));
  }
  for (std::size_t i = 0; i < kColours; ++i) {
    out.add("<body name=\"cube_{}\" pos=\"0.38 {} {}\"><freejoint name=\"cube_{}\"/>", kCubeColours[i], 0.15 * (static_cast<double>(i) - 1),
            kCubeHalf, kCubeColours[i]);
    out.add("<geom class=\"cube\" size=\"{} {} {}\" rgba=\"{} 1\"/></body>\n", kCubeHalf, kCubeHalf, kCubeHalf, text_of(kCubePaint[i]));
  }
}

}  // namespace

std::string tabletop_mjcf() {
  MjcfWriter out;
  out.text(kHead);
  write_arm(out);
  write_objects(out);
  out.text("  </worldbody>\n");
  out.text(kContactAndGripper);
  out.text("  <actuator>\n");
  for (const auto& row : arm::joints())
    out.add("    <position name=\"{0}\" joint=\"{0}\" kp=\"{1}\" kv=\"{2}\" forcerange=\"{3} {4}\"/>\n", row.name, row.servo,
            row.servo * arm::kServoTime, -row.effort, row.effort);
  out.add("    <position name=\"gripper\" tendon=\"opening\" kp=\"500\" kv=\"15\" forcerange=\"-20 20\" ctrlrange=\"0 {}\"/>\n",
          kGripperWidth);
  out.text("  </actuator>\n</mujoco>\n");
  return out.take();
}

}  // namespace sinew::sim
