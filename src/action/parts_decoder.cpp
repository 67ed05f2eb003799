// SPDX-License-Identifier: Apache-2.0
#include "sinew/action/parts_decoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "../core/all_finite.hpp"
#include "channel_pose.hpp"
#include "sinew/core/error.hpp"

namespace sinew {

namespace {

constexpr const char* kWhere = "PartsDecoder";

PoseRule pose_rule(const ToolPartCard& card, const std::string& name) {
  PoseRule rule{.frame = pose_frame(card.frame), .reference = pose_reference(card.reference), .rotation = rotation_layout(card.rotation)};
  if (rule.reference == PoseReference::absolute && rule.frame == PoseFrame::tool)
    fail(ErrorCode::invalid_argument, {kWhere, fmt::format("part '{}'", name), "an absolute pose in frame base or camera", "frame tool",
                                       "the pose of the tool in its own axes is always the identity"});
  return rule;
}

}  // namespace

PartsDecoder::PartsDecoder(const PolicyCard& card, const Statistics& statistics, ActionTokens tokens)
    : reader_(card, statistics, DecoderKind::parts, kWhere, std::move(tokens)) {
  int first = 0;
  for (const auto& part : card.action.parts) {
    Part made{
        .card = part, .first = first, .size = part_size(part), .column = columns_, .pose = {}, .gripper = {}, .scale = {}, .unit = {}};
    first += made.size;
    if (part.unused) continue;
    if (part.joints && !part.joints->relative_to.empty())
      made.unit = std::ranges::find(card.state.channels, part.joints->relative_to, &SensorCard::name)->unit;
    if (part.tool) made.pose = pose_rule(*part.tool, part.name);
    if (part.gripper) made.gripper = gripper_rule(part.gripper->convention);
    if (part.waypoint) {
      space_ = ActionSpace::base_pose;
      made.scale = {part.waypoint->scale[0], part.waypoint->scale[1], part.waypoint->scale[2]};
      const auto& reference = part.waypoint->reference;
      constexpr std::string_view kReferences[] = {"first", "previous"};
      (void)find_name(reference, kReferences, kWhere, "reference of the waypoints");
    }
    if (part.tool) space_ = ActionSpace::tool_pose;
    columns_ += part.tool ? 7 : made.size;
    parts_.push_back(std::move(made));
  }
  values_.resize(static_cast<std::size_t>(reader_.horizon()) * static_cast<std::size_t>(columns_));
}

std::span<double> PartsDecoder::target(const Part& part, int i, int size) noexcept {
  return std::span(values_).subspan(
      static_cast<std::size_t>(i) * static_cast<std::size_t>(columns_) + static_cast<std::size_t>(part.column),
      static_cast<std::size_t>(size));
}

Status PartsDecoder::decode(const TensorMap& in, const Observation& observation, ActionChunk& chunk) noexcept {
  if (const Status status = reader_.read(in, error_); status != Status::ok) return status;
  for (const Part& part : parts_)
    if (const Status status = decode_part(part, observation); status != Status::ok) return status;
  if (!detail::all_finite(values_)) {
    error_.format("a target is beyond what a number can hold");
    return Status::out_of_range;
  }
  if (const Status status = reader_.start(chunk, space_, columns_, observation); status != Status::ok) return status;
  std::ranges::copy(values_, chunk.values.begin());
  return Status::ok;
}

Status PartsDecoder::decode_part(const Part& part, const Observation& observation) noexcept {
  if (part.card.joints) return decode_joints(part, observation);
  if (part.card.tool) return decode_tool(part, observation);
  if (part.card.waypoint) return decode_waypoints(part, observation);
  decode_gripper(part);
  return Status::ok;
}

Status PartsDecoder::decode_joints(const Part& part, const Observation& observation) noexcept {
  const auto size = static_cast<std::size_t>(part.size);
  const JointsPartCard& card = *part.card.joints;
  std::span<const double> state;
  if (!card.relative_to.empty()) {
    const auto first = static_cast<std::size_t>(card.first);
    const detail::ChannelNeed need{card.relative_to, "the joints that actions are relative to", first + size, part.unit};
    if (const Status status = detail::read_channel(observation, need, true, state, error_); status != Status::ok) return status;
    state = state.subspan(first, size);
  }
  for (int i = 0; i < reader_.horizon(); ++i) {
    const auto row = reader_.row(i).subspan(static_cast<std::size_t>(part.first), size);
    const auto out = target(part, i, part.size);
    for (std::size_t j = 0; j < size; ++j) out[j] = state.empty() ? row[j] : row[j] + state[j];
  }
  return Status::ok;
}

Status PartsDecoder::find_camera(const ToolPartCard& card, const Observation& observation, ToolPose<double>& pose) noexcept {
  const bool there = observation.find_channel(card.camera) != nullptr;
  if (card.camera_optional && camera_ == Camera::undecided) camera_ = there ? Camera::known : Camera::unknown;
  if (camera_ != Camera::unknown || !card.camera_optional)
    return detail::read_pose(observation, card.camera, "the camera pose", pose, error_);
  if (!there) return Status::ok;  // base axes, as the report prescribes without a calibration
  error_.format("channel '{}' (the camera pose) was not in the first observation, but is now", card.camera);
  return Status::missing;
}

Status PartsDecoder::decode_tool(const Part& part, const Observation& observation) noexcept {
  const ToolPartCard& card = *part.card.tool;
  PoseAnchor anchor;
  Status status = Status::ok;
  if (part.pose.reference != PoseReference::absolute)
    status = detail::read_pose(observation, card.channel, "the tool pose", anchor.base_from_tool, error_);
  if (status == Status::ok && part.pose.frame == PoseFrame::camera) status = find_camera(card, observation, anchor.base_from_camera);
  if (status != Status::ok) return status;
  PoseWalk walk(part.pose, anchor);
  for (int i = 0; i < reader_.horizon(); ++i) {
    ToolPose<double> pose;
    const auto numbers = reader_.row(i).subspan(static_cast<std::size_t>(part.first), static_cast<std::size_t>(part.size));
    std::array<double, 9> row{};
    for (std::size_t j = 0; j < numbers.size(); ++j) row[j] = numbers[j] * (j < 3 ? card.position_scale : card.rotation_scale);
    if (status = walk.decode(std::span<const double>(row).first(numbers.size()), pose); status != Status::ok) {
      error_.format("part '{}', step {}: its numbers are no {} rotation", part.card.name, i, to_string(part.pose.rotation));
      return status;
    }
    detail::write_pose(pose, target(part, i, 7));
  }
  return Status::ok;
}

void PartsDecoder::decode_gripper(const Part& part) noexcept {
  const GripperRule joint{.open = part.card.gripper->open, .closed = part.card.gripper->closed};
  for (int i = 0; i < reader_.horizon(); ++i) {
    const double opening = gripper_opening(part.gripper, reader_.row(i)[static_cast<std::size_t>(part.first)]);
    target(part, i, 1)[0] = gripper_value(joint, std::clamp(opening, 0.0, 1.0));  // beyond an end is that end
  }
}

Status PartsDecoder::decode_waypoints(const Part& part, const Observation& observation) noexcept {
  const WaypointPartCard& card = *part.card.waypoint;
  for (int i = 0; i < reader_.horizon(); ++i)
    std::ranges::copy(reader_.row(i).subspan(static_cast<std::size_t>(part.first), 3), target(part, i, 3).begin());
  Status status = unscale_waypoints(part.scale, values_);  // a waypoint is alone in its chunk
  if (status == Status::ok && card.reference == "previous") status = chain_waypoints(values_);
  if (status == Status::ok && !card.channel.empty()) {
    std::span<const double> body;
    status = detail::read_channel(observation, {card.channel, "the pose of the base", 3, "m,m,rad"}, false, body, error_);
    if (status != Status::ok) return status;
    status = waypoints_to_world({body[0], body[1], body[2]}, values_);
  }
  if (status != Status::ok) error_.format("part '{}': {}", part.card.name, to_string(status));
  return status;
}

}  // namespace sinew
