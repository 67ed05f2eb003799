// SPDX-License-Identifier: Apache-2.0
#include "sinew/kinematics/chain.hpp"

#include <fmt/format.h>

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "program.hpp"
#include "sinew/core/error.hpp"
#include "tree_path.hpp"

namespace sinew::detail {
namespace {

constexpr double kPi = std::numbers::pi;

/// A rotation that takes z to the axis. Axes along x, y, z, either way, give exact permutations.
Eigen::Matrix3d align_z(const Eigen::Vector3d& axis) {
  Eigen::Matrix3d R = Eigen::Matrix3d::Zero();
  if (const int i = coordinate_axis(axis); i < 3) {
    for (int column = 0; column < 3; ++column) R((i + 1 + column) % 3, column) = 1.0;
    if (axis[i] < 0) R.rightCols<2>() *= -1.0;
    return R;
  }
  // The coordinate axis that is farthest from it: well-conditioned for every direction.
  int farthest = 0;
  axis.cwiseAbs().minCoeff(&farthest);
  R.col(2) = axis.normalized();
  R.col(0) = Eigen::Vector3d::Unit(farthest).cross(R.col(2)).normalized();
  R.col(1) = R.col(2).cross(R.col(0));
  return R;
}

/// Throws Error that suggests the nearest of the names.
[[noreturn]] void fail_unknown(std::string_view where, std::string_view what, std::string_view expected, std::string_view name,
                               std::span<const std::string_view> names) {
  const std::string_view near = nearest_name(name, names);
  fail(ErrorCode::not_found,
       {where, what, expected, fmt::format("'{}'", name), near.empty() ? "" : fmt::format("did you mean '{}'?", near)});
}

class Compiler {
 public:
  Compiler(const Urdf& urdf, const std::string& base, const std::vector<std::string>& tips) : urdf_(urdf) {
    program_.base = base;
    program_.tips = tips;
    program_.warnings = urdf.warnings;
    base_ = link(base, "base");
    for (const std::string& tip : tips) tip_links_.push_back(link(tip, "tip"));
    if (tips.empty()) fail(ErrorCode::invalid_argument, {"Chain::from_urdf", "tips", "at least one", "none", ""});
  }

  ChainProgram compile() {
    find_paths();
    for (std::size_t i = 0; i < paths_.size(); ++i) travel(paths_[i], program_.tips[i]);
    for (std::size_t i = 0; i < paths_.size(); ++i)
      program_.tip_programs.push_back(compile_tip(std::move(segments_[i]), last_from_tip_[i], program_.dof()));
    finish_limits();
    compile_frames(urdf_, base_, paths_, program_);
    return std::move(program_);
  }

 private:
  int link(const std::string& name, std::string_view role) {
    const int index = urdf_.find_link(name);
    if (index >= 0) return index;
    std::vector<std::string_view> names;
    for (const UrdfLink& candidate : urdf_.links) names.push_back(candidate.name);
    fail_unknown("Chain::from_urdf", role, "the name of a link", name, names);
  }

  std::string path_name(const std::string& tip) const { return fmt::format("path from '{}' to '{}'", program_.base, tip); }

  std::vector<int> ancestors(int link) const {
    std::vector<int> joints;
    for (int joint; (joint = urdf_.links[static_cast<std::size_t>(link)].parent_joint) >= 0;) {
      joints.push_back(joint);
      link = urdf_.joints[static_cast<std::size_t>(joint)].parent;
    }
    return joints;
  }

  /// Joints from base to each tip: up to the first common link against their direction, then down along it.
  void find_paths() {
    for (const int tip : tip_links_) {
      std::vector<int> up = ancestors(base_), down = ancestors(tip);
      while (!up.empty() && !down.empty() && up.back() == down.back()) {
        up.pop_back();
        down.pop_back();
      }
      Path path;
      for (const int joint : up) path.push_back({joint, false});
      for (auto joint = down.rbegin(); joint != down.rend(); ++joint) path.push_back({*joint, true});
      paths_.push_back(std::move(path));
    }
  }

  void travel(const Path& path, const std::string& tip) {
    Eigen::Isometry3d pending = Eigen::Isometry3d::Identity();  // from the last segment to where the travel has come
    std::vector<DenseSegment>& segments = segments_.emplace_back();
    for (const PathStep& step : path) {
      const UrdfJoint& joint = urdf_.joints[static_cast<std::size_t>(step.joint)];
      if (step.downwards) pending = pending * joint.parent_from_joint;
      if (joint.type != UrdfJointType::fixed) add_motion(joint, step.downwards ? 1.0 : -1.0, pending, segments, tip);
      if (!step.downwards) pending = pending * rigid_inverse(joint.parent_from_joint);
    }
    if (segments.empty()) fail(ErrorCode::invalid_argument, {"Chain::from_urdf", path_name(tip), "a joint that moves", "none", ""});
    last_from_tip_.push_back(pending);
  }

