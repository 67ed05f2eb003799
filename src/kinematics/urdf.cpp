// SPDX-License-Identifier: Apache-2.0
#include "sinew/kinematics/urdf.hpp"

#include <fmt/format.h>
#include <tinyxml2.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <initializer_list>
#include <limits>
#include <unordered_map>

#include "sinew/kinematics/rotation.hpp"
#include "urdf_text.hpp"

namespace sinew {
namespace {

using tinyxml2::XMLElement;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

class Reader {
 public:
  Reader(std::string_view xml, const std::string& where) : text_{where} {
    text_.check_markup(xml);
    if (document_.Parse(xml.data(), xml.size()) != tinyxml2::XML_SUCCESS)
      text_.refuse(ErrorCode::parse, std::max(document_.ErrorLineNum(), 1), "XML", "well-formed XML",
                   tinyxml2::XMLDocument::ErrorIDToName(document_.ErrorID()));
  }

  Urdf read() {
    const XMLElement* robot = document_.RootElement();
    if (robot == nullptr || std::string_view(robot->Name()) != "robot" || robot->NextSiblingElement() != nullptr)
      text_.refuse(ErrorCode::parse, robot != nullptr ? robot->GetLineNum() : 1, "root element", "one <robot>",
                   robot == nullptr
                       ? "none"
                       : fmt::format("<{}>{}", detail::printable(robot->Name()), robot->NextSiblingElement() ? " and more" : ""));
    refuse_xacro(robot);
    if (const char* name = robot->Attribute("name")) {
      text_.check_name(name, robot->GetLineNum(), "robot name");
      urdf_.name = name;
    }
    read_links(robot);
    read_joints(robot);
    connect();
    check_mimics();
    return std::move(urdf_);
  }

 private:
  void refuse_xacro(const XMLElement* robot) {
    const tinyxml2::XMLNode* node = robot;
    int depth = 1;
    while (node != nullptr) {
      if (const XMLElement* element = node->ToElement(); element != nullptr && std::string_view(element->Name()).starts_with("xacro:"))
        text_.refuse(ErrorCode::unsupported, element->GetLineNum(), fmt::format("<{}>", detail::printable(element->Name())), "plain URDF",
                     "xacro", "expand it first: xacro robot.urdf.xacro > robot.urdf");
      if (node->FirstChild() != nullptr) {
        node = node->FirstChild();
        if (++depth > 64) text_.refuse(ErrorCode::limit, node->GetLineNum(), "nesting", "at most 64 elements deep", "more");
        continue;
      }
      while (node != robot && node->NextSibling() == nullptr) {
        node = node->Parent();
        --depth;
      }
      node = node == robot ? nullptr : node->NextSibling();
    }
  }

  std::string name_of(const XMLElement* element, const char* attribute_name, const std::string& what) {
    const char* name = element->Attribute(attribute_name);
    if (name == nullptr) text_.refuse(ErrorCode::parse, element->GetLineNum(), what, fmt::format("attribute '{}'", attribute_name), "none");
    text_.check_name(name, element->GetLineNum(), fmt::format("{} {}", what, attribute_name));
    return name;
  }

  /// The only child of that name, or nullptr; `allowed` lists its attributes, empty means any.
  const XMLElement* child(const XMLElement* joint, const char* name, const std::string& what,
                          std::initializer_list<std::string_view> allowed) {
    const XMLElement* element = joint->FirstChildElement(name);
    if (element == nullptr) return nullptr;
    if (const XMLElement* second = element->NextSiblingElement(name))
      text_.refuse(ErrorCode::parse, second->GetLineNum(), fmt::format("{} <{}>", what, name), "once", "twice");
    for (const auto* a = element->FirstAttribute(); a != nullptr && allowed.size() > 0; a = a->Next()) {
      if (std::find(allowed.begin(), allowed.end(), std::string_view(a->Name())) == allowed.end())
        text_.refuse(ErrorCode::unsupported, element->GetLineNum(), fmt::format("{} <{}>", what, name),
                     fmt::format("attributes {}", join_names({allowed.begin(), allowed.size()})),
                     fmt::format("'{}'", detail::printable(a->Name())));
    }
    return element;
  }

