// SPDX-License-Identifier: Apache-2.0
// Slows time along a plan, so that joints that cannot follow it in time still follow its path.
#pragma once

#include <span>
#include <vector>

#include "sinew/core/clock.hpp"
#include "sinew/motion/chunk_timeline.hpp"
#include "sinew/motion/joint_limits.hpp"
#include "sinew/motion/velocity_filter.hpp"

namespace sinew {

struct PathGovernorOptions {
  Time lookahead = std::chrono::milliseconds(400);  ///< of the plan that is looked at; at least the time that the robot takes to stop
  int samples = 20;                                 ///< of it
  double share = 0.85;                              ///< of each limit that the plan may ask for; the rest is for coming back to it
};

/// The path-preserving mode. Without it, each joint follows its target as fast as it can, and when one saturates the others run ahead:
/// the tool leaves the path. The governor looks along the plan, finds the rate of time at which no joint would ask for more than its
/// share of velocity, acceleration and jerk, and moves the plan later by what is missing (`ChunkTimeline::delay`). The rate goes from 0
/// to 1 and changes smoothly; a new chunk that is on time brings the plan back to the clock.
///
/// It asks and does not guarantee: limits are CommandFilter's. Nothing but the constructor allocates or throws.
class PathGovernor {
 public:
  /// Throws Error for limits that `validate` refuses and options out of range.
  PathGovernor(const JointLimits& limits, Time dt, const PathGovernorOptions& options = {});

  void reset() noexcept;
  /// Of the same joints, as CommandFilter::change_limits took them.
  void set_limits(const JointLimits& limits) noexcept;
  /// Before the tick that ends at `end`: delays the plan. `dt` is the length of the tick. Returns the rate of time.
  double apply(ChunkTimeline& timeline, Time end, Time dt) noexcept;
  [[nodiscard]] double rate() const noexcept { return rate_; }

 private:
  [[nodiscard]] double feasible_rate(const ChunkTimeline& timeline, Time end) noexcept;
  [[nodiscard]] double rate_between(const double* before, const double* here, const double* after) const noexcept;

  double share_;
  std::vector<double> velocity_;  // that the plan may ask for
  std::vector<double> acceleration_;
  std::vector<double> samples_;  // `[samples + 2, dof]`
  Time step_;
  int count_;
  double deceleration_;  // of the rate, 1/s
  VelocityFilter smooth_;
  double rate_ = 1;
};

}  // namespace sinew
