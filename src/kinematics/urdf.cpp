// SPDX-License-Identifier: Apache-2.0
#include "sinew/kinematics/urdf.hpp"

#include <fmt/format.h>
#include <tinyxml2.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "sinew/io/file.hpp"
#include "sinew/io/text.hpp"
#include "sinew/kinematics/rotation.hpp"
#include "urdf_skip.hpp"
#include "urdf_text.hpp"
#include "urdf_tree.hpp"

namespace sinew {
namespace {

using detail::UrdfPlace;
using tinyxml2::XMLElement;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

class Reader {
 public:
  Reader(std::string_view xml, const std::string& where, const UrdfOptions& options) : text_{where}, options_(options) {
    text_.check_markup(xml);
    const std::string text = detail::without_unread(xml);
    if (document_.Parse(text.data(), text.size()) != tinyxml2::XML_SUCCESS)
      text_.refuse(ErrorCode::parse, std::max(document_.ErrorLineNum(), 1), "XML", "well-formed XML",
                   tinyxml2::XMLDocument::ErrorIDToName(document_.ErrorID()));
  }

  Urdf read() {
    const XMLElement* robot = document_.RootElement();
    if (robot == nullptr || std::string_view(robot->Name()) != "robot" || robot->NextSiblingElement() != nullptr)
      text_.refuse(
          ErrorCode::parse, robot != nullptr ? robot->GetLineNum() : 1, "root element", "one <robot>",
          robot == nullptr ? "none" : fmt::format("<{}>{}", printable(robot->Name()), robot->NextSiblingElement() ? " and more" : ""));
    refuse_xacro(robot);
    if (const char* name = robot->Attribute("name")) {
      text_.check_name(name, robot->GetLineNum(), {"robot name"});
      urdf_.name = name;
    }
    read_links(robot);
    read_joints(robot);
    detail::connect_urdf(urdf_, text_);
    find_drivers();
    detail::check_urdf_mimics(urdf_, text_);
    return std::move(urdf_);
  }

