// SPDX-License-Identifier: Apache-2.0
// Forward kinematics: joint positions -> pose of a tip, of all frames, of many configurations.
// Nothing here allocates, locks or throws; a vector of the wrong length gives a pose of NaN.
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
void forward(const ChainProgram& program, std::span<const double> q, int tip, Eigen::Isometry3d& base_from_tip) noexcept;
void frames(const ChainProgram& program, std::span<const double> q, std::span<Eigen::Isometry3d> base_from_frame) noexcept;
bool forward_batch(const ChainProgram& program, std::span<const double> q, std::span<double> base_from_tip, int tip) noexcept;
bool forward_batch(const ChainProgram& program, std::span<const float> q, std::span<float> base_from_tip, int tip) noexcept;

template <class Vector>
std::span<const double> as_span(const Vector& q) noexcept {
  return {q.data(), static_cast<std::size_t>(q.size())};
}
}  // namespace detail

/// Pose of the tip, m, for joint positions `q [dof]`. `tip`: see Chain::tip_index().
template <int Dof>
[[nodiscard]] Eigen::Isometry3d forward(const Chain<Dof>& chain, const JointRef<Dof>& q, int tip = 0) noexcept {
  Eigen::Isometry3d base_from_tip;
  detail::forward(chain.program(), detail::as_span(q), tip, base_from_tip);
  return base_from_tip;
}

/// Poses of all frames, m, in the order of `chain.frame_names()`; does nothing when there are fewer places than frames.
template <int Dof>
void frames(const Chain<Dof>& chain, const JointRef<Dof>& q, std::span<Eigen::Isometry3d> base_from_frame) noexcept {
  detail::frames(chain.program(), detail::as_span(q), base_from_frame);
}

/// Poses of the tip for `q [n, dof]`, row-major, as `base_from_tip [n, 4, 4]`, row-major, bit for bit those of single calls.
/// The two may not overlap. False, and nothing written, unless both lengths fit one n.
template <int Dof>
bool forward_batch(const Chain<Dof>& chain, std::span<const double> q, std::span<double> base_from_tip, int tip = 0) noexcept {
  return detail::forward_batch(chain.program(), q, base_from_tip, tip);
}

/// The same in single precision: to about 1e-6 of the reach, at twice the rate.
template <int Dof>
bool forward_batch(const Chain<Dof>& chain, std::span<const float> q, std::span<float> base_from_tip, int tip = 0) noexcept {
  return detail::forward_batch(chain.program(), q, base_from_tip, tip);
}

}  // namespace sinew
