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
  card.statistics = {"stats.json", std::string(64, 'a')};
  card.limits = LimitsCard{std::vector<double>(8, -2.5), std::vector<double>(8, 2.5), std::vector<double>(8, 1.0),
                           std::vector<double>(8, 10.0), std::vector<double>(8, 100.0)};
  return card;
}

}  // namespace sinew::testing