 private:
  /// Anywhere: an element that xacro would have replaced may hold links and joints.
  void refuse_xacro(const XMLElement* robot) {
    const tinyxml2::XMLNode* node = robot;
    int depth = 1;
    while (node != nullptr) {
      if (const XMLElement* element = node->ToElement(); element != nullptr && std::string_view(element->Name()).starts_with("xacro:"))
        text_.refuse(ErrorCode::unsupported, element->GetLineNum(), fmt::format("<{}>", printable(element->Name())), "plain URDF", "xacro",
                     "expand it first: xacro robot.urdf.xacro > robot.urdf");
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

  std::string_view name_of(const XMLElement* element, const char* attribute, UrdfPlace place) {
    const char* name = element->Attribute(attribute);
    if (name == nullptr)
      text_.refuse(ErrorCode::parse, element->GetLineNum(), place.text(), fmt::format("attribute '{}'", attribute), "none");
    (place.element.empty() ? place.element : place.detail) = attribute;
    text_.check_name(name, element->GetLineNum(), place);
    return name;
  }

  /// The only child of that name, or nullptr; `allowed` lists its attributes, empty means any.
  const XMLElement* child(const XMLElement* joint, const char* name, const UrdfPlace& place,
                          std::initializer_list<std::string_view> allowed) {
    const XMLElement* element = joint->FirstChildElement(name);
    if (element == nullptr) return nullptr;
    const auto what = [&] { return fmt::format("{} <{}>", place.text(), name); };
    if (const XMLElement* second = element->NextSiblingElement(name))
      text_.refuse(ErrorCode::parse, second->GetLineNum(), what(), "once", "twice");
    for (const auto* a = element->FirstAttribute(); a != nullptr && allowed.size() > 0; a = a->Next()) {
      if (std::find(allowed.begin(), allowed.end(), std::string_view(a->Name())) == allowed.end())
        text_.refuse(ErrorCode::unsupported, element->GetLineNum(), what(),
                     fmt::format("attributes {}", join_names({allowed.begin(), allowed.size()})),
                     fmt::format("'{}'", printable(a->Name())));
    }
    return element;
  }

  std::optional<double> number(const XMLElement* element, const char* name, UrdfPlace place) {
    const char* value = element != nullptr ? element->Attribute(name) : nullptr;
    if (value == nullptr) return std::nullopt;
    (place.element.empty() ? place.element : place.detail) = name;
    double result = 0;
    text_.read_numbers(value, element->GetLineNum(), place, {&result, 1});
    return result;
  }

  Eigen::Vector3d vector(const XMLElement* element, const char* name, const UrdfPlace& place, const Eigen::Vector3d& fallback) {
    const char* value = element->Attribute(name);
    if (value == nullptr) return fallback;
    Eigen::Vector3d result;
    text_.read_numbers(value, element->GetLineNum(), {place.kind, place.name, place.element, name}, {result.data(), 3});
    return result;
  }

  void warn(int line, const UrdfPlace& place, std::string_view message) {
    urdf_.warnings.push_back(fmt::format("{} line {}: {} {}", text_.where, line, place.text(), message));
  }

  void read_links(const XMLElement* robot) {
    for (const auto* element = robot->FirstChildElement("link"); element != nullptr; element = element->NextSiblingElement("link")) {
      const int line = element->GetLineNum();
      const std::string_view name = name_of(element, "name", {"link"});
      const auto [first, unique] = links_.emplace(name, static_cast<int>(urdf_.links.size()));
      if (!unique)
        text_.refuse(ErrorCode::parse, line, UrdfPlace{"link", name}.text(), "a unique name",
                     fmt::format("the name of line {}", urdf_.links[static_cast<std::size_t>(first->second)].line));
      if (urdf_.links.size() == kUrdfMaxLinks)
        text_.refuse(ErrorCode::limit, line, "links", fmt::format("at most {}", kUrdfMaxLinks), "more");
      urdf_.links.push_back({.name = std::string(name), .parent_joint = -1, .line = line});
    }
    if (urdf_.links.empty())
      text_.refuse(ErrorCode::parse, robot->GetLineNum(), "robot", "at least one link", "no links",
                   "an unexpanded xacro file? expand it first");
  }

  int link_of(const XMLElement* joint, const char* end, UrdfPlace place) {
    const XMLElement* element = child(joint, end, place, {});
    if (element == nullptr) text_.refuse(ErrorCode::parse, joint->GetLineNum(), place.text(), fmt::format("a <{}>", end), "none");
    place.element = end;
    const std::string_view name = name_of(element, "link", place);
    const auto found = links_.find(name);
    if (found == links_.end())
      text_.refuse(ErrorCode::parse, element->GetLineNum(), place.text(), "the name of a link", fmt::format("'{}'", name));
    return found->second;
  }

  UrdfJointType type_of(const XMLElement* element, UrdfPlace place) {
    const char* type = element->Attribute("type");
    for (const auto known : {UrdfJointType::fixed, UrdfJointType::revolute, UrdfJointType::continuous, UrdfJointType::prismatic}) {
      if (type != nullptr && to_string(known) == type) return known;
    }
    const std::string_view got = type != nullptr ? type : "no type";
    const bool urdf_type = got == "planar" || got == "floating";
    place.element = "type";
    text_.refuse(urdf_type ? ErrorCode::unsupported : ErrorCode::parse, element->GetLineNum(), place.text(),
                 "fixed, revolute, continuous or prismatic", printable(got),
                 urdf_type ? "Sinew moves joints of one axis only; fix this one, or model it as several" : "");
  }

  void read_joints(const XMLElement* robot) {
    urdf_.joints.reserve(urdf_.links.size());
    for (const auto* element = robot->FirstChildElement("joint"); element != nullptr; element = element->NextSiblingElement("joint")) {
      const int line = element->GetLineNum();
      const std::string_view name = name_of(element, "name", {"joint"});
      const UrdfPlace place{"joint", name};
      const auto [first, unique] = joints_.emplace(name, static_cast<int>(urdf_.joints.size()));
      if (!unique)
        text_.refuse(ErrorCode::parse, line, place.text(), "a unique name",
                     fmt::format("the name of line {}", urdf_.joints[static_cast<std::size_t>(first->second)].line));
      if (urdf_.joints.size() == kUrdfMaxLinks)
        text_.refuse(ErrorCode::limit, line, "joints", fmt::format("at most {}", kUrdfMaxLinks), "more");
      UrdfJoint& joint = urdf_.joints.emplace_back();
      joint.name = name;
      joint.line = line;
      joint.type = type_of(element, place);
      joint.parent = link_of(element, "parent", place);
      joint.child = link_of(element, "child", place);
      if (const auto* origin = child(element, "origin", place, {"xyz", "rpy"})) {
        const UrdfPlace at{"joint", name, "origin"};
        joint.parent_from_joint.translation() = vector(origin, "xyz", at, Eigen::Vector3d::Zero());
        joint.parent_from_joint.linear() = matrix_from_rpy(vector(origin, "rpy", at, Eigen::Vector3d::Zero()));
      }
      if (joint.type == UrdfJointType::fixed) {
        // Left over where a description was reduced by fixing joints; nothing moves, so there is nothing to follow.
        if (const auto* mimic = element->FirstChildElement("mimic")) warn(mimic->GetLineNum(), place, "is fixed; its mimic is ignored");
        continue;
      }
      read_axis(element, place, joint);
      read_limits(element, place, joint);
      read_mimic(element, place, joint);
    }
  }

  void read_axis(const XMLElement* element, const UrdfPlace& place, UrdfJoint& joint) {
    const auto* axis = child(element, "axis", place, {"xyz"});
    if (axis == nullptr) return;
    const UrdfPlace at{place.kind, place.name, "axis"};
    const Eigen::Vector3d value = vector(axis, "xyz", at, Eigen::Vector3d::UnitX());
    const double norm = value.stableNorm();
    if (norm < 1e-9)
      text_.refuse(ErrorCode::parse, axis->GetLineNum(), at.text(), "a direction", fmt::format("{} {} {}", value[0], value[1], value[2]));
    if (std::abs(norm - 1.0) > 1e-3) warn(axis->GetLineNum(), at, fmt::format("has length {}; normalised", norm));
    joint.axis = value / norm;
  }

  void read_limits(const XMLElement* element, const UrdfPlace& place, UrdfJoint& joint) {
    const auto* limit = child(element, "limit", place, {});
    const bool revolute = joint.type == UrdfJointType::revolute;
    if (limit == nullptr && revolute && options_.treat_as_continuous) {
      warn(joint.line, place, "states no <limit>; taken for continuous");
      joint.type = UrdfJointType::continuous;
    }
    const bool endless = joint.type == UrdfJointType::continuous;
    if (limit == nullptr && !endless)
      text_.refuse(ErrorCode::parse, joint.line, place.text(), "a <limit>", "none",
                   revolute ? "a joint that turns without end has type=\"continuous\"; UrdfOptions::treat_as_continuous takes it so" : "");
    const int line = limit != nullptr ? limit->GetLineNum() : joint.line;
    const auto lower = number(limit, "lower", place), upper = number(limit, "upper", place);
    const auto velocity = number(limit, "velocity", place), effort = number(limit, "effort", place);
    joint.lower = endless ? -kInfinity : lower.value_or(0.0);
    joint.upper = endless ? kInfinity : upper.value_or(0.0);
    joint.limit_source = endless ? LimitSource::endless : lower && upper ? LimitSource::stated : LimitSource::defaulted;
    if (joint.limit_source == LimitSource::defaulted)
      warn(line, place, fmt::format("states no {} limit; 0, as URDF says", !lower && !upper ? "position" : lower ? "upper" : "lower"));
    if (joint.lower > joint.upper) refuse_limit(line, place, "limits", "lower <= upper", fmt::format("{} > {}", joint.lower, joint.upper));
    if (velocity.value_or(0.0) < 0) refuse_limit(line, place, "velocity limit", "a positive number", fmt::format("{}", *velocity));
    if (effort.value_or(0.0) < 0) refuse_limit(line, place, "effort limit", "0 or a positive number", fmt::format("{}", *effort));
    if (velocity.value_or(0.0) == 0) warn(line, place, "states no velocity limit; unknown");
    joint.velocity = velocity.value_or(0.0) > 0 ? *velocity : kInfinity;
    joint.effort = effort.value_or(kInfinity);
    if (options_.soft_limits && !endless) narrow(element, place, joint);
  }

  [[noreturn]] void refuse_limit(int line, UrdfPlace place, std::string_view which, std::string_view expected, std::string_view got) {
    place.element = which;
    text_.refuse(ErrorCode::parse, line, place.text(), expected, got);
  }

  void narrow(const XMLElement* element, const UrdfPlace& place, UrdfJoint& joint) {
    const auto* safety = child(element, "safety_controller", place, {});
    const double lower = number(safety, "soft_lower_limit", place).value_or(-kInfinity);
    const double upper = number(safety, "soft_upper_limit", place).value_or(kInfinity);
    if (lower <= joint.lower && upper >= joint.upper) return;
    const double low = std::max(lower, joint.lower), high = std::min(upper, joint.upper);
    if (low > high)
      refuse_limit(safety->GetLineNum(), place, "soft limits", fmt::format("some of {} to {}", joint.lower, joint.upper),
                   fmt::format("{} to {}", lower, upper));
    joint.lower = low;
    joint.upper = high;
    joint.limit_source = LimitSource::soft;
  }

  void read_mimic(const XMLElement* element, const UrdfPlace& place, UrdfJoint& joint) {
    const auto* mimic = child(element, "mimic", place, {"joint", "multiplier", "offset"});
    if (mimic == nullptr) return;
    const UrdfPlace at{place.kind, place.name, "mimic"};
    joint.mimic = UrdfMimic{.joint = std::string(name_of(mimic, "joint", at)),
                            .multiplier = number(mimic, "multiplier", at).value_or(1.0),
                            .offset = number(mimic, "offset", at).value_or(0.0)};
  }

  [[noreturn]] void refuse_driver(const UrdfJoint& follower) {
    std::vector<std::string_view> names;
    for (const UrdfJoint& joint : urdf_.joints) names.push_back(joint.name);
    const std::string_view near = nearest_name(follower.mimic->joint, names);
    text_.refuse(ErrorCode::parse, follower.line, UrdfPlace{"joint", follower.name, "mimic"}.text(), "the name of a joint",
                 fmt::format("'{}'", follower.mimic->joint), near.empty() ? "" : fmt::format("did you mean '{}'?", near));
  }

  void find_drivers() {
    for (UrdfJoint& joint : urdf_.joints) {
      if (!joint.mimic) continue;
      const auto found = joints_.find(joint.mimic->joint);
      if (found == joints_.end()) refuse_driver(joint);
      joint.mimic->index = found->second;
    }
  }

  detail::UrdfText text_;
  UrdfOptions options_;
  tinyxml2::XMLDocument document_;  // holds the names that the maps refer to
  Urdf urdf_;
  std::unordered_map<std::string_view, int> links_;
  std::unordered_map<std::string_view, int> joints_;
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

std::string_view to_string(LimitSource source) noexcept {
  switch (source) {
    case LimitSource::stated: return "stated";
    case LimitSource::defaulted: return "defaulted";
    case LimitSource::soft: return "soft";
    case LimitSource::endless: return "endless";
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

Urdf parse_urdf(std::string_view xml, const std::string& where, const UrdfOptions& options) { return Reader(xml, where, options).read(); }

Urdf load_urdf(const std::filesystem::path& path, const UrdfOptions& options) {
  return parse_urdf(read_text_file(path, kUrdfMaxBytes), printable(path.string(), 512), options);
}

}  // namespace sinew