  std::optional<double> number(const XMLElement* element, const char* name, const std::string& what) {
    const char* value = element->Attribute(name);
    if (value == nullptr) return std::nullopt;
    double result = 0;
    text_.read_numbers(value, element->GetLineNum(), fmt::format("{} {}", what, name), {&result, 1});
    return result;
  }

  Eigen::Vector3d vector(const XMLElement* element, const char* name, const std::string& what, const Eigen::Vector3d& fallback) {
    const char* value = element->Attribute(name);
    if (value == nullptr) return fallback;
    Eigen::Vector3d result;
    text_.read_numbers(value, element->GetLineNum(), fmt::format("{} {}", what, name), {result.data(), 3});
    return result;
  }

  void warn(int line, std::string_view message) { urdf_.warnings.push_back(fmt::format("{} line {}: {}", text_.where, line, message)); }

  void read_links(const XMLElement* robot) {
    for (const auto* element = robot->FirstChildElement("link"); element != nullptr; element = element->NextSiblingElement("link")) {
      const int line = element->GetLineNum();
      UrdfLink link{.name = name_of(element, "name", "link"), .parent_joint = -1, .line = line};
      if (!links_.emplace(link.name, static_cast<int>(urdf_.links.size())).second)
        text_.refuse(ErrorCode::parse, line, fmt::format("link '{}'", link.name), "a unique name",
                     fmt::format("the name of line {}", urdf_.links[static_cast<std::size_t>(links_[link.name])].line));
      if (urdf_.links.size() == kUrdfMaxLinks)
        text_.refuse(ErrorCode::limit, line, "links", fmt::format("at most {}", kUrdfMaxLinks), "more");
      urdf_.links.push_back(std::move(link));
    }
    if (urdf_.links.empty())
      text_.refuse(ErrorCode::parse, robot->GetLineNum(), "robot", "at least one link", "no links",
                   "an unexpanded xacro file? expand it first");
  }

  int link_of(const XMLElement* joint, const char* end, const std::string& what) {
    const XMLElement* element = child(joint, end, what, {});
    if (element == nullptr) text_.refuse(ErrorCode::parse, joint->GetLineNum(), what, fmt::format("a <{}>", end), "none");
    const std::string name = name_of(element, "link", fmt::format("{} {}", what, end));
    const auto found = links_.find(name);
    if (found == links_.end())
      text_.refuse(ErrorCode::parse, element->GetLineNum(), fmt::format("{} {}", what, end), "the name of a link",
                   fmt::format("'{}'", name));
    return found->second;
  }

  UrdfJointType type_of(const XMLElement* element, const std::string& what) {
    const char* type = element->Attribute("type");
    for (const auto known : {UrdfJointType::fixed, UrdfJointType::revolute, UrdfJointType::continuous, UrdfJointType::prismatic}) {
      if (type != nullptr && to_string(known) == type) return known;
    }
    const std::string_view got = type != nullptr ? type : "no type";
    const bool urdf_type = got == "planar" || got == "floating";
    text_.refuse(urdf_type ? ErrorCode::unsupported : ErrorCode::parse, element->GetLineNum(), fmt::format("{} type", what),
                 "fixed, revolute, continuous or prismatic", detail::printable(got),
                 urdf_type ? "Sinew moves joints of one axis only; fix this one, or model it as several" : "");
  }

  void read_joints(const XMLElement* robot) {
    for (const auto* element = robot->FirstChildElement("joint"); element != nullptr; element = element->NextSiblingElement("joint")) {
      UrdfJoint joint;
      joint.line = element->GetLineNum();
      joint.name = name_of(element, "name", "joint");
      const std::string what = fmt::format("joint '{}'", joint.name);
      if (!joints_.emplace(joint.name, static_cast<int>(urdf_.joints.size())).second)
        text_.refuse(ErrorCode::parse, joint.line, what, "a unique name",
                     fmt::format("the name of line {}", urdf_.joints[static_cast<std::size_t>(joints_[joint.name])].line));
      if (urdf_.joints.size() == kUrdfMaxLinks)
        text_.refuse(ErrorCode::limit, joint.line, "joints", fmt::format("at most {}", kUrdfMaxLinks), "more");
      joint.type = type_of(element, what);
      joint.parent = link_of(element, "parent", what);
      joint.child = link_of(element, "child", what);
      if (const auto* origin = child(element, "origin", what, {"xyz", "rpy"})) {
        const std::string place = what + " origin";
        joint.parent_from_joint.translation() = vector(origin, "xyz", place, Eigen::Vector3d::Zero());
        joint.parent_from_joint.linear() = matrix_from_rpy(vector(origin, "rpy", place, Eigen::Vector3d::Zero()));
      }
      if (joint.type != UrdfJointType::fixed) {
        read_axis(element, what, joint);
        read_limits(element, what, joint);
        read_mimic(element, what, joint);
      }
      urdf_.joints.push_back(std::move(joint));
    }
  }

