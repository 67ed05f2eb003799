// SPDX-License-Identifier: Apache-2.0
#include "sinew/kinematics/chain.hpp"

#include <fmt/format.h>

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "sinew/core/error.hpp"

namespace sinew {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kPi = std::numbers::pi;

Rigid to_rigid(const Eigen::Isometry3d& pose) {
  Rigid rigid;
  Eigen::Map<Eigen::Matrix3d>(rigid.rotation.data()) = pose.linear();
  Eigen::Map<Eigen::Vector3d>(rigid.translation.data()) = pose.translation();
  return rigid;
}

/// Unlike Isometry3d's own product and inverse this keeps exact zeros and ones exact.
Eigen::Isometry3d rigid_inverse(const Eigen::Isometry3d& pose) {
  Eigen::Isometry3d inverse = Eigen::Isometry3d::Identity();
  inverse.linear() = pose.linear().transpose();
  inverse.translation() = -(pose.linear().transpose() * pose.translation());
  return inverse;
}

Eigen::Isometry3d motion(const UrdfJoint& joint, double position) {
  Eigen::Isometry3d pose = Eigen::Isometry3d::Identity();
  if (joint.type == UrdfJointType::prismatic) {
    pose.translation() = position * joint.axis;
  } else {
    pose.linear() = Eigen::AngleAxisd(position, joint.axis).toRotationMatrix();
  }
  return pose;
}

/// A rotation that takes z to the axis or to its opposite, and which of both. Axes along x, y, z give exact permutations.
std::pair<Eigen::Matrix3d, double> align_z(const Eigen::Vector3d& axis) {
  for (int i = 0; i < 3; ++i) {
    if (std::abs(axis[i]) != 1.0) continue;
    Eigen::Matrix3d R = Eigen::Matrix3d::Zero();
    for (int column = 0; column < 3; ++column) R((i + 1 + column) % 3, column) = 1.0;
    return {R, axis[i]};
  }
  return {Eigen::Quaterniond::FromTwoVectors(Eigen::Vector3d::UnitZ(), axis).toRotationMatrix(), 1.0};
}

/// position = multiplier * q of `driver` + offset, after all mimics are resolved.
struct Drive {
  const UrdfJoint* driver;
  double multiplier = 1.0;
  double offset = 0.0;
};

Drive resolve(const Urdf& urdf, const UrdfJoint& joint) {
  Drive drive{.driver = &joint};
  while (drive.driver->mimic) {
    const UrdfMimic& mimic = *drive.driver->mimic;
    drive.offset += drive.multiplier * mimic.offset;
    drive.multiplier *= mimic.multiplier;
    drive.driver = &urdf.joints[static_cast<std::size_t>(urdf.find_joint(mimic.joint))];
  }
  return drive;
}

class Compiler {
 public:
  Compiler(const Urdf& urdf, const std::string& base, const std::string& tip) : urdf_(urdf) {
    program_.base = base;
    program_.tip = tip;
    program_.warnings = urdf.warnings;
    base_ = link(base, "base");
    tip_ = link(tip, "tip");
    for (std::size_t i = 0; i < urdf.joints.size(); ++i)
      children_[static_cast<std::size_t>(urdf.joints[i].parent)].push_back(static_cast<int>(i));
  }

  ChainProgram compile() {
    find_path();
    add_frames(base_);
    for (std::size_t i = 0; i < path_.size(); ++i) travel(path_[i].first, path_[i].second);
    program_.last_from_tip = to_rigid(pending_);
    if (program_.dof() == 0)
      fail(ErrorCode::invalid_argument,
           {"Chain::from_urdf", fmt::format("path from '{}' to '{}'", program_.base, program_.tip), "a joint that moves", "none", ""});
    finish_limits();
    finish_reach();
    return std::move(program_);
  }

 private:
  int link(const std::string& name, std::string_view role) {
    const int index = urdf_.find_link(name);
    if (index >= 0) return index;
    std::vector<std::string_view> names;
    for (const UrdfLink& candidate : urdf_.links) names.push_back(candidate.name);
    const std::string_view near = nearest_name(name, names);
    fail(ErrorCode::not_found, {"Chain::from_urdf", role, "the name of a link", fmt::format("'{}'", name),
                                near.empty() ? "" : fmt::format("did you mean '{}'?", near)});
  }

  std::vector<int> ancestors(int link) const {
    std::vector<int> joints;
    for (int joint; (joint = urdf_.links[static_cast<std::size_t>(link)].parent_joint) >= 0;) {
      joints.push_back(joint);
      link = urdf_.joints[static_cast<std::size_t>(joint)].parent;
    }
    return joints;
  }

