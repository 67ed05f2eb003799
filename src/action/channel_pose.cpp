// SPDX-License-Identifier: Apache-2.0
#include "channel_pose.hpp"

#include <algorithm>

#include "../core/all_finite.hpp"
#include "sinew/kinematics/rotation.hpp"

namespace sinew::detail {

Status read_channel(const Observation& observation, const ChannelNeed& need, bool longer, std::span<const double>& values,
                    FixedText& error) noexcept {
  const Channel* channel = observation.find_channel(need.name);
  if (channel == nullptr) {
    error.format("channel '{}' ({}) is missing from the observation", need.name, need.role);
    return Status::missing;
  }
  const bool size = longer ? channel->values.size() >= need.size : channel->values.size() == need.size;
  if (!size || (!need.unit.empty() && !channel->unit.empty() && channel->unit != need.unit)) {
    error.format("channel '{}': expected {} values in '{}', got {} in '{}'", need.name, need.size, need.unit, channel->values.size(),
                 channel->unit);
    return Status::bad_shape;
  }
  if (!all_finite(channel->values)) {
    error.format("channel '{}': a value is not finite", need.name);
    return Status::not_finite;
  }
  values = channel->values;
  return Status::ok;
}

Status read_pose(const Observation& observation, std::string_view name, std::string_view role, ToolPose<double>& pose,
                 FixedText& error) noexcept {
  std::span<const double> values;
  if (const Status status = read_channel(observation, {name, role, 7, "m,quat_wxyz"}, false, values, error); status != Status::ok)
    return status;
  const auto rotation = from_wxyz(values.subspan(3).first<4>());
  if (!rotation) {
    error.format("channel '{}': expected a unit quaternion, got norm {:.6g}", name,
                 Eigen::Vector4d(values[3], values[4], values[5], values[6]).norm());
    return Status::out_of_range;
  }
  pose = {.position = Eigen::Vector3d(values[0], values[1], values[2]), .rotation = *rotation};
  return Status::ok;
}

void write_pose(const ToolPose<double>& pose, std::span<double> row) noexcept {
  std::copy_n(pose.position.data(), 3, row.begin());
  row[3] = pose.rotation.w();
  std::copy_n(pose.rotation.vec().data(), 3, row.begin() + 4);
}

}  // namespace sinew::detail
