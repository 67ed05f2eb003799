// SPDX-License-Identifier: Apache-2.0
// Poses and vectors from the channels of an observation, checked.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "sinew/action/delta_pose.hpp"
#include "sinew/core/fixed_text.hpp"
#include "sinew/core/observation.hpp"
#include "sinew/core/status.hpp"

namespace sinew::detail {

/// What a channel must hold.
struct ChannelNeed {
  std::string_view name;
  std::string_view role;  ///< for messages: "the tool pose"
  std::size_t size = 0;
  std::string_view unit;  ///< "" takes any
};

/// Points `values` into the channel. `missing`, `bad_shape`, `not_finite`, with the reason in `error`. More values than needed are
/// refused too, unless `longer` is set.
[[nodiscard]] Status read_channel(const Observation& observation, const ChannelNeed& need, bool longer, std::span<const double>& values,
                                  FixedText& error) noexcept;

/// The pose of a channel in "m,quat_wxyz". Statuses as `read_channel`, and `out_of_range` for a quaternion off its norm.
[[nodiscard]] Status read_pose(const Observation& observation, std::string_view name, std::string_view role, ToolPose<double>& pose,
                               FixedText& error) noexcept;

/// x y z, quaternion w x y z, into the first seven columns of `row`.
void write_pose(const ToolPose<double>& pose, std::span<double> row) noexcept;

}  // namespace sinew::detail
