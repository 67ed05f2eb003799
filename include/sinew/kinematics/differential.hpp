// SPDX-License-Identifier: Apache-2.0
// Differential inverse kinematics: one control period of joint motion for a commanded velocity of the tip, within speed and position
// limits. For teleoperation and Cartesian velocity chunks; what it returns needs no further clamping.
#pragma once

#include <Eigen/Geometry>
#include <array>
#include <limits>
#include <span>
#include <type_traits>

#include "sinew/core/status.hpp"
#include "sinew/kinematics/chain.hpp"
#include "sinew/kinematics/inverse.hpp"
#include "sinew/kinematics/jacobian.hpp"

namespace sinew {

template <int Dof = Eigen::Dynamic>
struct DifferentialOptions {
  InverseTask task = InverseTask::pose;         ///< which part of the twist counts
  std::array<double, 3> tool_axis = {0, 0, 1};  ///< tip frame, any length; for InverseTask::axis and free_yaw
  int tip = 0;                                  ///< see Chain::tip_index()
  double speed_scale = 1.0;                     ///< share of the chain's velocity limits that may be used, in (0, 1]
  /// Joint speed limit (rad/s or m/s) where the chain states none.
  double default_velocity = 1.0;
  /// Positions (rad or m) that the null space is drawn to, at posture_rate (1/s).
  const JointVector<Dof>* posture = nullptr;
  double posture_rate = 1.0;
  /// Below this manipulability (of the Jacobian with lengths in units of the arm, Yoshikawa 1985) damping sets in, up to max_damping at 0
  /// (Nakamura and Hanafusa 1986): near a singularity the tip falls behind instead of the joints running off.
  double singular_manipulability = 0.02;
  double max_damping = 0.1;
};

/// Where the joints are after one period.
template <int Dof = Eigen::Dynamic>
struct DifferentialResult {
  Status status = Status::bad_shape;  ///< ok; bad_shape, not_finite or out_of_range for arguments, and then q is NaN
  JointVector<Dof> q;                 ///< rad or m after the period: within the limits and no farther than speed * dt
  JointVector<Dof> dq;                ///< rad/s or m/s: (q - the q that was given) / dt
  /// Share of the commanded speed that the speed limits left, in [0, 1]; the direction is kept.
  double speed_fraction = 0.0;
  double manipulability = 0.0;

  [[nodiscard]] explicit operator bool() const noexcept { return status == Status::ok; }
};

namespace detail {

struct DifferentialSettings {
  InverseTask task;
  std::array<double, 3> tool_axis;
  int tip;
  double speed_scale, default_velocity;
  std::span<const double> posture;
  double posture_rate, singular_manipulability, max_damping;
};

struct DifferentialOutcome {
  Status status;
  double speed_fraction;
  double manipulability;
};

DifferentialOutcome differential_step(const ChainProgram& program, std::span<const double> q, const Twist& twist, double dt,
                                      const DifferentialSettings& settings, const InverseBuffers& buffers, std::span<double> next,
                                      std::span<double> dq) noexcept;

}  // namespace detail

/// Joint positions one period of `dt` (s, at most 10) after `q [dof]` (rad or m) for a tip that shall move with `twist`
/// (TwistFrame::tip_base_axes: m/s and rad/s).
///
/// Damped least squares over the joints that can still move: one at a position limit is held there and the others make up for it; when a
/// joint would exceed its speed all are slowed alike. A `q` outside the limits is led back at full speed, never pushed farther out.
/// Allocates and throws nothing.
template <int Dof>
[[nodiscard]] DifferentialResult<Dof> differential_step(const Chain<Dof>& chain, const JointRef<Dof>& q, const Twist& twist, double dt,
                                                        ChainScratch<Dof>& scratch,
                                                        const std::type_identity_t<DifferentialOptions<Dof>>& options = {}) noexcept {
  DifferentialResult<Dof> result;
  result.q = JointVector<Dof>::Constant(chain.dof(), std::numeric_limits<double>::quiet_NaN());
  result.dq = result.q;
  const auto size = static_cast<std::size_t>(chain.dof());
  const detail::DifferentialOutcome outcome =
      detail::differential_step(chain.program(), detail::as_span(q), twist, dt,
                                {.task = options.task,
                                 .tool_axis = options.tool_axis,
                                 .tip = options.tip,
                                 .speed_scale = options.speed_scale,
                                 .default_velocity = options.default_velocity,
                                 .posture = options.posture != nullptr ? detail::as_span(*options.posture) : std::span<const double>(),
                                 .posture_rate = options.posture_rate,
                                 .singular_manipulability = options.singular_manipulability,
                                 .max_damping = options.max_damping},
                                detail::buffers_of(scratch), {result.q.data(), size}, {result.dq.data(), size});
  result.status = outcome.status;
  result.speed_fraction = outcome.speed_fraction;
  result.manipulability = outcome.manipulability;
  return result;
}

}  // namespace sinew
