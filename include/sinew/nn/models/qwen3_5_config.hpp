// SPDX-License-Identifier: Apache-2.0
// Sizes of a Qwen3.5, as config.json of its directory gives them.
#pragma once

#include <cstdint>
#include <vector>

#include "sinew/io/json_cursor.hpp"
#include "sinew/nn/models/qwen3_vl_config.hpp"

namespace sinew::nn {

/// Of the dense models (`qwen3_5`). Keys that do not bear on the arithmetic are ignored, those that do and have a value that is not
/// implemented are refused.
struct Qwen35Config {
  /// Of the layers with a gated delta rule.
  struct Linear {
    std::int64_t key_heads = 0;
    std::int64_t heads = 0;    ///< of values; a multiple of key_heads
    std::int64_t key_dim = 0;  ///< of a head
    std::int64_t dim = 0;      ///< of a value head
    std::int64_t taps = 0;     ///< of the causal convolution
  };
  Qwen3VlConfig::Vision vision;  ///< without deepstack
  TextConfig text;
  std::int64_t rotary = 0;  ///< values of a head that turn
  Linear linear;
  std::vector<std::uint8_t> attends;  ///< of each layer: 1 full attention, 0 linear
  std::int64_t image_token = 0;

  /// Throws Error at the place of the document for what is missing, out of bounds (no size of a published model comes near them) or does
  /// not fit the others.
  static Qwen35Config parse(const JsonCursor& document);
};

}  // namespace sinew::nn
