// SPDX-License-Identifier: Apache-2.0
// Geometric Jacobian of the tip.
#pragma once

#include <Eigen/Geometry>
#include <cstddef>
#include <limits>
#include <span>
#include <type_traits>

#include "sinew/kinematics/chain.hpp"
#include "sinew/kinematics/forward.hpp"

namespace sinew {

namespace detail {
/// `J` points at a column-major `[6, dof]` whose columns are `stride` apart.
void jacobian(const ChainProgram& program, std::span<const double> q, double* J, std::ptrdiff_t stride,
              Eigen::Isometry3d& base_from_tip) noexcept;
}  // namespace detail

/// Writes all of `J [6, dof]` and returns the pose of the tip, which comes for free.
///
/// J dq is the tip's velocity relative to the base: rows 0-2 linear (m/s) at the origin of the tip frame, rows 3-5 angular (rad/s), all
/// along the axes of the base (Pinocchio: LOCAL_WORLD_ALIGNED). The column of a joint that others mimic includes its followers.
/// When a size is wrong, J and the pose are NaN.
template <int Dof>
Eigen::Isometry3d jacobian(const Chain<Dof>& chain, const JointRef<Dof>& q,
                           std::type_identity_t<Eigen::Ref<Eigen::Matrix<double, 6, Dof>>> J) noexcept {
  Eigen::Isometry3d base_from_tip;
  const bool fits = q.size() == chain.dof() && J.cols() == chain.dof();
  if (!fits) J.setConstant(std::numeric_limits<double>::quiet_NaN());
  detail::jacobian(chain.program(), fits ? detail::as_span(q) : std::span<const double>(), J.data(), J.outerStride(), base_from_tip);
  return base_from_tip;
}

}  // namespace sinew