  void add_motion(const UrdfJoint& joint, double direction, Eigen::Isometry3d& pending, std::vector<DenseSegment>& segments,
                  const std::string& tip) {
    const Drive drive = resolve(urdf_, joint);
    if (drive.multiplier == 0) {
      pending = pending * motion(joint, direction * drive.offset);
      return;
    }
    const bool prismatic = joint.type == UrdfJointType::prismatic;
    const int index = variable(*drive.driver);
    if (segments.size() == kMostSegments || program_.dof() > kMaxDof)
      fail(ErrorCode::limit, {"Chain::from_urdf", path_name(tip), fmt::format("at most {} moving joints", kMaxDof), "more", ""});
    Eigen::Isometry3d turn = Eigen::Isometry3d::Identity();
    turn.linear() = align_z(direction * joint.axis);
    segments.push_back({.previous_from_joint = pending * turn,
                        .prismatic = prismatic,
                        .variable = index,
                        .multiplier = drive.multiplier,
                        .offset = drive.offset});
    const bool whole_turns = !prismatic && drive.multiplier == std::round(drive.multiplier);
    program_.turns[static_cast<std::size_t>(index)] &= whole_turns ? 1 : 0;
    slowest_[static_cast<std::size_t>(index)] = std::min(slowest_[static_cast<std::size_t>(index)], std::abs(drive.multiplier));
    narrow(joint, drive, static_cast<std::size_t>(index));
    pending = rigid_inverse(turn);
  }

  int variable(const UrdfJoint& driver) {
    const auto found = std::find(program_.joint_names.begin(), program_.joint_names.end(), driver.name);
    if (found != program_.joint_names.end()) return static_cast<int>(found - program_.joint_names.begin());
    program_.joint_names.push_back(driver.name);
    program_.lower.push_back(driver.lower);
    program_.upper.push_back(driver.upper);
    program_.velocity.push_back(driver.velocity);
    program_.effort.push_back(driver.effort);
    program_.prismatic.push_back(driver.type == UrdfJointType::prismatic ? 1 : 0);
    program_.limit_sources.emplace_back(to_string(driver.limit_source));
    program_.turns.push_back(1);
    slowest_.push_back(1.0);
    return program_.dof() - 1;
  }

  /// Intersects the driver's limits with those that its follower imposes.
  void narrow(const UrdfJoint& follower, const Drive& drive, std::size_t i) {
    if (&follower == drive.driver) return;
    double low = (follower.lower - drive.offset) / drive.multiplier;
    double high = (follower.upper - drive.offset) / drive.multiplier;
    if (low > high) std::swap(low, high);
    if (low > program_.lower[i] || high < program_.upper[i]) program_.limit_sources[i] = fmt::format("follower '{}'", follower.name);
    program_.lower[i] = std::max(program_.lower[i], low) + 0.0;  // not -0
    program_.upper[i] = std::min(program_.upper[i], high) + 0.0;
    program_.velocity[i] = std::min(program_.velocity[i], follower.velocity / std::abs(drive.multiplier));
    if (program_.lower[i] == program_.upper[i] && drive.driver->lower < drive.driver->upper)
      program_.warnings.push_back(fmt::format("joint '{}' cannot move: joint '{}' (line {}), which follows it, leaves it one position",
                                              drive.driver->name, follower.name, follower.line));
    if (program_.lower[i] > program_.upper[i])
      fail(ErrorCode::invalid_argument, {"Chain::from_urdf", fmt::format("joint '{}' limits", drive.driver->name),
                                         fmt::format("a range that joint '{}', which follows it, allows too", follower.name), "none", ""});
  }

  void finish_limits() {
    for (std::size_t i = 0; i < program_.joint_names.size(); ++i)
      program_.continuous.push_back(std::isinf(program_.lower[i]) && std::isinf(program_.upper[i]) && program_.turns[i] != 0 ? 1 : 0);
    for (TipProgram& tip : program_.tip_programs) {
      for (const int variable : tip.variables) add_range(tip, static_cast<std::size_t>(variable));
      add_strokes(tip);
      add_strides(tip);
    }
  }

