// SPDX-License-Identifier: Apache-2.0
// What a head that speaks FAST may say, as "action_head" of config.json gives it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sinew/io/json_cursor.hpp"

namespace sinew::nn {

/// Keys of the JSON object are the names of the members; "type" is "fast".
struct FastConfig {
  std::int64_t first = 0;       ///< id of the first action token
  std::int64_t count = 0;       ///< action tokens
  std::int64_t max_tokens = 0;  ///< that are generated
  /// True: nothing but action tokens, and of these only such as join to exactly `horizon * action_dim` coefficients of the range that the
  /// vocabulary has, which end the text. False, StarVLA's form: any token until one of `stop`; the action tokens among them count.
  bool constrained = true;
  std::vector<std::int64_t> stop;  ///< of the unconstrained form
  std::int64_t horizon = 0;
  std::int64_t action_dim = 0;
  std::string tokenizer;  ///< subfolder of the policy directory with FAST's tokenizer.json, "" for itself
  bool model_ids = true;  ///< emit ids of the model; false: of FAST, counted from `first`

  [[nodiscard]] std::int64_t new_tokens() const noexcept { return max_tokens; }
  /// Throws Error at the place of the document.
  static FastConfig parse(const JsonCursor& document);
};

}  // namespace sinew::nn
