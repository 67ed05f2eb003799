// SPDX-License-Identifier: Apache-2.0
// Inverse kinematics: joint positions inside the limits that bring the tip to a pose.
#pragma once

#include <Eigen/Geometry>
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
  unreachable,  ///< farther than the chain is long, or no restart of the whole search got there
  bad_input     ///< wrong size, NaN, no rotation in the target, or a tolerance below kMinTolerance; q is NaN
};

/// Name of the enumerator, e.g. "converged".
[[nodiscard]] std::string_view to_string(InverseStatus status) noexcept;

/// Smallest tolerance that arithmetic in double can promise.
inline constexpr double kMinTolerance = 1e-12;

template <int Dof = Eigen::Dynamic>
struct InverseOptions {
  double tolerance = 1e-6;        ///< m for the position and rad for the angle; both must hold
  int max_iterations = 40;        ///< per seed
  int max_restarts = 100;         ///< random seeds after the caller's; 0 looks only where the caller's seed leads
  std::uint64_t random_seed = 0;  ///< of the restarts; the same value gives the same bits
  /// Positions (rad or m) that a redundant chain is drawn to as far as the target leaves freedom: keeps one elbow over many solves.
  const JointVector<Dof>* posture = nullptr;
  double posture_gain = 0.5;  ///< share of the way to the posture per iteration, in (0, 1]
};

template <int Dof = Eigen::Dynamic>
struct InverseResult {
  InverseStatus status = InverseStatus::bad_input;
  JointVector<Dof> q;     ///< rad or m; the best that was found when not converged, inside the limits all the same
  double residual = 0.0;  ///< larger of position error (m) and angle (rad) at q; NaN for bad input
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
};

struct InverseOutcome {
  InverseStatus status;
  double residual;
  int iterations;
  int restarts;
};

/// Views of a ChainScratch, `dof` long, and the place for the result.
struct InverseBuffers {
  double* jacobian;
  double* position;
  double* best;
  double* step;
  std::uint8_t* blocked;
  std::span<double> q;
};

InverseOutcome inverse(const ChainProgram& program, const Eigen::Isometry3d& base_from_tip, std::span<const double> seed,
                       const InverseSettings& settings, const InverseBuffers& buffers) noexcept;

}  // namespace detail

/// Joint positions for which forward() gives `base_from_tip` (m). `seed [dof]` (rad or m, clamped to the limits) is tried first; only when
/// it leads nowhere come random seeds. Of positions that repeat after a turn, the one inside the limits nearest to the seed is returned.
///
/// Damped least squares in the dual 6 x 6 form with residual-proportional damping (Sugihara 2011) and an active set for the limits.
/// Allocates and throws nothing; the same arguments give the same bits.
template <int Dof>
[[nodiscard]] InverseResult<Dof> inverse(const Chain<Dof>& chain, const Eigen::Isometry3d& base_from_tip, const JointRef<Dof>& seed,
                                         ChainScratch<Dof>& scratch,
                                         const std::type_identity_t<InverseOptions<Dof>>& options = {}) noexcept {
  InverseResult<Dof> result;
  result.q = JointVector<Dof>::Constant(chain.dof(), std::numeric_limits<double>::quiet_NaN());
  const detail::InverseOutcome outcome =
      detail::inverse(chain.program(), base_from_tip, detail::as_span(seed),
                      {.tolerance = options.tolerance,
                       .max_iterations = options.max_iterations,
                       .max_restarts = options.max_restarts,
                       .random_seed = options.random_seed,
                       .posture = options.posture != nullptr ? detail::as_span(*options.posture) : std::span<const double>(),
                       .posture_gain = options.posture != nullptr ? options.posture_gain : 0.0},
                      {.jacobian = scratch.jacobian.data(),
                       .position = scratch.position.data(),
                       .best = scratch.best.data(),
                       .step = scratch.step.data(),
                       .blocked = scratch.blocked.data(),
                       .q = {result.q.data(), static_cast<std::size_t>(result.q.size())}});
  result.status = outcome.status;
  result.residual = outcome.residual;
  result.iterations = outcome.iterations;
  result.restarts = outcome.restarts;
  return result;
}

/// Solves for `base_from_tip [n, 4, 4]` from `seeds [n, dof]`, both row-major, into `q [n, dof]` and `status [n]`; each bit for bit as
/// alone. A target whose last row is not 0 0 0 1 is bad input. Does nothing unless all lengths fit one n.
template <int Dof>
void inverse_batch(const Chain<Dof>& chain, std::span<const double> base_from_tip, std::span<const double> seeds, std::span<double> q,
                   std::span<InverseStatus> status, ChainScratch<Dof>& scratch,
                   const std::type_identity_t<InverseOptions<Dof>>& options = {}) noexcept {
  const auto dof = static_cast<std::size_t>(chain.dof());
  const std::size_t count = status.size();
  if (base_from_tip.size() != count * 16 || seeds.size() != count * dof || q.size() != count * dof) return;
  for (std::size_t i = 0; i < count; ++i) {
    Eigen::Isometry3d target;
    target.matrix() = Eigen::Map<const Eigen::Matrix<double, 4, 4, Eigen::RowMajor>>(base_from_tip.data() + i * 16);
    const auto seed = Eigen::Map<const Eigen::Vector<double, Dof>>(seeds.data() + i * dof, chain.dof());
    const auto result = inverse(chain, target, seed, scratch, options);
    Eigen::Map<Eigen::Vector<double, Dof>>(q.data() + i * dof, chain.dof()) = result.q;
    status[i] = result.status;
  }
}

}  // namespace sinew
