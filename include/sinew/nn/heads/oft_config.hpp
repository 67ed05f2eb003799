// SPDX-License-Identifier: Apache-2.0
// Sizes of StarVLA's OFT regression head, as "action_head" of config.json gives them.
#pragma once

#include <cstdint>

#include "sinew/io/json_cursor.hpp"

namespace sinew::nn {

/// Keys of the JSON object are the names of the members; "type" is "oft".
struct OftConfig {
  std::int64_t context_width = 0;  ///< of the vision-language model's hidden states
  std::int64_t width = 0;          ///< of the residual blocks
  std::int64_t blocks = 0;
  std::int64_t horizon = 0;  ///< actions of a chunk, a placeholder each
  std::int64_t action_dim = 0;
  std::int64_t placeholder = 0;  ///< id of the token that stands for an action

  /// Throws Error at the place of the document.
  static OftConfig parse(const JsonCursor& document);
};

}  // namespace sinew::nn
