// SPDX-License-Identifier: Apache-2.0
// The decoders that are one kind of action throughout, and the choice by the card.
#include <algorithm>

#include "channel_pose.hpp"
#include "sinew/action/action_reader.hpp"
#include "sinew/action/joint_decoder.hpp"
#include "sinew/action/make_decoder.hpp"
#include "sinew/action/parts_decoder.hpp"
#include "sinew/action/tool_delta_decoder.hpp"

namespace sinew {

JointDecoder::JointDecoder(const PolicyCard& card, const Statistics& statistics)
    : reader_(card, statistics, DecoderKind::joint_absolute, "JointDecoder") {}

Status JointDecoder::decode(const TensorMap& in, const Observation& observation, ActionChunk& chunk) noexcept {
  if (const Status status = reader_.read(in, error_); status != Status::ok) return status;
  if (const Status status = reader_.start(chunk, ActionSpace::joint_position, reader_.dim(), observation); status != Status::ok)
    return status;
  for (int i = 0; i < reader_.horizon(); ++i) std::ranges::copy(reader_.row(i), chunk.step(i).begin());
  return Status::ok;
}

ToolDeltaDecoder::ToolDeltaDecoder(const PolicyCard& card, const Statistics& statistics)
    : reader_(card, statistics, DecoderKind::tool_delta, "ToolDeltaDecoder"), tool_channel_(card.action.tool_channel) {}

Status ToolDeltaDecoder::decode(const TensorMap& in, const Observation& observation, ActionChunk& chunk) noexcept {
  constexpr int kPose = 7;           // x y z qw qx qy qz
  constexpr std::size_t kDelta = 6;  // position, rotation vector
  if (const Status status = reader_.read(in, error_); status != Status::ok) return status;
  PoseAnchor anchor;
  if (const Status status = detail::read_pose(observation, tool_channel_, "the tool pose", anchor.base_from_tool, error_);
      status != Status::ok)
    return status;
  const int columns = kPose + reader_.dim() - static_cast<int>(kDelta);
  if (const Status status = reader_.start(chunk, ActionSpace::tool_pose, columns, observation); status != Status::ok) return status;
  PoseWalk walk({}, anchor);
  for (int i = 0; i < reader_.horizon(); ++i) {
    const auto row = reader_.row(i);
    const auto target = chunk.step(i);
    ToolPose<double> pose;
    if (const Status status = walk.decode(row.first(kDelta), pose); status != Status::ok) {
      error_.format("step {}: a rotation beyond 1e6 rad", i);
      return status;
    }
    detail::write_pose(pose, target);
    std::ranges::copy(row.subspan(kDelta), target.begin() + kPose);
  }
  return Status::ok;
}

AnyDecoder make_decoder(const PolicyCard& card, const Statistics& statistics, ActionTokens tokens) {
  switch (card.action.decoder) {
    case DecoderKind::joint_absolute: return JointDecoder(card, statistics);
    case DecoderKind::tool_delta: return ToolDeltaDecoder(card, statistics);
    case DecoderKind::parts: break;
  }
  return PartsDecoder(card, statistics, std::move(tokens));
}

}  // namespace sinew
