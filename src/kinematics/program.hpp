// SPDX-License-Identifier: Apache-2.0
// A compiled chain: what the public description leaves out and the kernels run. Internal to src/kinematics.
#pragma once

#include <Eigen/Geometry>
#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "kernels/kernels.hpp"
#include "sinew/kinematics/chain.hpp"
#include "sinew/kinematics/inverse.hpp"

namespace sinew::detail {

/// One moving joint as the tree has it: `previous_from_joint`, then a motion about or along z.
struct DenseSegment {
  Eigen::Isometry3d previous_from_joint;
  bool prismatic = false;
  int variable = 0;
  double multiplier = 1.0;
  double offset = 0.0;
};

/// The numbers behind a KernelProgram, which points into them.
template <class Scalar>
struct ProgramStorage {
  ProgramStorage() = default;
  ProgramStorage(ProgramStorage&&) = default;
  ProgramStorage& operator=(ProgramStorage&&) = default;

  std::vector<KernelSegment<Scalar>> segments;
  std::vector<Scalar> offsets;
  KernelProgram<Scalar> program = {};
};

/// The way to one tip.
struct TipProgram {
  ProgramStorage<double> storage;
  ProgramStorage<float> float_storage;
  ProgramStorage<double> search_storage;                  ///< with variables numbered among `variables`
  std::vector<int> variables;                             ///< that move this tip, ascending
  std::vector<double> lower, upper;                       ///< `[variables]` limits
  std::vector<double> sample_lower, sample_range;         ///< `[variables]` finite: where inverse() looks for seeds
  std::vector<double> sample_stride;                      ///< `[variables]` from one seed to the next, as a share of the range
  double length = 0.0;                                    ///< m; a typical size of the arm, the unit of position errors in a search
  double reach = 0.0;                                     ///< m; the tip is never farther than this from `center`
  Eigen::Vector3d center = Eigen::Vector3d::Zero();       ///< m, base axes: origin of the first joint
  double reach_of_last = 0.0;                             ///< m: of a point that the last joint does not move, likewise
  Eigen::Vector3d last_in_tip = Eigen::Vector3d::Zero();  ///< m, tip axes: that point
};

struct ChainProgram : ChainDescription {
  std::vector<TipProgram> tip_programs;
  std::vector<KernelFrame> frame_steps;
  std::vector<std::int32_t> frame_variables;
  std::vector<double> frame_multipliers, frame_offsets;
  KernelFrames frames_program = {};
  std::vector<std::uint8_t> turns;  ///< `[dof]` 1 where q and q + 2 pi are the same configuration
};

/// The segments in canonical form: every frame is turned about the axis of its joint, which the joint's offset takes up, until the
/// next axis is a rotation about x away (the twist of Denavit and Hartenberg): 8 operations a joint instead of 16 for any robot.
[[nodiscard]] TipProgram compile_tip(std::vector<DenseSegment> segments, Eigen::Isometry3d last_from_tip, int dof);

static_assert(sizeof(Eigen::Isometry3d) == 16 * sizeof(double), "the kernels write poses as 16 numbers, column-major");

/// The weights of a task for one tip, positions (in units of an arm's length) against angles, and the tool axis as a unit vector;
/// tolerances are left to the caller.
[[nodiscard]] inline KernelTask task_weights(const TipProgram& tip, InverseTask task, const std::array<double, 3>& tool_axis) noexcept {
  constexpr double kLengthShare = 0.22;  // of TipProgram::length, m per rad
  constexpr double kShortest = 1e-3;     // m
  const Eigen::Vector3d axis = Eigen::Vector3d(tool_axis.data()).stableNormalized();
  const bool axis_only = task == InverseTask::axis || task == InverseTask::free_yaw;
  return {.position_weight = task == InverseTask::axis ? 0.0 : 1.0 / std::max(kLengthShare * tip.length, kShortest),
          .rotation_weight = task == InverseTask::position ? 0.0 : 1.0,
          .axis = {axis[0], axis[1], axis[2]},
          .axis_only = static_cast<std::uint8_t>(axis_only ? 1 : 0)};
}

inline void write_nan(Eigen::Isometry3d& out) noexcept { out.matrix().setConstant(std::numeric_limits<double>::quiet_NaN()); }

inline bool fits(const ChainProgram& program, std::span<const double> q, int tip) noexcept {
  return std::ssize(q) == program.dof() && tip >= 0 && tip < std::ssize(program.tips);
}

inline const TipProgram& tip_program(const ChainProgram& program, int tip) noexcept {
  return program.tip_programs[static_cast<std::size_t>(tip)];
}

/// The n of `[n, dof]` and `[n, 16]`, or -1.
template <class Scalar>
std::ptrdiff_t batch_count(const ChainProgram& program, std::span<const Scalar> q, std::size_t poses, int tip) noexcept {
  const auto dof = static_cast<std::size_t>(program.dof());
  const std::size_t count = q.size() / dof;
  const bool good = q.size() == count * dof && poses == count * 16 && tip >= 0 && tip < std::ssize(program.tips);
  return good ? static_cast<std::ptrdiff_t>(count) : -1;
}

}  // namespace sinew::detail