  void read_axis(const XMLElement* element, const std::string& what, UrdfJoint& joint) {
    const auto* axis = child(element, "axis", what, {"xyz"});
    if (axis == nullptr) return;
    const Eigen::Vector3d value = vector(axis, "xyz", what + " axis", Eigen::Vector3d::UnitX());
    const double norm = value.stableNorm();
    if (norm < 1e-9)
      text_.refuse(ErrorCode::parse, axis->GetLineNum(), what + " axis", "a direction",
                   fmt::format("{} {} {}", value[0], value[1], value[2]));
    if (std::abs(norm - 1.0) > 1e-3) warn(axis->GetLineNum(), fmt::format("{} axis has length {}; normalised", what, norm));
    joint.axis = value / norm;
  }

  void read_limits(const XMLElement* element, const std::string& what, UrdfJoint& joint) {
    const bool endless = joint.type == UrdfJointType::continuous;
    const auto* limit = child(element, "limit", what, {});
    if (limit == nullptr && !endless)
      text_.refuse(ErrorCode::parse, joint.line, what, "a <limit>", "none", "a joint that turns without end has type=\"continuous\"");
    const int line = limit != nullptr ? limit->GetLineNum() : joint.line;
    const auto value = [&](const char* name) { return limit != nullptr ? number(limit, name, what) : std::nullopt; };
    const auto lower = value("lower"), upper = value("upper"), velocity = value("velocity"), effort = value("effort");
    joint.lower = endless ? -kInfinity : lower.value_or(0.0);
    joint.upper = endless ? kInfinity : upper.value_or(0.0);
    if (!endless && !(lower && upper))
      warn(line, fmt::format("{} states no {} limit; 0, as URDF says", what, !lower && !upper ? "position" : lower ? "upper" : "lower"));
    if (joint.lower > joint.upper)
      text_.refuse(ErrorCode::parse, line, what + " limits", "lower <= upper", fmt::format("{} > {}", joint.lower, joint.upper));
    if (velocity.value_or(0.0) < 0)
      text_.refuse(ErrorCode::parse, line, what + " velocity limit", "a positive number", fmt::format("{}", *velocity));
    if (effort.value_or(0.0) < 0)
      text_.refuse(ErrorCode::parse, line, what + " effort limit", "0 or a positive number", fmt::format("{}", *effort));
    if (velocity.value_or(0.0) == 0) warn(line, fmt::format("{} states no velocity limit; unknown", what));
    joint.velocity = velocity.value_or(0.0) > 0 ? *velocity : kInfinity;
    joint.effort = effort.value_or(kInfinity);
  }

  void read_mimic(const XMLElement* element, const std::string& what, UrdfJoint& joint) {
    const auto* mimic = child(element, "mimic", what, {"joint", "multiplier", "offset"});
    if (mimic == nullptr) return;
    const std::string place = what + " mimic";
    joint.mimic = UrdfMimic{.joint = name_of(mimic, "joint", place),
                            .multiplier = number(mimic, "multiplier", place).value_or(1.0),
                            .offset = number(mimic, "offset", place).value_or(0.0)};
  }

