// SPDX-License-Identifier: Apache-2.0
// The language of a policy that emits token ids: which ids are actions, and which numbers they stand for.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "sinew/action/bin_tokenizer.hpp"
#include "sinew/core/card.hpp"
#include "sinew/core/fixed_text.hpp"
#include "sinew/core/status.hpp"

namespace sinew {

/// What a card's `action.tokens` says, loaded. Empty when actions are numbers. One thread.
class ActionTokens {
 public:
  ActionTokens() = default;
  /// For `card.action.tokens`; empty without. Reads the tokenizer of FAST from the policy directory. Throws Error.
  ActionTokens(const std::filesystem::path& directory, const PolicyCard& card);

  [[nodiscard]] explicit operator bool() const noexcept { return bins_.has_value(); }
  /// Rows `[horizon, dim]` in the policy's normalised space. `bad_shape`: another number of ids than the rows have values;
  /// `out_of_range`: an id that is no action. With the card's `relaxed`, as the family's own runtime does. The reason is in `error`.
  [[nodiscard]] Status decode(std::span<const std::int64_t> ids, int horizon, int dim, std::span<float> rows, FixedText& error) noexcept;

 private:
  std::optional<BinTokenizer> bins_;
  bool relaxed_ = false;
  std::vector<TokenId> ids_;  // of the language
};

}  // namespace sinew
