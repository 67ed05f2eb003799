// SPDX-License-Identifier: Apache-2.0
// A chain: the joints between a base link and one or several tips, as a flat program that the kernels of forward, jacobian and inverse run.
#pragma once

#include <Eigen/Core>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/core/isa.hpp"
#include "sinew/kinematics/urdf.hpp"

namespace sinew {

/// Most joints, followers (mimic) included, that move one tip, and most independent joints of a chain. Bounds every buffer of the
/// Dynamic kind.
inline constexpr int kMaxDof = 64;

/// Places in a buffer for one value per joint. (Eigen::Dynamic must not appear here: it has internal linkage, and so would every
/// signature.)
template <int Dof>
inline constexpr int kJointCapacity = Dof < 0 ? kMaxDof : Dof;

/// One value per joint of a chain: fixed size, or for Dynamic a capacity of kMaxDof inside the object. Never on the heap.
template <int Dof = Eigen::Dynamic>
using JointVector = Eigen::Matrix<double, Dof, 1, 0, kJointCapacity<Dof>, 1>;

/// What a chain is, as plain data.
struct ChainDescription {
  std::string base;
  std::vector<std::string> tips;           ///< at least one
  std::vector<std::string> joint_names;    ///< `[dof]`
  std::vector<double> lower, upper;        ///< `[dof]` rad or m; infinite for continuous joints
  std::vector<double> velocity, effort;    ///< `[dof]` rad/s or m/s, N m or N; infinity when not stated
  std::vector<std::uint8_t> continuous;    ///< `[dof]` 1 for joints without position limits that repeat after 2 pi
  std::vector<std::uint8_t> prismatic;     ///< `[dof]` 1 for joints in metres
  std::vector<std::string> limit_sources;  ///< `[dof]` where the position limits come from, in words
  std::vector<std::string> frame_names;    ///< links that move rigidly with a joint of the chain or with its base
  std::vector<std::string> warnings;       ///< what the reader found odd about the description, with joint and line

  [[nodiscard]] int dof() const noexcept { return static_cast<int>(joint_names.size()); }
};

namespace detail {
struct ChainProgram;
using ChainProgramPointer = std::shared_ptr<const ChainProgram>;
[[nodiscard]] ChainProgramPointer compile_chain(const Urdf& urdf, const std::string& base, const std::vector<std::string>& tips);
[[nodiscard]] ChainProgramPointer compile_chain(std::string_view path_or_xml, const std::string& base, const std::vector<std::string>& tips,
                                                const UrdfOptions& options);
[[nodiscard]] const ChainDescription& description(const ChainProgram& program) noexcept;
[[noreturn]] void fail_dof(const ChainDescription& chain, int expected);
[[nodiscard]] int frame_index(const ChainDescription& chain, std::string_view name);
[[nodiscard]] int tip_index(const ChainDescription& chain, std::string_view name);
}  // namespace detail

/// An immutable chain; threads may share one, and copies share its data. Dof is the number of independent joints, or Eigen::Dynamic.
///
/// Joints are ordered from base to tip, those of the first tip first; a mimic joint has no variable of its own but moves with the joint
/// that it follows, whose limits are narrowed so that the follower keeps its own. Paths may lead up the tree as well as down.
template <int Dof = Eigen::Dynamic>
class Chain {
  static_assert(Dof == Eigen::Dynamic || (Dof > 0 && Dof <= kMaxDof));

 public:
  /// Reads URDF text (first character '<') or the file of that path, and takes the path from link `base` to link `tip`. Throws Error for
  /// what parse_urdf() refuses, unknown links, a path without a moving joint, more than kMaxDof joints, and mimic limits that leave
  /// nothing of a range.
  [[nodiscard]] static Chain from_urdf(std::string_view path_or_xml, const std::string& base, const std::string& tip,
                                       const UrdfOptions& options = {}) {
    return Chain(detail::compile_chain(path_or_xml, base, {tip}, options));
  }
  /// The same for several tips, such as the two hands of one torso: joints that they share appear once.
  [[nodiscard]] static Chain from_urdf(std::string_view path_or_xml, const std::string& base, const std::vector<std::string>& tips,
                                       const UrdfOptions& options = {}) {
    return Chain(detail::compile_chain(path_or_xml, base, tips, options));
  }
  [[nodiscard]] static Chain from_urdf(std::string_view path_or_xml, const std::string& base, std::initializer_list<std::string> tips,
                                       const UrdfOptions& options = {}) {
    return from_urdf(path_or_xml, base, std::vector<std::string>(tips), options);
  }
  /// The same from a description that was read before.
  [[nodiscard]] static Chain from_urdf(const Urdf& urdf, const std::string& base, const std::string& tip) {
    return Chain(detail::compile_chain(urdf, base, {tip}));
  }
  [[nodiscard]] static Chain from_urdf(const Urdf& urdf, const std::string& base, const std::vector<std::string>& tips) {
    return Chain(detail::compile_chain(urdf, base, tips));
  }
  [[nodiscard]] static Chain from_urdf(const Urdf& urdf, const std::string& base, std::initializer_list<std::string> tips) {
    return from_urdf(urdf, base, std::vector<std::string>(tips));
  }