  /// Gives every link its parent joint; then one root, and every link below it.
  void connect() {
    for (std::size_t i = 0; i < urdf_.joints.size(); ++i) {
      const UrdfJoint& joint = urdf_.joints[i];
      UrdfLink& link = urdf_.links[static_cast<std::size_t>(joint.child)];
      if (link.parent_joint >= 0)
        text_.refuse(ErrorCode::parse, joint.line, fmt::format("joint '{}' child", joint.name), "a link without another parent",
                     fmt::format("'{}', the child of joint '{}' already", link.name,
                                 urdf_.joints[static_cast<std::size_t>(link.parent_joint)].name));
      link.parent_joint = static_cast<int>(i);
    }
    refuse_cycle();
    for (std::size_t i = 0; i < urdf_.links.size(); ++i) {
      const UrdfLink& link = urdf_.links[i];
      if (link.parent_joint >= 0) continue;
      if (urdf_.root >= 0)
        text_.refuse(ErrorCode::parse, link.line, fmt::format("link '{}'", link.name), "one root",
                     fmt::format("a second one beside '{}'", urdf_.links[static_cast<std::size_t>(urdf_.root)].name),
                     "join both by a fixed joint");
      urdf_.root = static_cast<int>(i);
    }
  }

  void refuse_cycle() {
    std::vector<int> seen_from(urdf_.links.size(), -1);  // the link from which the walk towards the root first came by
    for (int start = 0; start < static_cast<int>(urdf_.links.size()); ++start) {
      int link = start;
      while (seen_from[static_cast<std::size_t>(link)] < 0) {
        seen_from[static_cast<std::size_t>(link)] = start;
        const int joint = urdf_.links[static_cast<std::size_t>(link)].parent_joint;
        if (joint < 0) break;
        const UrdfJoint& up = urdf_.joints[static_cast<std::size_t>(joint)];
        link = up.parent;
        if (seen_from[static_cast<std::size_t>(link)] == start)
          text_.refuse(ErrorCode::parse, up.line, fmt::format("joint '{}'", up.name), "a tree",
                       fmt::format("a cycle through link '{}'", urdf_.links[static_cast<std::size_t>(link)].name));
      }
    }
  }

  void check_mimics() {
    for (const UrdfJoint& joint : urdf_.joints) {
      const UrdfJoint* follower = &joint;
      for (std::size_t steps = 0; follower->mimic; ++steps) {
        const std::string what = fmt::format("joint '{}' mimic", follower->name);
        const auto found = joints_.find(follower->mimic->joint);
        if (found == joints_.end())
          text_.refuse(ErrorCode::parse, follower->line, what, "the name of a joint", fmt::format("'{}'", follower->mimic->joint));
        if (steps == urdf_.joints.size())
          text_.refuse(ErrorCode::parse, joint.line, fmt::format("joint '{}' mimic", joint.name), "a joint to follow", "a cycle");
        const UrdfJoint* driver = &urdf_.joints[static_cast<std::size_t>(found->second)];
        if (driver->type == UrdfJointType::fixed)
          text_.refuse(ErrorCode::parse, follower->line, what, "a joint that moves", fmt::format("fixed joint '{}'", driver->name));
        follower = driver;
      }
    }
  }

  detail::UrdfText text_;
  tinyxml2::XMLDocument document_;
  Urdf urdf_;
  std::unordered_map<std::string, int> links_;
  std::unordered_map<std::string, int> joints_;
};

}  // namespace

std::string_view to_string(UrdfJointType type) noexcept {
  switch (type) {
    case UrdfJointType::fixed: return "fixed";
    case UrdfJointType::revolute: return "revolute";
    case UrdfJointType::continuous: return "continuous";
    case UrdfJointType::prismatic: return "prismatic";
  }
  return "unknown";
}

int Urdf::find_link(std::string_view link) const noexcept {
  for (std::size_t i = 0; i < links.size(); ++i) {
    if (links[i].name == link) return static_cast<int>(i);
  }
  return -1;
}

int Urdf::find_joint(std::string_view joint) const noexcept {
  for (std::size_t i = 0; i < joints.size(); ++i) {
    if (joints[i].name == joint) return static_cast<int>(i);
  }
  return -1;
}

Urdf parse_urdf(std::string_view xml, const std::string& where) { return Reader(xml, where).read(); }

Urdf load_urdf(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    fail(ErrorCode::not_found, {.where = "load_urdf", .what = "file", .expected = "a readable file", .got = path.string(), .hint = ""});
  std::string text(kUrdfMaxBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || file.gcount() == 0)
    fail(ErrorCode::io, {.where = "load_urdf", .what = "file", .expected = "some text", .got = path.string(), .hint = ""});
  text.resize(static_cast<std::size_t>(file.gcount()));
  return parse_urdf(text, path.string());
}

}  // namespace sinew
