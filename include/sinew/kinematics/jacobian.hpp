// SPDX-License-Identifier: Apache-2.0
// Geometric Jacobian of a tip, in the frames that robotics libraries use, and the spatial velocity that it gives.
#pragma once

#include <Eigen/Geometry>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <type_traits>

#include "sinew/kinematics/chain.hpp"
#include "sinew/kinematics/forward.hpp"

namespace sinew {

/// Reference point and axes of a Jacobian or a twist; rows 0-2 are always linear, rows 3-5 angular.
enum class TwistFrame : std::uint8_t {
  tip_base_axes,  ///< velocity of the tip's origin, axes of the base (Pinocchio: LOCAL_WORLD_ALIGNED)
  tip,            ///< velocity of the tip's origin, axes of the tip (Pinocchio: LOCAL; the body twist)
  base  ///< velocity of the point of the tip's body that is at the base's origin, axes of the base (Pinocchio: WORLD; the spatial twist)
};

/// Name of the enumerator, e.g. "tip_base_axes".
[[nodiscard]] std::string_view to_string(TwistFrame frame) noexcept;
/// The frame of that name; throws Error that lists the names.
[[nodiscard]] TwistFrame twist_frame(std::string_view name);

/// Linear, then angular velocity, m/s and rad/s.
using Twist = Eigen::Vector<double, 6>;

namespace detail {
/// `J` points at a column-major `[6, dof]` whose columns are `stride` apart.
void jacobian(const ChainProgram& program, std::span<const double> q, int tip, double* J, std::ptrdiff_t stride, TwistFrame frame,
              Eigen::Isometry3d& base_from_tip) noexcept;
bool jacobian_batch(const ChainProgram& program, std::span<const double> q, std::span<double> base_from_tip, std::span<double> J,
                    int tip) noexcept;
bool jacobian_batch(const ChainProgram& program, std::span<const float> q, std::span<float> base_from_tip, std::span<float> J,
                    int tip) noexcept;
}  // namespace detail

/// What a call of jacobian() is about.
struct JacobianOptions {
  TwistFrame frame = TwistFrame::tip_base_axes;
  int tip = 0;  ///< see Chain::tip_index()
};

/// Writes all of `J [6, dof]` and returns the pose of the tip, which comes for free.
///
/// J dq is the tip's velocity relative to the base: rows 0-2 linear (m/s), rows 3-5 angular (rad/s), by default at the origin of the tip
/// and along the axes of the base. The column of a joint that others mimic includes its followers; that of a joint which does not move
/// this tip is 0. When a size is wrong, J and the pose are NaN.
template <int Dof>
Eigen::Isometry3d jacobian(const Chain<Dof>& chain, const JointRef<Dof>& q,
                           std::type_identity_t<Eigen::Ref<Eigen::Matrix<double, 6, Dof>>> J,
                           const JacobianOptions& options = {}) noexcept {
  Eigen::Isometry3d base_from_tip;
  const bool fits = q.size() == chain.dof() && J.cols() == chain.dof();
  if (!fits) J.setConstant(std::numeric_limits<double>::quiet_NaN());
  detail::jacobian(chain.program(), fits ? detail::as_span(q) : std::span<const double>(), options.tip, J.data(), J.outerStride(),
                   options.frame, base_from_tip);
  return base_from_tip;
}

/// Poses `[n, 4, 4]` and Jacobians `[n, 6, dof]` (TwistFrame::tip_base_axes) for `q [n, dof]`, all row-major, bit for bit those of single
/// calls. None may overlap. False, and nothing written, unless all lengths fit one n.
template <int Dof>
bool jacobian_batch(const Chain<Dof>& chain, std::span<const double> q, std::span<double> base_from_tip, std::span<double> J,
                    int tip = 0) noexcept {
  return detail::jacobian_batch(chain.program(), q, base_from_tip, J, tip);
}

/// The same in single precision.
template <int Dof>
bool jacobian_batch(const Chain<Dof>& chain, std::span<const float> q, std::span<float> base_from_tip, std::span<float> J,
                    int tip = 0) noexcept {
  return detail::jacobian_batch(chain.program(), q, base_from_tip, J, tip);
}

/// Velocity of the tip for joint velocities `dq [dof]` (rad/s or m/s): linear (m/s), then angular (rad/s). NaN when a size is wrong.
template <int Dof>
[[nodiscard]] Twist spatial_velocity(const Chain<Dof>& chain, const JointRef<Dof>& q, const JointRef<Dof>& dq,
                                     const JacobianOptions& options = {}) noexcept {
  Eigen::Matrix<double, 6, Dof, 0, 6, kJointCapacity<Dof>> J(6, chain.dof());
  Eigen::Isometry3d pose;
  const bool fits = q.size() == chain.dof() && dq.size() == chain.dof();
  if (!fits) return Twist::Constant(std::numeric_limits<double>::quiet_NaN());
  detail::jacobian(chain.program(), detail::as_span(q), options.tip, J.data(), 6, options.frame, pose);
  return J.lazyProduct(dq);
}

}  // namespace sinew