  /// The additive recurrence of Roberts (2018): seeds that cover the joint space evenly, however many are drawn.
  static void add_strides(TipProgram& tip) {
    const auto count = static_cast<double>(tip.variables.size());
    double root = 1.0, previous = 2.0;  // of x^(count + 1) = x + 1
    while (std::abs(root - previous) > 1e-14) {
      previous = root;
      root = std::pow(1.0 + root, 1.0 / (count + 1.0));
    }
    double stride = 1.0;
    for (std::size_t k = 0; k < tip.variables.size(); ++k) tip.sample_stride.push_back(stride /= root);
  }

  void add_range(TipProgram& tip, std::size_t variable) {
    const double lower = program_.lower[variable], upper = program_.upper[variable];
    tip.lower.push_back(lower);
    tip.upper.push_back(upper);
    // A turn (of the slowest follower) is all there is to see of a revolute joint, and a slide of ±10 m all that a search needs of a
    // prismatic one.
    const double half = program_.prismatic[variable] != 0 ? 10.0 : kPi / std::max(slowest_[variable], 0.01);
    const bool narrow = upper - lower <= 4 * std::max(half, kPi);
    const double middle = std::clamp(0.0, lower, upper);
    tip.sample_lower.push_back(std::max(lower, narrow ? lower : middle - half));
    tip.sample_range.push_back(std::min(upper, narrow ? upper : middle + half) - tip.sample_lower.back());
  }

  /// The strokes of prismatic joints, added to the lengths of the links. A rail of a kilometre makes no arm a kilometre long: as a unit
  /// for errors only its first metre counts.
  void add_strokes(TipProgram& tip) {
    constexpr double kLongestStroke = 1.0;
    tip.length = tip.reach;
    for (const auto& segment : tip.storage.segments) {
      if (segment.prismatic == 0) continue;
      const auto i = static_cast<std::size_t>(segment.variable);
      const double stroke = std::max(std::abs(segment.multiplier * program_.lower[i] + segment.offset),
                                     std::abs(segment.multiplier * program_.upper[i] + segment.offset));
      tip.reach += stroke;
      tip.reach_of_last += stroke;
      tip.length += std::min(stroke, kLongestStroke);
    }
  }

  const Urdf& urdf_;
  ChainProgram program_;
  std::vector<double> slowest_;  ///< `[dof]` smallest multiplier of the joints that a variable moves
  int base_ = -1;
  std::vector<int> tip_links_;
  std::vector<Path> paths_;
  std::vector<std::vector<DenseSegment>> segments_;
  std::vector<Eigen::Isometry3d> last_from_tip_;
};

}  // namespace

ChainProgramPointer compile_chain(const Urdf& urdf, const std::string& base, const std::vector<std::string>& tips) {
  check_kernels();
  return std::make_shared<const ChainProgram>(Compiler(urdf, base, tips).compile());
}

ChainProgramPointer compile_chain(std::string_view path_or_xml, const std::string& base, const std::vector<std::string>& tips,
                                  const UrdfOptions& options) {
  std::string_view text = path_or_xml;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // byte order mark
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  if (text.empty()) fail(ErrorCode::invalid_argument, {"Chain::from_urdf", "description", "URDF text or a path", "nothing", ""});
  const Urdf urdf = text.starts_with('<') ? parse_urdf(path_or_xml, "urdf", options) : load_urdf(path_or_xml, options);
  return compile_chain(urdf, base, tips);
}

const ChainDescription& description(const ChainProgram& program) noexcept { return program; }

void fail_dof(const ChainDescription& chain, int expected) {
  std::vector<std::string_view> names(chain.joint_names.begin(), chain.joint_names.end());
  fail(ErrorCode::invalid_argument,
       {"Chain::from_urdf", fmt::format("path from '{}' to '{}'", chain.base, chain.tips.front()), fmt::format("{} joints", expected),
        fmt::format("{}: {}", chain.dof(), join_names(names)), "Chain<> takes any number"});
}

namespace {
int index_of(const std::vector<std::string>& all, std::string_view name, const char* where, const char* what) {
  std::vector<std::string_view> names;
  for (const std::string& candidate : all) {
    if (candidate == name) return static_cast<int>(names.size());
    names.push_back(candidate);
  }
  fail_unknown(where, what, "one of " + join_names(names), name, names);
}
}  // namespace

int frame_index(const ChainDescription& chain, std::string_view name) {
  return index_of(chain.frame_names, name, "Chain::frame_index", "frame");
}

int tip_index(const ChainDescription& chain, std::string_view name) { return index_of(chain.tips, name, "Chain::tip_index", "tip"); }

}  // namespace sinew::detail

namespace sinew {
template class Chain<7>;
template class Chain<Eigen::Dynamic>;
}  // namespace sinew
