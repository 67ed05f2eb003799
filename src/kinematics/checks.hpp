// SPDX-License-Identifier: Apache-2.0
// Checks of arguments that several files of kinematics make. Internal to src/kinematics.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>

#include "../core/all_finite.hpp"
#include "sinew/core/error.hpp"
#include "sinew/kinematics/rotation.hpp"

namespace sinew::detail {

/// Finite, a rotation to kMatrixTolerance, and a last row of 0 0 0 1.
inline bool is_pose(const Eigen::Matrix4d& pose) noexcept {
  return pose.allFinite() && pose.row(3) == Eigen::RowVector4d(0, 0, 0, 1) && is_rotation(pose.topLeftCorner<3, 3>());
}

/// The enumerator whose name that is, `names` being in the order of the enumeration; throws Error that lists them.
template <class Enum, std::size_t kCount>
Enum enumerator(const std::array<std::string_view, kCount>& names, std::string_view name, std::string_view where, std::string_view what) {
  return static_cast<Enum>(find_name(name, names, where, what));
}

}  // namespace sinew::detail
