// SPDX-License-Identifier: Apache-2.0
// Inverse kinematics: joint positions inside the limits that bring a tip to a pose.
#pragma once

#include <Eigen/Geometry>
#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <type_traits>

#include "sinew/kinematics/chain.hpp"
#include "sinew/kinematics/forward.hpp"

namespace sinew {

enum class InverseStatus : std::uint8_t {
  converged,    ///< q reaches the target within the tolerance and is inside the limits, exactly: checked after the search
  stalled,      ///< gave up near the seed, and was not allowed to search elsewhere (max_restarts = 0)
  unreachable,  ///< farther than the chain is long, or no seed of the whole search got there: not always a proof
  bad_input     ///< wrong size, NaN, no rotation in the target, or a tolerance below kMinTolerance; q is NaN
};

/// Name of the enumerator, e.g. "converged".
[[nodiscard]] std::string_view to_string(InverseStatus status) noexcept;

/// What of the target counts.
enum class InverseTask : std::uint8_t {
  pose,      ///< position and rotation
  position,  ///< the rotation is free
  axis,      ///< the direction of InverseOptions::tool_axis; position and the rotation about the axis are free
  free_yaw   ///< position and the direction of tool_axis; the rotation about it is free (five joints are enough)
};

/// Name of the enumerator, e.g. "free_yaw".
[[nodiscard]] std::string_view to_string(InverseTask task) noexcept;
/// The task of that name; throws Error that lists the names.
[[nodiscard]] InverseTask inverse_task(std::string_view name);

/// Smallest tolerance that arithmetic in double can promise.
inline constexpr double kMinTolerance = 1e-12;

template <int Dof = Eigen::Dynamic>
struct InverseOptions {
  double tolerance = 1e-6;        ///< m for the position and rad for the angle; both must hold
  int max_iterations = 40;        ///< per seed
  int max_restarts = 63;          ///< seeds after the caller's; 0 looks only where the caller's seed leads
  std::uint64_t random_seed = 0;  ///< of the restarts; the same value gives the same bits
  /// Positions (rad or m) that a redundant chain is drawn to on its way to the target, as far as that leaves freedom: keeps one elbow over
  /// many solves. A seed that already is an answer stays as it is; differential_step() moves on to the posture.
  const JointVector<Dof>* posture = nullptr;
  double posture_gain = 0.5;  ///< share of the way to the posture per iteration, in (0, 1]
  InverseTask task = InverseTask::pose;
  std::array<double, 3> tool_axis = {0, 0, 1};  ///< tip frame, any length; for InverseTask::axis and free_yaw
  int tip = 0;                                  ///< see Chain::tip_index(); joints that do not move this tip stay at the seed
};

/// Joint positions that were found, and how well they reach the target.
template <int Dof = Eigen::Dynamic>
struct InverseResult {
  InverseStatus status = InverseStatus::bad_input;
  JointVector<Dof> q;     ///< rad or m; the best that was found when not converged, inside the limits all the same
  double residual = 0.0;  ///< larger of position error (m) and angle (rad) at q, of what the task asks for; NaN for bad input
  int iterations = 0;     ///< over all seeds
  int restarts = 0;       ///< 0: the caller's seed led to q

  [[nodiscard]] explicit operator bool() const noexcept { return status == InverseStatus::converged; }
};

namespace detail {

struct InverseSettings {
  double tolerance;
  int max_iterations;
  int max_restarts;
  std::uint64_t random_seed;
  std::span<const double> posture;
  double posture_gain;
  InverseTask task;
  std::array<double, 3> tool_axis;
  int tip;
};

struct InverseOutcome {
  InverseStatus status;
  double residual;
  int iterations;
  int restarts;
};

/// The arrays of a ChainScratch.
struct InverseBuffers {
  double* position;
  double* next;
  double* best;
  double* jacobian;
  double* posture;
};

template <int Dof>
InverseBuffers buffers_of(ChainScratch<Dof>& scratch) noexcept {
  return {scratch.position.data(), scratch.next.data(), scratch.best.data(), scratch.jacobian.data(), scratch.posture.data()};
}

template <int Dof>
InverseSettings settings_of(const InverseOptions<Dof>& options) noexcept {
  return {.tolerance = options.tolerance,
          .max_iterations = options.max_iterations,
          .max_restarts = options.max_restarts,
          .random_seed = options.random_seed,
          .posture = options.posture != nullptr ? as_span(*options.posture) : std::span<const double>(),
          .posture_gain = options.posture != nullptr ? options.posture_gain : 0.0,
          .task = options.task,
          .tool_axis = options.tool_axis,
          .tip = options.tip};
}

InverseOutcome inverse(const ChainProgram& program, const Eigen::Isometry3d& base_from_tip, std::span<const double> seed,
                       const InverseSettings& settings, const InverseBuffers& buffers, std::span<double> q) noexcept;
bool inverse_batch(const ChainProgram& program, std::span<const double> base_from_tip, std::span<const double> seeds,
                   const InverseSettings& settings, const InverseBuffers& buffers, std::span<double> q,
                   std::span<InverseStatus> status) noexcept;

}  // namespace detail

/// Joint positions for which forward() gives `base_from_tip` (m). `seed [dof]` (rad or m, clamped to the limits) comes first; only when it
/// is far from the target or leads nowhere come other seeds, eight at a time, and of those that arrive together the one nearest to the
/// caller's. Of positions that repeat after a turn, the one inside the limits nearest to the seed is returned.
///
/// Damped least squares in the dual 6 x 6 form with residual-proportional damping (Sugihara 2011) and an active set for the limits.
/// Allocates and throws nothing; the same arguments give the same bits on one instruction set, however wide its vectors.
template <int Dof>
[[nodiscard]] InverseResult<Dof> inverse(const Chain<Dof>& chain, const Eigen::Isometry3d& base_from_tip, const JointRef<Dof>& seed,
                                         ChainScratch<Dof>& scratch,
                                         const std::type_identity_t<InverseOptions<Dof>>& options = {}) noexcept {
  InverseResult<Dof> result;
  result.q = JointVector<Dof>::Constant(chain.dof(), std::numeric_limits<double>::quiet_NaN());
  const detail::InverseOutcome outcome =
      detail::inverse(chain.program(), base_from_tip, detail::as_span(seed), detail::settings_of(options), detail::buffers_of(scratch),
                      {result.q.data(), static_cast<std::size_t>(result.q.size())});
  result.status = outcome.status;
  result.residual = outcome.residual;
  result.iterations = outcome.iterations;
  result.restarts = outcome.restarts;
  return result;
}

/// Solves for `base_from_tip [n, 4, 4]` from `seeds [n, dof]`, both row-major, into `q [n, dof]` and `status [n]`, eight targets at a time.
/// A target follows one seed after the other, where inverse() follows eight at once: the same status, as a rule, but another of several
/// answers. The answer to a target depends on that target and its seed alone, not on its neighbours. A target whose last row is not
/// 0 0 0 1 is bad input. False, and nothing written, unless all lengths fit one n.
template <int Dof>
bool inverse_batch(const Chain<Dof>& chain, std::span<const double> base_from_tip, std::span<const double> seeds, std::span<double> q,
                   std::span<InverseStatus> status, ChainScratch<Dof>& scratch,
                   const std::type_identity_t<InverseOptions<Dof>>& options = {}) noexcept {
  return detail::inverse_batch(chain.program(), base_from_tip, seeds, detail::settings_of(options), detail::buffers_of(scratch), q, status);
}

}  // namespace sinew
