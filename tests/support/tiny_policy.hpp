// SPDX-License-Identifier: Apache-2.0
// A policy directory with random weights: Qwen3-VL with deepstack and grouped heads, flow-matching head, byte-level tokenizer, statistics.
#pragma once

#include <cstdint>
#include <filesystem>

#include "sinew/core/dtype.hpp"
#include "sinew/core/observation.hpp"

namespace sinew::testing {

struct TinyPolicyOptions {
  std::uint64_t seed = 1;
  std::int64_t text_layers = 3;
  std::int64_t vision_layers = 3;
  std::int64_t head_layers = 3;
  DType dtype = DType::f32;
};

inline constexpr int kTinyJoints = 6, kTinyHorizon = 8,
                     kTinySide = 64;  ///< joints j0 to j5; steps; pixels of the cameras "front" and "wrist"

/// Writes sinew.json, config.json, model.safetensors, tokenizer.json, preprocessor_config.json and stats.json.
void write_tiny_policy(const std::filesystem::path& directory, const TinyPolicyOptions& options = {});
/// What its cameras and joints might show.
[[nodiscard]] Observation tiny_observation(std::uint64_t seed);

}  // namespace sinew::testing
