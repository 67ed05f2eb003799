// SPDX-License-Identifier: Apache-2.0
// Tool poses become joint positions: inverse kinematics over a whole chunk, one branch of solutions, no jumps.
#pragma once

#include <span>
#include <vector>

#include "sinew/core/action_chunk.hpp"
#include "sinew/core/status.hpp"
#include "sinew/kinematics/chain.hpp"
#include "sinew/kinematics/inverse.hpp"

namespace sinew {

/// How a chunk of poses is resolved.
struct JointResolverOptions {
  double tolerance = 1e-5;      ///< m and rad, of every pose
  double max_joint_step = 0.8;  ///< rad or m between two rows; more means that the solution jumped to another branch
  double posture_gain = 0.2;    ///< pull of the null space towards the posture, 0 to 1 per iteration; see inverse.hpp
};

/// Resolves `tool_pose` chunks for one arm. One thread at a time; allocates only while being made.
class JointResolver {
 public:
  /// `grippers` columns follow the pose and are passed on behind the joints.
  JointResolver(Chain<> chain, int grippers, const JointResolverOptions& options = {});

  /// Joints and grippers: columns of a resolved chunk.
  [[nodiscard]] int dim() const noexcept { return chain_.dof() + grippers_; }
  /// Posture `[chain dof]` that redundant joints are drawn to; the chain's neutral one until set. `bad_shape`, `not_finite`.
  [[nodiscard]] Status set_posture(std::span<const double> q) noexcept;
  /// Fills `joints` `[n, dim]` from `poses`, starting the search at `q` (at least `[chain dof]`, rad or m). `joints` must have
  /// been made for `poses.horizon` rows and `dim` columns at least. A pose that has no solution, or only one on another branch,
  /// ends the chunk before it; when that is the first row the result is `unreachable`.
  [[nodiscard]] Status resolve(const ActionChunk& poses, std::span<const double> q, ActionChunk& joints) noexcept;
  /// Rows that the last call resolved.
  [[nodiscard]] int resolved_rows() const noexcept { return rows_; }

 private:
  Chain<> chain_;
  int grippers_;
  JointResolverOptions options_;
  ChainScratch<> scratch_;
  JointVector<> seed_;
  JointVector<> posture_;
  int rows_ = 0;
};

}  // namespace sinew
