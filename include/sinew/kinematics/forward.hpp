// SPDX-License-Identifier: Apache-2.0
// Forward kinematics: joint positions -> pose of the tip, of one frame, of all frames, of many configurations.
// Nothing here allocates or throws; a vector of the wrong length gives a pose of NaN.
#pragma once

#include <Eigen/Geometry>
#include <cstddef>
#include <span>
#include <type_traits>

#include "sinew/kinematics/chain.hpp"

namespace sinew {

/// Any contiguous vector of joint positions (rad or m); a strided column of a row-major matrix would be copied to the heap.
template <int Dof>
using JointRef = std::type_identity_t<Eigen::Ref<const Eigen::Vector<double, Dof>>>;

namespace detail {
void forward(const ChainProgram& program, std::span<const double> q, Eigen::Isometry3d& base_from_tip) noexcept;
void frames(const ChainProgram& program, std::span<const double> q, std::span<Eigen::Isometry3d> base_from_frame) noexcept;
void forward_batch(const ChainProgram& program, std::span<const double> q, std::span<double> base_from_tip) noexcept;

template <class Vector>
std::span<const double> as_span(const Vector& q) noexcept {
  return {q.data(), static_cast<std::size_t>(q.size())};
}
}  // namespace detail

/// Pose of the tip, m, for joint positions `q [dof]`.
template <int Dof>
[[nodiscard]] Eigen::Isometry3d forward(const Chain<Dof>& chain, const JointRef<Dof>& q) noexcept {
  Eigen::Isometry3d base_from_tip;
  detail::forward(chain.program(), detail::as_span(q), base_from_tip);
  return base_from_tip;
}

/// Poses of all frames, m, in the order of `chain.frame_names()`; does nothing when there are fewer places than frames.
template <int Dof>
void frames(const Chain<Dof>& chain, const JointRef<Dof>& q, std::span<Eigen::Isometry3d> base_from_frame) noexcept {
  detail::frames(chain.program(), detail::as_span(q), base_from_frame);
}

/// Poses of the tip for `q [n, dof]`, row-major, as `base_from_tip [n, 4, 4]`, row-major, bit for bit those of single calls.
/// Does nothing unless both lengths fit one n.
template <int Dof>
void forward_batch(const Chain<Dof>& chain, std::span<const double> q, std::span<double> base_from_tip) noexcept {
  detail::forward_batch(chain.program(), q, base_from_tip);
}

}  // namespace sinew