  /// Joints from base to tip; up to the first common link against their direction, then down along it.
  void find_path() {
    std::vector<int> up = ancestors(base_), down = ancestors(tip_);
    while (!up.empty() && !down.empty() && up.back() == down.back()) {
      up.pop_back();
      down.pop_back();
    }
    for (const int joint : up) path_.emplace_back(joint, false);
    for (auto joint = down.rbegin(); joint != down.rend(); ++joint) path_.emplace_back(*joint, true);
  }

  void travel(int index, bool downwards) {
    const UrdfJoint& joint = urdf_.joints[static_cast<std::size_t>(index)];
    if (downwards) pending_ = pending_ * joint.parent_from_joint;
    if (joint.type != UrdfJointType::fixed) add_motion(joint, downwards ? 1.0 : -1.0);
    if (!downwards) pending_ = pending_ * rigid_inverse(joint.parent_from_joint);
    add_frames(downwards ? joint.child : joint.parent);
  }

  void add_motion(const UrdfJoint& joint, double direction) {
    const Drive drive = resolve(urdf_, joint);
    if (drive.multiplier == 0) {
      pending_ = pending_ * motion(joint, direction * drive.offset);
      return;
    }
    if (program_.segments.size() == kMaxDof)
      fail(ErrorCode::limit, {"Chain::from_urdf", fmt::format("path from '{}' to '{}'", program_.base, program_.tip),
                              fmt::format("at most {} moving joints", kMaxDof), "more", ""});
    const auto [align, sign] = align_z(joint.axis);
    Eigen::Isometry3d turn = Eigen::Isometry3d::Identity();
    turn.linear() = align;
    program_.segments.push_back({.previous_from_joint = to_rigid(pending_ * turn),
                                 .prismatic = joint.type == UrdfJointType::prismatic,
                                 .variable = variable(*drive.driver),
                                 .multiplier = direction * sign * drive.multiplier,
                                 .offset = direction * sign * drive.offset});
    const ChainSegment& segment = program_.segments.back();
    const bool whole_turns = !segment.prismatic && segment.multiplier == std::round(segment.multiplier);
    program_.turns[static_cast<std::size_t>(segment.variable)] &= whole_turns ? 1 : 0;
    narrow(joint, drive);
    pending_ = rigid_inverse(turn);
  }

  int variable(const UrdfJoint& driver) {
    const auto found = std::find(program_.joint_names.begin(), program_.joint_names.end(), driver.name);
    if (found != program_.joint_names.end()) return static_cast<int>(found - program_.joint_names.begin());
    program_.joint_names.push_back(driver.name);
    program_.lower.push_back(driver.lower);
    program_.upper.push_back(driver.upper);
    program_.velocity.push_back(driver.velocity);
    program_.effort.push_back(driver.effort);
    prismatic_.push_back(driver.type == UrdfJointType::prismatic);
    program_.turns.push_back(1);
    return program_.dof() - 1;
  }

  /// Intersects the driver's limits with those that its follower imposes.
  void narrow(const UrdfJoint& follower, const Drive& drive) {
    if (&follower == drive.driver) return;
    const auto i = static_cast<std::size_t>(program_.segments.back().variable);
    double low = (follower.lower - drive.offset) / drive.multiplier;
    double high = (follower.upper - drive.offset) / drive.multiplier;
    if (low > high) std::swap(low, high);
    program_.lower[i] = std::max(program_.lower[i], low);
    program_.upper[i] = std::min(program_.upper[i], high);
    program_.velocity[i] = std::min(program_.velocity[i], follower.velocity / std::abs(drive.multiplier));
    if (program_.lower[i] > program_.upper[i])
      fail(ErrorCode::invalid_argument, {"Chain::from_urdf", fmt::format("joint '{}' limits", drive.driver->name),
                                         fmt::format("a range that joint '{}', which follows it, allows too", follower.name), "none", ""});
  }