  /// Number of independent joints.
  [[nodiscard]] int dof() const noexcept { return dof_; }
  /// Names of the independent joints, `[dof]`.
  [[nodiscard]] const std::vector<std::string>& joint_names() const noexcept { return description().joint_names; }
  /// Position limits, rad or m; infinite for continuous joints.
  [[nodiscard]] const JointVector<Dof>& lower() const noexcept { return lower_; }
  [[nodiscard]] const JointVector<Dof>& upper() const noexcept { return upper_; }
  /// Velocity limits, rad/s or m/s; infinity where the description states none (absent or 0).
  [[nodiscard]] const JointVector<Dof>& velocity() const noexcept { return velocity_; }
  /// Effort limits, N m or N; infinity where the description states none.
  [[nodiscard]] const JointVector<Dof>& effort() const noexcept { return effort_; }
  /// 1 for joints that turn without end, `[dof]`.
  [[nodiscard]] const std::vector<std::uint8_t>& continuous() const noexcept { return description().continuous; }
  /// Zero where the limits allow it, else the middle of the range; rad or m.
  [[nodiscard]] JointVector<Dof> neutral() const noexcept;
  /// Links that move rigidly with a joint of the chain or with its base, in the order of frames().
  [[nodiscard]] const std::vector<std::string>& frame_names() const noexcept { return description().frame_names; }
  /// Index of the frame in frame_names(); throws Error that suggests the nearest name.
  [[nodiscard]] int frame_index(std::string_view name) const { return detail::frame_index(description(), name); }
  /// Index of the tip, what forward() and its like take; throws Error that suggests the nearest name.
  [[nodiscard]] int tip_index(std::string_view name) const { return detail::tip_index(description(), name); }
  /// What the reader found odd about the description, with joint and line.
  [[nodiscard]] const std::vector<std::string>& warnings() const noexcept { return description().warnings; }
  /// Names, limits and their sources as plain data.
  [[nodiscard]] const ChainDescription& description() const noexcept { return *description_; }
  /// What the kernels run.
  [[nodiscard]] const detail::ChainProgram& program() const noexcept { return *program_; }

 private:
  explicit Chain(detail::ChainProgramPointer program);

  detail::ChainProgramPointer program_;
  const ChainDescription* description_;
  int dof_;
  JointVector<Dof> lower_, upper_, velocity_, effort_;
};

template <int Dof>
Chain<Dof>::Chain(detail::ChainProgramPointer program)
    : program_(std::move(program)), description_(&detail::description(*program_)), dof_(description_->dof()) {
  if (Dof != Eigen::Dynamic && dof_ != Dof) detail::fail_dof(*description_, Dof);
  const auto vector = [this](const std::vector<double>& values) -> JointVector<Dof> {
    return Eigen::Map<const JointVector<Dof>>(values.data(), dof_);
  };
  lower_ = vector(description_->lower);
  upper_ = vector(description_->upper);
  velocity_ = vector(description_->velocity);
  effort_ = vector(description_->effort);
}

template <int Dof>
JointVector<Dof> Chain<Dof>::neutral() const noexcept {
  JointVector<Dof> q = JointVector<Dof>::Zero(dof());
  for (int i = 0; i < dof(); ++i) {
    if (!(lower_[i] <= 0 && upper_[i] >= 0)) q[i] = lower_[i] + 0.5 * (upper_[i] - lower_[i]);
  }
  return q;
}

/// Working memory of inverse() and differential_step(); one per thread, reused between calls. Holds nothing between them.
template <int Dof = Eigen::Dynamic>
struct ChainScratch {
  static constexpr std::size_t kCapacity = kJointCapacity<Dof>;
  alignas(64) std::array<double, 8 * kCapacity> position;   ///< of eight searches side by side
  alignas(64) std::array<double, 8 * kCapacity> next;       ///< where their steps lead
  alignas(64) std::array<double, 8 * kCapacity> best;       ///< of the smallest residuals so far
  alignas(64) std::array<double, 48 * kCapacity> jacobian;  ///< weighted
  std::array<double, kCapacity> posture;                    ///< in the joints of one tip
};

extern template class Chain<7>;
extern template class Chain<Eigen::Dynamic>;

}  // namespace sinew
