// SPDX-License-Identifier: Apache-2.0
// Policies with random weights for models of any kind: whatever a model asks for is written.
#pragma once

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "random_weights.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/file.hpp"

namespace sinew::testing {

using TensorShapes = std::map<std::string, std::vector<std::int64_t>>;

/// What a refusal to load says of a tensor: that it is missing, or which shape it should have. False: something else.
inline bool learn(const std::string& text, TensorShapes& shapes) {
  const auto between = [&](std::string_view before, std::string_view after) -> std::string {
    const auto from = text.find(before);
    if (from == std::string::npos) return {};
    const auto begin = from + before.size(), end = text.find(after, begin);
    return end == std::string::npos ? std::string() : text.substr(begin, end - begin);
  };
  std::string name = between("tensor '", "'");
  if (name.empty()) name = between("tensor \"", "\"");
  if (name.empty()) return false;
  if (text.find("no such tensor") != std::string::npos) return shapes.emplace(name, std::vector<std::int64_t>{1}).second;
  const std::string sizes = between("shape [", "]");
  if (sizes.empty()) return false;
  std::vector<std::int64_t> shape;
  for (const char* at = sizes.c_str(); *at != '\0';) {
    char* end = nullptr;
    shape.push_back(std::strtoll(at, &end, 10));
    at = *end == ',' ? end + 1 : end;
  }
  return std::exchange(shapes[name], shape) != shape;
}

/// Writes config.json and weights, until `load()` finds all that it asks for; `shapes`: what its messages do not say, as they cut names.
template <class Load>
void write_random_model(const std::filesystem::path& directory, const std::string& config, const Load& load, TensorShapes shapes = {}) {
  write_file(directory / "config.json", config);
  shapes["unused"] = {1};
  for (;;) {
    RandomWeights weights(5);
    for (const auto& [name, shape] : shapes)
      weights.add(name, shape, name.find("norm") != std::string::npos && name.ends_with("weight") ? 1 : 0);
    weights.write(directory / "model.safetensors");
    try {
      load();
      return;
    } catch (const Error& error) {
      const std::string text = error.what();
      if (shapes.erase("unused") == 0 && !learn(text, shapes)) throw;
    }
  }
}

inline constexpr std::int64_t kSmallWidth = 16, kSmallVocab = 40, kSmallImage = 39, kSmallPatch = 4;

/// config.json of a small backbone with a head.
inline std::string small_config(const std::string& backbone, const std::string& head) {
  const std::string vision = fmt::format(
      R"("depth": 2, "hidden_size": 16, "intermediate_size": 24, "num_heads": 2, "out_hidden_size": 16, "patch_size": {}, "temporal_patch_size": 2, "spatial_merge_size": 2)",
      kSmallPatch);
  const std::string text =
      R"("num_hidden_layers": 2, "hidden_size": 16, "intermediate_size": 24, "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 40, "rms_norm_eps": 1e-6)";
  if (backbone == "qwen2_5_vl")
    return fmt::format(
        R"({{"model_type": "qwen2_5_vl", "image_token_id": {}, "tie_word_embeddings": true, {}, "rope_theta": 1000000.0, "rope_scaling": {{"type": "mrope", "mrope_section": [2, 1, 1]}},
 "vision_config": {{{}, "window_size": 8, "fullatt_block_indexes": [1]}}, "action_head": {}}})",
        kSmallImage, text, vision, head);
  if (backbone == "qwen3_5")
    return fmt::format(
        R"({{"model_type": "qwen3_5", "image_token_id": {}, "tie_word_embeddings": true,
 "text_config": {{{}, "head_dim": 8, "layer_types": ["linear_attention", "full_attention"], "linear_conv_kernel_dim": 4, "linear_key_head_dim": 8, "linear_num_key_heads": 2,
  "linear_num_value_heads": 4, "linear_value_head_dim": 4, "rope_parameters": {{"mrope_interleaved": true, "mrope_section": [1, 1, 0], "partial_rotary_factor": 0.5, "rope_theta": 10000000, "rope_type": "default"}}}},
 "vision_config": {{{}, "num_position_embeddings": 16}}, "action_head": {}}})",
        kSmallImage, text, vision, head);
  return fmt::format(
      R"({{"model_type": "qwen3_vl", "image_token_id": {}, "tie_word_embeddings": true,
 "text_config": {{{}, "head_dim": 8, "rope_parameters": {{"rope_theta": 5000000.0, "rope_type": "default", "mrope_interleaved": true, "mrope_section": [2, 1, 1]}}}},
 "vision_config": {{{}, "num_position_embeddings": 16, "deepstack_visual_indexes": [0]}}, "action_head": {}}})",
      kSmallImage, text, vision, head);
}

}  // namespace sinew::testing
