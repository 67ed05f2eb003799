// SPDX-License-Identifier: Apache-2.0
// Sizes and form of the text model of a Qwen-VL.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sinew/nn/models/rotary.hpp"

namespace sinew::nn {

/// What a generation's text model has of its own.
struct TextForm {
  SectionLayout sections = SectionLayout::interleaved;
  bool qkv_bias = false;               ///< of queries, keys and values
  bool qk_norm = false;                ///< RMS norm of each head of queries and keys
  std::optional<float> default_eps{};  ///< where a document has no `rms_norm_eps`; nothing: it must have one
};

/// Sizes of a text model.
struct TextConfig {
  std::int64_t layers = 0;
  std::int64_t hidden = 0;
  std::int64_t intermediate = 0;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t vocab = 0;
  float eps = 1e-6F;
  double rope_theta = 0;
  std::vector<std::int64_t> rope_sections;  ///< frequencies of time, height, width
  bool tied = false;                        ///< logits come from the embedding table
  TextForm form;
};

}  // namespace sinew::nn