  /// The link itself and what is fixed to it, except along the path, where travel() comes by.
  void add_frames(int first) {
    std::vector<std::pair<int, Eigen::Isometry3d>> open = {{first, pending_}};
    while (!open.empty()) {
      const auto [link, pose] = open.back();
      open.pop_back();
      program_.frames.push_back({.name = urdf_.links[static_cast<std::size_t>(link)].name,
                                 .segment = static_cast<int>(program_.segments.size()) - 1,
                                 .segment_from_frame = to_rigid(pose)});
      for (const int index : children_[static_cast<std::size_t>(link)]) {
        const UrdfJoint& joint = urdf_.joints[static_cast<std::size_t>(index)];
        const bool on_path = std::any_of(path_.begin(), path_.end(), [&](const auto& step) { return step.first == index; });
        if (joint.type == UrdfJointType::fixed && !on_path) open.emplace_back(joint.child, pose * joint.parent_from_joint);
      }
    }
  }

  void finish_limits() {
    for (std::size_t i = 0; i < prismatic_.size(); ++i) {
      const double lower = program_.lower[i], upper = program_.upper[i];
      program_.continuous.push_back(std::isinf(lower) && std::isinf(upper) ? 1 : 0);
      // A turn is all there is to see of a revolute joint, and a slide of ±10 m all that restarts need of a prismatic one.
      const double middle = std::clamp(0.0, std::isinf(lower) ? -kInfinity : lower, std::isinf(upper) ? kInfinity : upper);
      const double half = prismatic_[i] ? 10.0 : kPi;
      program_.sample_lower.push_back(std::max(lower, upper - lower <= 4 * kPi ? lower : middle - half));
      program_.sample_upper.push_back(std::min(upper, upper - lower <= 4 * kPi ? upper : middle + half));
    }
  }

  /// Triangle inequality over the links that follow the first joint.
  void finish_reach() {
    const auto& first = program_.segments.front();
    program_.center = first.previous_from_joint.translation;
    const auto length = [](const Rigid& rigid) { return std::hypot(rigid.translation[0], rigid.translation[1], rigid.translation[2]); };
    double reach = length(program_.last_from_tip);
    for (std::size_t i = 0; i < program_.segments.size(); ++i) {
      const ChainSegment& segment = program_.segments[i];
      const auto variable = static_cast<std::size_t>(segment.variable);
      if (i > 0) reach += length(segment.previous_from_joint);
      if (segment.prismatic)
        reach += std::max(std::abs(segment.multiplier * program_.lower[variable] + segment.offset),
                          std::abs(segment.multiplier * program_.upper[variable] + segment.offset));
    }
    program_.reach = reach;
  }

  const Urdf& urdf_;
  ChainProgram program_;
  int base_ = -1;
  int tip_ = -1;
  std::vector<std::vector<int>> children_ = std::vector<std::vector<int>>(urdf_.links.size());
  std::vector<std::pair<int, bool>> path_;                     ///< joint, true when travelled from parent to child
  std::vector<bool> prismatic_;                                ///< per variable
  Eigen::Isometry3d pending_ = Eigen::Isometry3d::Identity();  ///< from the last segment to where the travel has come
};

}  // namespace

ChainProgram compile_chain(const Urdf& urdf, const std::string& base, const std::string& tip) {
  return Compiler(urdf, base, tip).compile();
}

namespace detail {

ChainProgram compile_chain(std::string_view path_or_xml, const std::string& base, const std::string& tip) {
  std::string_view text = path_or_xml;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // byte order mark
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  if (text.empty()) fail(ErrorCode::invalid_argument, {"Chain::from_urdf", "description", "URDF text or a path", "nothing", ""});
  const Urdf urdf = text.starts_with('<') ? parse_urdf(path_or_xml) : load_urdf(path_or_xml);
  return sinew::compile_chain(urdf, base, tip);
}

void fail_dof(const ChainProgram& program, int expected) {
  std::vector<std::string_view> names(program.joint_names.begin(), program.joint_names.end());
  fail(ErrorCode::invalid_argument,
       {"Chain::from_urdf", fmt::format("path from '{}' to '{}'", program.base, program.tip), fmt::format("{} joints", expected),
        fmt::format("{}: {}", program.dof(), join_names(names)), "Chain<> takes any number"});
}

int frame_index(const ChainProgram& program, std::string_view name) {
  std::vector<std::string_view> names;
  for (const ChainFrame& frame : program.frames) {
    if (frame.name == name) return static_cast<int>(names.size());
    names.push_back(frame.name);
  }
  const std::string_view near = nearest_name(name, names);
  fail(ErrorCode::not_found, {"Chain::frame_index", "frame", "one of " + join_names(names), fmt::format("'{}'", name),
                              near.empty() ? "" : fmt::format("did you mean '{}'?", near)});
}

}  // namespace detail

template class Chain<7>;
template class Chain<Eigen::Dynamic>;

}  // namespace sinew
