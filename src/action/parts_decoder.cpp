// SPDX-License-Identifier: Apache-2.0
#include "sinew/action/parts_decoder.hpp"

#include <fmt/format.h>

#include <algorithm>

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
    Part made{.card = part, .first = first, .size = part_size(part), .column = columns_, .pose = {}, .gripper = {}, .scale = {}};
    first += made.size;
    if (part.unused) continue;
    if (part.tool) made.pose = pose_rule(*part.tool, part.name);
    if (part.gripper) made.gripper = gripper_rule(part.gripper->convention);
    if (part.waypoint) {
      space_ = ActionSpace::base_pose;
      made.scale = {part.waypoint->scale[0], part.waypoint->scale[1], part.waypoint->scale[2]};
      const auto& reference = part.waypoint->reference;
      constexpr std::string_view kReferences[] = {"first", "previous"};
      (void)find_name(reference, kReferences, kWhere, "reference of the waypoints");
      waypoints_.resize(static_cast<std::size_t>(reader_.horizon()) * 3);
    }
    if (part.tool) space_ = ActionSpace::tool_pose;
    columns_ += part.tool ? 7 : made.size;
    parts_.push_back(std::move(made));
  }
}

Status PartsDecoder::decode(const TensorMap& in, const Observation& observation, ActionChunk& chunk) noexcept {
  camera_unknown_ = false;
  if (const Status status = reader_.read(in, error_); status != Status::ok) return status;
  if (const Status status = reader_.start(chunk, space_, columns_, observation); status != Status::ok) return status;
  for (const Part& part : parts_)
    if (const Status status = decode_part(part, observation, chunk); status != Status::ok) return status;
  return Status::ok;
}

Status PartsDecoder::decode_part(const Part& part, const Observation& observation, ActionChunk& chunk) noexcept {
  if (part.card.joints) return decode_joints(part, observation, chunk);
  if (part.card.tool) return decode_tool(part, observation, chunk);
  if (part.card.waypoint) return decode_waypoints(part, observation, chunk);
  decode_gripper(part, chunk);
  return Status::ok;
}

Status PartsDecoder::decode_joints(const Part& part, const Observation& observation, ActionChunk& chunk) noexcept {
  const auto size = static_cast<std::size_t>(part.size);
  const std::string& channel = part.card.joints->relative_to;
  std::span<const double> state;
  if (!channel.empty())
    if (const Status status =
            detail::read_channel(observation, {channel, "the joints that actions are relative to", size, ""}, true, state, error_);
        status != Status::ok)
      return status;
  for (int i = 0; i < reader_.horizon(); ++i) {
    const auto row = reader_.row(i).subspan(static_cast<std::size_t>(part.first), size);
    const auto target = chunk.step(i).subspan(static_cast<std::size_t>(part.column), size);
    for (std::size_t j = 0; j < size; ++j) target[j] = state.empty() ? row[j] : row[j] + state[j];
  }
  return Status::ok;
}

Status PartsDecoder::decode_tool(const Part& part, const Observation& observation, ActionChunk& chunk) noexcept {
  const ToolPartCard& card = *part.card.tool;
  PoseAnchor anchor;
  if (part.pose.reference != PoseReference::absolute)
    if (const Status status = detail::read_pose(observation, card.channel, "the tool pose", anchor.base_from_tool, error_);
        status != Status::ok)
      return status;
  if (part.pose.frame == PoseFrame::camera) {
    if (card.camera_optional && observation.find_channel(card.camera) == nullptr) {
      camera_unknown_ = true;  // base axes, as the report prescribes without a calibration
    } else if (const Status status = detail::read_pose(observation, card.camera, "the camera pose", anchor.base_from_camera, error_);
               status != Status::ok) {
      return status;
    }
  }
  PoseWalk walk(part.pose, anchor);
  for (int i = 0; i < reader_.horizon(); ++i) {
    ToolPose<double> target;
    const auto row = reader_.row(i).subspan(static_cast<std::size_t>(part.first), static_cast<std::size_t>(part.size));
    if (const Status status = walk.decode(row, target); status != Status::ok) {
      error_.format("part '{}', step {}: its numbers are no {} rotation", part.card.name, i, to_string(part.pose.rotation));
      return status;
    }
    detail::write_pose(target, chunk.step(i).subspan(static_cast<std::size_t>(part.column), 7));
  }
  return Status::ok;
}

void PartsDecoder::decode_gripper(const Part& part, ActionChunk& chunk) noexcept {
  const GripperRule joint{.open = part.card.gripper->open, .closed = part.card.gripper->closed};
  for (int i = 0; i < reader_.horizon(); ++i)
    chunk.step(i)[static_cast<std::size_t>(part.column)] =
        convert_gripper(part.gripper, joint, reader_.row(i)[static_cast<std::size_t>(part.first)]);
}

Status PartsDecoder::decode_waypoints(const Part& part, const Observation& observation, ActionChunk& chunk) noexcept {
  const WaypointPartCard& card = *part.card.waypoint;
  for (int i = 0; i < reader_.horizon(); ++i)
    std::ranges::copy(reader_.row(i).subspan(static_cast<std::size_t>(part.first), 3), waypoints_.begin() + i * 3);
  Status status = unscale_waypoints(part.scale, waypoints_);
  if (status == Status::ok && card.reference == "previous") status = chain_waypoints(waypoints_);
  if (status == Status::ok && !card.channel.empty()) {
    std::span<const double> body;
    status = detail::read_channel(observation, {card.channel, "the pose of the base", 3, "m,m,rad"}, false, body, error_);
    if (status != Status::ok) return status;
    status = waypoints_to_world({body[0], body[1], body[2]}, waypoints_);
  }
  if (status != Status::ok) {
    error_.format("part '{}': {}", part.card.name, to_string(status));
    return status;
  }
  for (int i = 0; i < reader_.horizon(); ++i) std::copy_n(waypoints_.begin() + i * 3, 3, chunk.step(i).begin() + part.column);
  return Status::ok;
}

}  // namespace sinew
