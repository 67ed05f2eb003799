// SPDX-License-Identifier: Apache-2.0
// What tokenizer.json says besides vocabulary and merges, checked: what is not done here is refused by name.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "added_tokens.hpp"
#include "pre_tokenize.hpp"
#include "sinew/io/json.hpp"

namespace sinew::tokenizer {

struct Config {
  bool nfc = false;
  Cut cut = Cut::whole;
  bool prefix_space = false;                    ///< a space before every stretch of text that has none
  bool byte_level_decoder = false;              ///< else tokens are joined with spaces
  bool ignore_merges = false;                   ///< a piece that is a token is that token
  std::optional<std::string> needs_every_byte;  ///< the setting that has no effect when each byte is a token
  std::vector<AddedToken> added;
  std::vector<TokenId> prefix, suffix;
};

/// Binds the document whose vocabulary and merges were read before. Throws Error: `unsupported` for what other tokenizers do.
[[nodiscard]] Config bind_config(const Json& document, const std::string& where);

}  // namespace sinew::tokenizer
