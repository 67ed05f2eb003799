// SPDX-License-Identifier: Apache-2.0
// Sizes of a Qwen2.5-VL, as config.json of its directory gives them.
#pragma once

#include <cstdint>
#include <vector>

#include "sinew/io/json_cursor.hpp"
#include "sinew/io/weights.hpp"
#include "sinew/nn/models/text_config.hpp"

namespace sinew::nn {

/// Of transformers 5 (`text_config` with `rope_parameters`) and of the published directories (the text model's keys at the top,
/// `rope_scaling` of type "mrope"); keys that do not bear on the arithmetic are ignored, those that do and have a value that is not
/// implemented are refused.
struct Qwen2_5VlConfig {
  struct Vision {
    std::int64_t depth = 0;
    std::int64_t hidden = 0;
    std::int64_t intermediate = 0;
    std::int64_t heads = 0;
    std::int64_t out_hidden = 0;
    std::int64_t patch = 0;                    ///< pixels per side
    std::int64_t temporal_patch = 0;           ///< frames
    std::int64_t merge = 0;                    ///< patches per side of a token
    std::int64_t window = 0;                   ///< tokens per side of a window
    std::vector<std::int64_t> full_attention;  ///< blocks that attend over a whole frame; numbers beyond the depth name none
  };
  Vision vision;
  TextConfig text;
  std::int64_t image_token = 0;

  /// Throws Error at the place of the document for what is missing, out of bounds (no size of a published model comes near them) or does
  /// not fit the others.
  static Qwen2_5VlConfig parse(const JsonCursor& document);
};

/// Stored names, of transformers' modules and of its files (`visual.*`, `model.layers.*`), alone and in a StarVLA checkpoint, to those of
/// the model: `visual.*`, `language_model.*`, `lm_head.*`.
[[nodiscard]] std::vector<NameRule> qwen2_5_vl_names();

}  // namespace sinew::nn
