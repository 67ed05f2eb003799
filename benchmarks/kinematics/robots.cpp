// SPDX-License-Identifier: Apache-2.0
#include "kinematics/robots.hpp"

#include <tinyxml2.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <numbers>
#include <set>
#include <sstream>
#include <string_view>

namespace sinew::bench {

namespace {

using tinyxml2::XMLElement;

const std::vector<Arm>& arms() {
  static const std::vector<Arm> arms = {
      {"panda", "panda_description/urdf/panda.urdf", "panda_link0", "panda_hand_tcp"},
      {"ur5", "ur_description/urdf/ur5_robot.urdf", "base_link", "tool0"},
      {"iiwa14", "models/robots/iiwa14.urdf", "iiwa_link_0", "iiwa_link_ee"},
      {"kinova", "kinova_description/robots/kinova.urdf", "base", "j2s6s200_end_effector"},
      {"ur3", "ur_description/urdf/ur3_robot.urdf", "base_link", "tool0"},
      {"ur10", "ur_description/urdf/ur10_robot.urdf", "base_link", "tool0"},
      {"ur5_limited", "ur_description/urdf/ur5_joint_limited_robot.urdf", "base_link", "tool0"},
      {"ur5e", "models/robots/ur5e.urdf", "base_link", "tool0"},
      {"panda_own", "models/robots/panda.urdf", "panda_link0", "panda_hand_tcp"},
      {"two_arm_torso", "models/robots/two_arm_torso.urdf", "torso_link", "left_tool"},
      {"xarm7", "xarm_description/urdf/xarm7.urdf", "world", "link_eef"},
      {"z1", "z1_description/urdf/z1.urdf", "link00", "gripperStator"},
      {"baxter", "baxter_description/urdf/baxter.urdf", "torso", "left_gripper"},
      {"tiago", "tiago_description/robots/tiago.urdf", "torso_lift_link", "hand_tool_link"},
      {"tiago_lift", "tiago_description/robots/tiago.urdf", "base_footprint", "hand_tool_link"},
      {"tiago_pro", "tiago_pro_description/robots/tiago_pro.urdf", "torso_lift_link", "arm_left_tool_link"},
      {"pr2", "pr2_description/urdf/pr2.urdf", "torso_lift_link", "r_gripper_tool_frame"},
      {"pr2_lift", "pr2_description/urdf/pr2.urdf", "base_footprint", "r_gripper_tool_frame"},
      {"talos", "talos_data/robots/talos_reduced.urdf", "torso_2_link", "arm_left_7_link"},
      {"romeo", "romeo_description/urdf/romeo.urdf", "torso", "l_gripper"},
      {"g1", "g1_description/urdf/g1_29dof_rev_1_0.urdf", "torso_link", "left_rubber_hand"},
      {"icub", "icub_description/robots/icub.urdf", "chest", "l_gripper"},
      {"alex", "alex_description/urdf/alex_nub_hands.urdf", "Torso", "leftNub"},
      {"centauro", "centauro_description/urdf/centauro.urdf", "torso_2", "ball1"},
      {"anymal_kinova", "anymal_b_simple_description/robots/anymal-kinova.urdf", "base", "j2s6s200_end_effector"},
      {"so101", "models/robots/so101.urdf", "base_link", "gripper_frame_link"}};
  return arms;
}

/// Deletes the children of `parent` that `keep` does not want.
template <class Keep>
void keep_only(XMLElement& parent, const Keep& keep) {
  for (XMLElement* child = parent.FirstChildElement(); child != nullptr;) {
    XMLElement* next = child->NextSiblingElement();
    if (!keep(*child)) parent.DeleteChild(child);
    child = next;
  }
}

void add_inertia(XMLElement& link) {
  XMLElement* inertial = link.InsertNewChildElement("inertial");
  inertial->InsertNewChildElement("mass")->SetAttribute("value", 1);
  XMLElement* inertia = inertial->InsertNewChildElement("inertia");
  for (const char* name : {"ixx", "iyy", "izz"}) inertia->SetAttribute(name, 1);
  for (const char* name : {"ixy", "ixz", "iyz"}) inertia->SetAttribute(name, 0);
}

std::string cut_down(const std::string& text, const std::set<std::string>& links, const std::set<std::string>& joints) {
  tinyxml2::XMLDocument document;
  document.Parse(text.data(), text.size());
  XMLElement& robot = *document.RootElement();
  const bool whole = links.empty();
  keep_only(robot, [&](const XMLElement& element) {
    const std::string_view kind = element.Name();
    if (kind == "link") return whole || links.contains(element.Attribute("name"));
    return kind == "joint" && element.Attribute("type") != nullptr && (whole || joints.contains(element.Attribute("name")));
  });
  for (XMLElement* link = robot.FirstChildElement("link"); link != nullptr; link = link->NextSiblingElement("link")) {
    link->DeleteChildren();
    add_inertia(*link);
  }
  for (XMLElement* joint = robot.FirstChildElement("joint"); joint != nullptr; joint = joint->NextSiblingElement("joint")) {
    if (std::string_view(joint->Attribute("type")) == "continuous") {
      joint->SetAttribute("type", "revolute");
      if (XMLElement* limit = joint->FirstChildElement("limit")) joint->DeleteChild(limit);
      XMLElement* limit = joint->InsertNewChildElement("limit");
      for (const char* name : {"effort", "velocity", "upper"}) limit->SetAttribute(name, 1000);
      limit->SetAttribute("lower", -1000);
    }
    keep_only(*joint, [](const XMLElement& element) {
      constexpr std::array<std::string_view, 5> kKept = {"origin", "parent", "child", "axis", "limit"};
      return std::find(kKept.begin(), kKept.end(), element.Name()) != kKept.end();
    });
  }
  tinyxml2::XMLPrinter printer;
  document.Print(&printer);
  return printer.CStr();
}

BaselineJoint numbers(const Urdf& urdf, const UrdfJoint& joint) {
  BaselineJoint out{.name = joint.name, .child = urdf.links[static_cast<std::size_t>(joint.child)].name};
  out.kind = joint.type == UrdfJointType::fixed       ? BaselineJoint::Kind::fixed
             : joint.type == UrdfJointType::prismatic ? BaselineJoint::Kind::prismatic
                                                      : BaselineJoint::Kind::revolute;
  for (int row = 0; row < 3; ++row) {
    const auto r = static_cast<std::size_t>(row);
    for (int column = 0; column < 3; ++column)
      out.rotation[3 * r + static_cast<std::size_t>(column)] = joint.parent_from_joint(row, column);
    out.translation[r] = joint.parent_from_joint(row, 3);
    out.axis[r] = joint.axis[row];
  }
  out.lower = joint.lower;
  out.upper = joint.upper;
  return out;
}

/// Through followers of followers to the joint that has a variable.
BaselineFollower follower(const Urdf& urdf, const UrdfJoint& joint, const std::vector<std::string>& joint_names) {
  BaselineFollower out{.name = joint.name};
  const UrdfJoint* driver = &joint;
  for (; driver->mimic; driver = &urdf.joints[static_cast<std::size_t>(urdf.find_joint(driver->mimic->joint))]) {
    out.offset += out.multiplier * driver->mimic->offset;
    out.multiplier *= driver->mimic->multiplier;
  }
  const auto found = std::find(joint_names.begin(), joint_names.end(), driver->name);
  if (found == joint_names.end())
    out.multiplier = 0;  // not part of this chain
  else
    out.variable = static_cast<std::size_t>(found - joint_names.begin());
  return out;
}

}  // namespace

std::span<const Arm> single_arms() { return std::span(arms()).first(4); }

std::span<const Arm> all_arms() { return arms(); }

std::span<const Arm> whole_robots() {
  static const std::vector<Arm> robots = {{"panda", "panda_description/urdf/panda.urdf", "panda_link0", ""},
                                          {"talos", "talos_data/robots/talos_reduced.urdf", "base_link", ""},
                                          {"tiago", "tiago_description/robots/tiago.urdf", "base_footprint", ""},
                                          {"pr2", "pr2_description/urdf/pr2.urdf", "base_footprint", ""}};
  return robots;
}

std::optional<std::string> read_description(const Arm& arm) {
  const std::filesystem::path root = arm.file.starts_with("models/") ? SINEW_BENCH_SOURCE : SINEW_BENCH_ROBOTS;
  std::ifstream file(root / arm.file);
  if (!file) return std::nullopt;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> childless_links(const std::string& text) {
  const Urdf urdf = parse_urdf(text);
  std::vector<bool> is_parent(urdf.links.size(), false);
  for (const UrdfJoint& joint : urdf.joints) is_parent[static_cast<std::size_t>(joint.parent)] = true;
  std::vector<std::string> names;
  const auto moves = [&](std::size_t link) {
    for (int joint = urdf.links[link].parent_joint; joint >= 0;) {
      const UrdfJoint& here = urdf.joints[static_cast<std::size_t>(joint)];
      if (here.type != UrdfJointType::fixed) return true;
      joint = urdf.links[static_cast<std::size_t>(here.parent)].parent_joint;
    }
    return false;
  };
  for (std::size_t i = 0; i < urdf.links.size(); ++i)
    if (!is_parent[i] && moves(i)) names.push_back(urdf.links[i].name);
  return names;
}

double reach_of(const BaselineRobot& robot) {
  double reach = 0;
  bool moving = false;
  for (const BaselineJoint& joint : robot.joints) {
    if (moving) reach += std::hypot(joint.translation[0], joint.translation[1], joint.translation[2]);
    if (joint.kind != BaselineJoint::Kind::fixed) moving = true;
    if (joint.kind == BaselineJoint::Kind::prismatic) reach += std::max(std::abs(joint.lower), std::abs(joint.upper));
  }
  return reach;
}

BaselineRobot baseline_robot(const std::string& text, const Arm& arm, const std::vector<std::string>& joint_names) {
  const Urdf urdf = parse_urdf(text);
  BaselineRobot robot{.original = text, .base = arm.base, .tip = arm.tip, .joint_names = joint_names};
  for (const UrdfJoint& joint : urdf.joints)
    if (joint.mimic) robot.followers.push_back(follower(urdf, joint, joint_names));
  std::set<std::string> links;
  std::set<std::string> joints;
  if (!arm.tip.empty()) {
    int link = urdf.find_link(arm.tip);
    const int base = urdf.find_link(arm.base);
    while (link != base) {
      const UrdfJoint& joint = urdf.joints[static_cast<std::size_t>(urdf.links[static_cast<std::size_t>(link)].parent_joint)];
      robot.joints.insert(robot.joints.begin(), numbers(urdf, joint));
      joints.insert(joint.name);
      links.insert(urdf.links[static_cast<std::size_t>(link)].name);
      link = joint.parent;
    }
    links.insert(arm.base);
  }
  robot.urdf = cut_down(text, links, joints);
  return robot;
}

std::vector<double> random_configurations(const Chain<>& chain, std::size_t count, std::uint64_t seed) {
  Random random(seed);
  std::vector<double> q;
  q.reserve(count * static_cast<std::size_t>(chain.dof()));
  for (std::size_t i = 0; i < count; ++i)
    for (int j = 0; j < chain.dof(); ++j) {
      const bool limited = std::isfinite(chain.lower()[j]) && std::isfinite(chain.upper()[j]);
      q.push_back(limited ? random.uniform(chain.lower()[j], chain.upper()[j]) : random.uniform(-std::numbers::pi, std::numbers::pi));
    }
  return q;
}

}  // namespace sinew::bench
