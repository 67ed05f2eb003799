// SPDX-License-Identifier: Apache-2.0
// A serial chain between two links of a robot, as a flat program that the kernels of forward, jacobian and inverse run.
#pragma once

#include <Eigen/Core>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sinew/kinematics/urdf.hpp"

namespace sinew {

/// Most joints, followers (mimic) included, that a chain may move. Bounds every buffer of the Dynamic kind.
inline constexpr int kMaxDof = 64;

/// Places in a buffer for one value per joint. (Eigen::Dynamic must not appear here: it has internal linkage, and so would every
/// signature.)
template <int Dof>
inline constexpr int kJointCapacity = Dof < 0 ? kMaxDof : Dof;

/// One value per joint of a chain: fixed size, or for Dynamic a capacity of kMaxDof inside the object. Never on the heap.
template <int Dof = Eigen::Dynamic>
using JointVector = Eigen::Matrix<double, Dof, 1, 0, kJointCapacity<Dof>, 1>;

/// A rigid transform as plain numbers: columns of the rotation, then the translation (m).
struct Rigid {
  std::array<double, 9> rotation = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  std::array<double, 3> translation = {0, 0, 0};
};

/// One moving joint of the program: `previous_from_joint`, then a motion along or about the local z axis by
/// multiplier * q[variable] + offset. Fixed joints are folded into the neighbours.
struct ChainSegment {
  Rigid previous_from_joint;
  bool prismatic = false;
  int variable = 0;         ///< index into q
  double multiplier = 1.0;  ///< from mimic joints and from the direction of travel
  double offset = 0.0;      ///< rad or m
};

/// A link that the chain carries, rigidly behind a segment.
struct ChainFrame {
  std::string name;
  int segment = -1;  ///< index of the segment that moves it; -1: rigid with the base
  Rigid segment_from_frame;
};

/// The program of one chain; numbers only where the kernels look, no Eigen type, so that a kernel of any instruction set can read it.
struct ChainProgram {
  std::string base;
  std::string tip;
  std::vector<ChainSegment> segments;              ///< base to tip
  Rigid last_from_tip;                             ///< from the last segment (or the base) to the tip
  std::vector<ChainFrame> frames;                  ///< ordered by segment
  std::vector<std::string> joint_names;            ///< `[dof]`
  std::vector<double> lower, upper;                ///< `[dof]` rad or m; infinite for continuous joints
  std::vector<double> velocity, effort;            ///< `[dof]` rad/s or m/s, N m or N; infinity when not stated
  std::vector<std::uint8_t> continuous;            ///< `[dof]` 1 for joints without position limits that repeat after 2 pi
  std::vector<std::uint8_t> turns;                 ///< `[dof]` 1 where q and q + 2 pi are the same configuration
  std::vector<double> sample_lower, sample_upper;  ///< `[dof]` finite range from which inverse() draws its restarts
  std::vector<std::string> warnings;               ///< of the description
  double reach = 0.0;                              ///< m; no tip is farther than this from `center`
  std::array<double, 3> center = {0, 0, 0};        ///< m, base axes: origin of the first joint

  [[nodiscard]] int dof() const noexcept { return static_cast<int>(joint_names.size()); }
};

/// Compiles the path from link `base` to link `tip`, in either direction along the tree. Throws Error for unknown links, a path
/// without a moving joint, more than kMaxDof joints, and mimic limits that leave nothing of a range.
[[nodiscard]] ChainProgram compile_chain(const Urdf& urdf, const std::string& base, const std::string& tip);

/// An immutable serial chain; threads may share one. Dof is the number of independent joints, or Eigen::Dynamic.
///
/// Joints are ordered from base to tip; a mimic joint has no variable of its own but moves with the joint that it follows,
/// whose limits are narrowed so that the follower keeps its own.
template <int Dof = Eigen::Dynamic>
class Chain {
  static_assert(Dof == Eigen::Dynamic || (Dof > 0 && Dof <= kMaxDof));

 public:
  /// Reads URDF text (first character '<') or the file of that path, and takes the path from link `base` to link `tip`. Throws Error.
  [[nodiscard]] static Chain from_urdf(std::string_view path_or_xml, const std::string& base, const std::string& tip);
  /// Takes the path from link `base` to link `tip` of a description that was read before. Throws Error.
  [[nodiscard]] static Chain from_urdf(const Urdf& urdf, const std::string& base, const std::string& tip);

