// SPDX-License-Identifier: Apache-2.0
// Sizes of the DiT of Qwen-VLA, as "action_head" of config.json gives them.
#pragma once

#include <cstdint>
#include <vector>

#include "sinew/io/json_cursor.hpp"

namespace sinew::nn {

/// Keys of the JSON object are the names of the members; "type" is "qwen_vla_dit".
struct QwenVlaConfig {
  std::int64_t width = 0;  ///< 1536 follows from the published budget, mlp_width 10240 too; 16 blocks
  std::int64_t heads = 0;
  std::int64_t layers = 0;
  std::int64_t context_width = 0;             ///< of the vision-language model's hidden states
  std::int64_t mlp_width = 0;                 ///< of SwiGLU
  std::int64_t horizon = 0;                   ///< rows of the action tensor
  std::int64_t action_dim = 0;                ///< its columns
  std::int64_t rows = 0;                      ///< of them that count where no input `mask` says so
  std::int64_t channels = 0;                  ///< the same of columns
  std::int64_t steps = 0;                     ///< of the sampler
  std::int64_t rotary_dim = 0;                ///< values of each head that turn with the position
  std::vector<std::int64_t> mrope_section{};  ///< frequencies of time, height, width, interleaved; together half of rotary_dim
  double rope_theta = 0;
  bool qk_norm = true;  ///< root mean square norm of each head's queries and keys
  bool joint = true;    ///< the prompt's tokens attend to the actions and are told the time; false: their keys and values are computed once

  /// Throws Error at the place of the document.
  static QwenVlaConfig parse(const JsonCursor& document);
};

}  // namespace sinew::nn
