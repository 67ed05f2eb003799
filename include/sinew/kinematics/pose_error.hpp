// SPDX-License-Identifier: Apache-2.0
// How far recorded tool poses are from those that recorded joints give, for many frames at once.
#pragma once

#include <Eigen/Geometry>
#include <span>

#include "sinew/kinematics/chain.hpp"

namespace sinew {

/// Constants between joints and recorded poses: recorded = recorded_from_base * forward(signs * q) * tip_from_recorded.
struct PoseConvention {
  std::span<const double> signs = {};  ///< `[dof]` 1 or -1; empty: all 1
  Eigen::Isometry3d recorded_from_base = Eigen::Isometry3d::Identity();
  Eigen::Isometry3d tip_from_recorded = Eigen::Isometry3d::Identity();
};

/// Where pose_errors() writes, `[n]` each.
struct PoseErrorSpans {
  std::span<double> position;  ///< m, between the origins
  std::span<double> angle;     ///< rad, of the rotation between the two, 0 to pi
};

namespace detail {
bool pose_errors(const ChainProgram& program, std::span<const double> q, std::span<const double> poses, const PoseConvention& convention,
                 PoseErrorSpans errors, int tip) noexcept;
}  // namespace detail

/// Compares `q [n, dof]` with `poses [n, 7]`, row-major: position (m), quaternion w, x, y, z. A distance is NaN where one of its numbers is
/// not finite, an angle also where the quaternion's norm is not 1 to kQuaternionTolerance. Angles below 0.1 rad are exact to rounding; no
/// allocation. False, and nothing written, unless all lengths fit one n.
template <int Dof>
bool pose_errors(const Chain<Dof>& chain, std::span<const double> q, std::span<const double> poses, const PoseConvention& convention,
                 PoseErrorSpans errors, int tip = 0) noexcept {
  return detail::pose_errors(chain.program(), q, poses, convention, errors, tip);
}

}  // namespace sinew