  /// Number of independent joints.
  [[nodiscard]] int dof() const noexcept { return program_.dof(); }
  /// Names of the independent joints, `[dof]`.
  [[nodiscard]] const std::vector<std::string>& joint_names() const noexcept { return program_.joint_names; }
  /// Position limits, rad or m; infinite for continuous joints.
  [[nodiscard]] const JointVector<Dof>& lower() const noexcept { return lower_; }
  [[nodiscard]] const JointVector<Dof>& upper() const noexcept { return upper_; }
  /// Velocity limits, rad/s or m/s; infinity where the description states none (absent or 0).
  [[nodiscard]] const JointVector<Dof>& velocity() const noexcept { return velocity_; }
  /// Effort limits, N m or N; infinity where the description states none.
  [[nodiscard]] const JointVector<Dof>& effort() const noexcept { return effort_; }
  /// 1 for joints that turn without end, `[dof]`.
  [[nodiscard]] const std::vector<std::uint8_t>& continuous() const noexcept { return program_.continuous; }
  /// Zero where the limits allow it, else the middle of the range; rad or m.
  [[nodiscard]] JointVector<Dof> neutral() const noexcept;
  /// Links that move rigidly with a joint of the chain or with its base, `frames()` order.
  [[nodiscard]] std::vector<std::string> frame_names() const;
  /// Index of the frame in frame_names(); throws Error that suggests the nearest name.
  [[nodiscard]] int frame_index(std::string_view name) const;
  /// What the reader found odd about the description, with joint and line.
  [[nodiscard]] const std::vector<std::string>& warnings() const noexcept { return program_.warnings; }
  /// The flat program that the kernels run.
  [[nodiscard]] const ChainProgram& program() const noexcept { return program_; }

 private:
  explicit Chain(ChainProgram program);

  ChainProgram program_;
  JointVector<Dof> lower_, upper_, velocity_, effort_;
};

/// Working memory of inverse(); one per thread, reused between calls. Holds nothing between them.
template <int Dof = Eigen::Dynamic>
struct ChainScratch {
  static constexpr int kCapacity = kJointCapacity<Dof>;
  std::array<double, 6 * kCapacity> jacobian;  ///< column-major
  std::array<double, kCapacity> position;      ///< q of the current iteration
  std::array<double, kCapacity> best;          ///< q of the smallest residual so far
  std::array<double, kCapacity> step;
  std::array<std::uint8_t, kCapacity> blocked;  ///< joints at a limit that would leave it
};

namespace detail {
[[nodiscard]] ChainProgram compile_chain(std::string_view path_or_xml, const std::string& base, const std::string& tip);
[[noreturn]] void fail_dof(const ChainProgram& program, int expected);
[[nodiscard]] int frame_index(const ChainProgram& program, std::string_view name);
}  // namespace detail

template <int Dof>
Chain<Dof>::Chain(ChainProgram program) : program_(std::move(program)) {
  if (Dof != Eigen::Dynamic && program_.dof() != Dof) detail::fail_dof(program_, Dof);
  const auto vector = [this](const std::vector<double>& values) -> JointVector<Dof> {
    return Eigen::Map<const JointVector<Dof>>(values.data(), program_.dof());
  };
  lower_ = vector(program_.lower);
  upper_ = vector(program_.upper);
  velocity_ = vector(program_.velocity);
  effort_ = vector(program_.effort);
}

template <int Dof>
Chain<Dof> Chain<Dof>::from_urdf(std::string_view path_or_xml, const std::string& base, const std::string& tip) {
  return Chain(detail::compile_chain(path_or_xml, base, tip));
}

template <int Dof>
Chain<Dof> Chain<Dof>::from_urdf(const Urdf& urdf, const std::string& base, const std::string& tip) {
  return Chain(compile_chain(urdf, base, tip));
}

template <int Dof>
JointVector<Dof> Chain<Dof>::neutral() const noexcept {
  JointVector<Dof> q = JointVector<Dof>::Zero(dof());
  for (int i = 0; i < dof(); ++i) {
    if (!(lower_[i] <= 0 && upper_[i] >= 0)) q[i] = lower_[i] + 0.5 * (upper_[i] - lower_[i]);
  }
  return q;
}

template <int Dof>
std::vector<std::string> Chain<Dof>::frame_names() const {
  std::vector<std::string> names;
  for (const ChainFrame& frame : program_.frames) names.push_back(frame.name);
  return names;
}

template <int Dof>
int Chain<Dof>::frame_index(std::string_view name) const {
  return detail::frame_index(program_, name);
}

extern template class Chain<7>;
extern template class Chain<Eigen::Dynamic>;

}  // namespace sinew
