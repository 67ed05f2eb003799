// SPDX-License-Identifier: Apache-2.0
// A valid policy card with something in every field, for tests to damage.
#pragma once

#include "sinew/core/card.hpp"

namespace sinew::testing {

/// Seven joints and a gripper, two cameras, tool deltas, quantile statistics, limits.
inline PolicyCard sample_card() {
  const std::vector<std::string> joints{"joint_1", "joint_2", "joint_3", "joint_4", "joint_5", "joint_6", "joint_7", "gripper"};
  PolicyCard card;
  card.name = "sample";
  card.architecture = "affine";
  card.backend = "reference";
  card.cameras = {{"front", "ego", ProcessorKind::qwen3_vl, "pil_bicubic", 480, 640, false},
                  {"wrist", "", ProcessorKind::raw, "pil_bilinear", 224, 224, true}};
  card.prompt = {"qwen_vla",
                 {{"arms", "single arm"}, {"chunk_size", "16"}, {"fps", "10"}, {"robot_tag", "tabletop \xE2\x80\x9Cone\xE2\x80\x9D"}},
                 4096};
  card.text = TextCard{.tokenizer = "tokenizer.json", .max_tokens = 1024, .padding = "right", .pad_id = 3, .positions = true};
  card.history = HistoryCard{.camera_offsets = {-0.5, 0}, .state_offsets = {0}, .max_age = 0.2, .max_skew = 0.03};
  card.state = {{{"joint_position", "rad", 7, 100.0}, {"gripper_opening", "m", 1, 50.5}},
                {NormalizationMode::quantile, "qwen", "observation.state"}};
  card.action = {DecoderKind::tool_delta, joints, {"gripper"}, "tool_pose", 16, 10.0, {NormalizationMode::quantile, "qwen", "action"}};
  card.statistics = {"stats.json", std::string(64, 'a'), "sinew"};
  card.limits = LimitsCard{std::vector<double>(8, -2.5), std::vector<double>(8, 2.5), std::vector<double>(8, 1.0),
                           std::vector<double>(8, 10.0), std::vector<double>(8, 100.0)};
  return card;
}

/// The same, to be given parts: none yet, rows as the policy emits them.
inline PolicyCard card_for_parts() {
  PolicyCard card = sample_card();
  auto& action = card.action;
  action.decoder = DecoderKind::parts;
  action.tool_channel.clear();
  action.normalization = {};
  return card;
}

/// The same with every kind of part that a chunk of poses may have: one canonical arm whose tool moves in camera axes, a gripper,
/// actions as FAST tokens, a normalisation for each part.
inline PolicyCard sample_parts_card() {
  PolicyCard card = card_for_parts();
  auto& action = card.action;
  action.parts.resize(3);
  action.parts[0].name = "joints";
  action.parts[0].unused = UnusedPartCard{.size = 7};
  action.parts[1].name = "tool";
  action.parts[1].tool = ToolPartCard{"tool_pose", "camera", "first", "rotvec", 1, 1, "camera_pose", true};
  action.parts[1].normalization = PartNormalizationCard{NormalizationMode::quantile, "qwen", "action", 7};
  action.parts[2].name = "gripper";
  action.parts[2].gripper = GripperPartCard{.convention = "pi", .open = 0.08, .closed = 0};
  action.layout = ActionLayoutCard{"canonical", 80, 16, {{"left_joints", 7}, {"left_tool", 6}, {"left_gripper", 1}}};
  action.tokens = ActionTokensCard{.language = "fast", .mapping = "none", .folder = "fast", .max_tokens = 512, .relaxed = true};
  return card;
}

/// Waypoints of a mobile base, padded.
inline PolicyCard sample_waypoint_card() {
  PolicyCard card = sample_card();
  auto& action = card.action;
  action = {};
  action.decoder = DecoderKind::parts;
  action.horizon = 16;
  action.rate = 10;
  action.parts.resize(1);
  action.parts[0].name = "path";
  action.parts[0].waypoint = WaypointPartCard{{2.5, 1.5, 0.8}, "first", "base_pose"};
  action.layout = ActionLayoutCard{"padded", 32, 32, {}};
  card.limits.reset();
  return card;
}

}  // namespace sinew::testing
