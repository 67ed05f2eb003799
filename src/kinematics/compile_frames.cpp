// SPDX-License-Identifier: Apache-2.0
// From the tree to the program of all frames.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "sinew/core/error.hpp"
#include "tree_path.hpp"

namespace sinew::detail {
namespace {

class FrameCompiler {
 public:
  FrameCompiler(const Urdf& urdf, int base, ChainProgram& program) : urdf_(urdf), program_(program), base_(base) {
    for (std::size_t i = 0; i < urdf.joints.size(); ++i)
      children_[static_cast<std::size_t>(urdf.joints[i].parent)].push_back(static_cast<int>(i));
  }

  void compile(const std::vector<Path>& paths) {
    for (const Path& path : paths) {
      for (const PathStep& step : path) on_path_[static_cast<std::size_t>(step.joint)] = 1;
    }
    program_.frame_steps.push_back(fixed_step(-1, Eigen::Isometry3d::Identity(), base_));
    add_fixed_children(base_);
    for (const Path& path : paths) follow(path);
    finish();
  }

 private:
  void follow(const Path& path) {
    int link = base_;
    for (const PathStep& step : path) {
      const UrdfJoint& joint = urdf_.joints[static_cast<std::size_t>(step.joint)];
      const int next = step.downwards ? joint.child : joint.parent;
      if (frame_of_link_[static_cast<std::size_t>(next)] < 0) add_moved_frame(link, next, step, joint);
      link = next;
    }
  }

  int variable(const std::string& driver) const {
    return static_cast<int>(std::find(program_.joint_names.begin(), program_.joint_names.end(), driver) - program_.joint_names.begin());
  }

  /// The next place for a pose: a named frame, or an intermediate one (negative).
  int new_output(int link) {
    if (link < 0) return -1 - ++intermediates_;
    frame_of_link_[static_cast<std::size_t>(link)] = static_cast<int>(program_.frame_names.size());
    program_.frame_names.push_back(urdf_.links[static_cast<std::size_t>(link)].name);
    return frame_of_link_[static_cast<std::size_t>(link)];
  }

  KernelFrame fixed_step(int parent, const Eigen::Isometry3d& parent_from_frame, int link) {
    KernelFrame step = {};
    step.parent = parent;
    step.output = new_output(link);
    step.variable = -1;
    for (int i = 0; i < 3; ++i) {
      step.translation[i] = parent_from_frame.translation()[i];
      if (step.translation[i] != 0) step.moves |= static_cast<std::uint8_t>(1 << i);
    }
    Eigen::Map<Eigen::Matrix3d>(step.rotation) = parent_from_frame.linear();
    step.turns = parent_from_frame.linear() == Eigen::Matrix3d::Identity() ? 0 : 1;
    return step;
  }

  /// Adds the motion of a joint to a step that enters its frame.
  void move(KernelFrame& step, const UrdfJoint& joint, const Drive& drive, double direction) {
    const Eigen::Vector3d axis = direction * joint.axis;
    const int along = coordinate_axis(axis);
    step.axis_index = static_cast<std::uint8_t>(along);
    const double sign = along < 3 ? axis[along] : 1.0;
    Eigen::Map<Eigen::Vector3d>(step.axis) = sign * axis;
    step.prismatic = joint.type == UrdfJointType::prismatic ? 1 : 0;
    step.multiplier = sign * drive.multiplier;
    step.offset = sign * drive.offset;
    step.variable = variable(drive.driver->name);
    if (step.prismatic != 0) return;
    step.position = static_cast<std::int32_t>(program_.frame_variables.size());
    program_.frame_variables.push_back(step.variable);
    program_.frame_multipliers.push_back(step.multiplier);
    program_.frame_offsets.push_back(step.offset);
  }

  /// The link at the other end of a joint of a path.
  void add_moved_frame(int from, int to, const PathStep& step, const UrdfJoint& joint) {
    const int parent = frame_of_link_[static_cast<std::size_t>(from)];
    if (joint.type == UrdfJointType::fixed) {
      program_.frame_steps.push_back(
          fixed_step(parent, step.downwards ? joint.parent_from_joint : rigid_inverse(joint.parent_from_joint), to));
    } else if (step.downwards) {
      KernelFrame frame = fixed_step(parent, joint.parent_from_joint, to);
      move_or_hold(frame, joint, 1.0);
      program_.frame_steps.push_back(frame);
    } else {
      KernelFrame frame = fixed_step(parent, Eigen::Isometry3d::Identity(), -1);
      move_or_hold(frame, joint, -1.0);
      const int between = frame.output;
      program_.frame_steps.push_back(frame);
      program_.frame_steps.push_back(fixed_step(between, rigid_inverse(joint.parent_from_joint), to));
    }
    add_fixed_children(to);
  }

  /// A follower that its driver does not move (multiplier 0) still stands at its offset.
  void move_or_hold(KernelFrame& step, const UrdfJoint& joint, double direction) {
    const Drive drive = resolve(urdf_, joint);
    if (drive.multiplier != 0) return move(step, joint, drive, direction);
    Eigen::Isometry3d origin = Eigen::Isometry3d::Identity();
    origin.linear() = Eigen::Map<const Eigen::Matrix3d>(step.rotation);
    origin.translation() = Eigen::Map<const Eigen::Vector3d>(step.translation);
    origin = origin * motion(joint, direction * drive.offset);
    Eigen::Map<Eigen::Matrix3d>(step.rotation) = origin.linear();
    Eigen::Map<Eigen::Vector3d>(step.translation) = origin.translation();
    step.moves = 7;
    step.turns = 1;
  }

  /// What is fixed to a link, except along a path, where follow() comes by.
  void add_fixed_children(int first) {
    std::vector<int> open = {first};
    while (!open.empty()) {
      const int link = open.back();
      open.pop_back();
      for (const int index : children_[static_cast<std::size_t>(link)]) {
        const UrdfJoint& joint = urdf_.joints[static_cast<std::size_t>(index)];
        if (joint.type != UrdfJointType::fixed || on_path_[static_cast<std::size_t>(index)] != 0) continue;
        program_.frame_steps.push_back(fixed_step(frame_of_link_[static_cast<std::size_t>(link)], joint.parent_from_joint, joint.child));
        open.push_back(joint.child);
      }
    }
  }

  void finish() {
    if (program_.frame_variables.size() > kMostFrameJoints || intermediates_ > kMostFrameJoints)
      fail(ErrorCode::limit, {"Chain::from_urdf", fmt::format("frames of base '{}'", program_.base),
                              fmt::format("at most {} turning joints", kMostFrameJoints), "more", ""});
    program_.frames_program = {.steps = program_.frame_steps.data(),
                               .count = static_cast<std::int32_t>(program_.frame_steps.size()),
                               .revolute = static_cast<std::int32_t>(program_.frame_variables.size()),
                               .variables = program_.frame_variables.data(),
                               .multipliers = program_.frame_multipliers.data(),
                               .offsets = program_.frame_offsets.data()};
  }

  const Urdf& urdf_;
  ChainProgram& program_;
  int base_;
  int intermediates_ = 0;
  std::vector<std::vector<int>> children_ = std::vector<std::vector<int>>(urdf_.links.size());
  std::vector<int> frame_of_link_ = std::vector<int>(urdf_.links.size(), -1);
  std::vector<std::uint8_t> on_path_ = std::vector<std::uint8_t>(urdf_.joints.size(), 0);
};

}  // namespace

void compile_frames(const Urdf& urdf, int base, const std::vector<Path>& paths, ChainProgram& program) {
  FrameCompiler(urdf, base, program).compile(paths);
}

}  // namespace sinew::detail
