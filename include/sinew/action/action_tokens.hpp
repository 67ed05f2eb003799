// SPDX-License-Identifier: Apache-2.0
// The language of a policy that emits token ids: which ids are actions, and which numbers they stand for.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "sinew/action/action_token_map.hpp"
#include "sinew/action/bin_tokenizer.hpp"
#include "sinew/action/fast_tokenizer.hpp"
#include "sinew/core/card.hpp"
#include "sinew/core/fixed_text.hpp"
#include "sinew/core/status.hpp"

namespace sinew {

/// What a card's `action.tokens` says, loaded. Empty when actions are numbers. One thread.
///
/// Mappings of bins: "openvla" (ids from the end of vocab_size downwards), "uniform" (RT style: bins over [-1, 1] from id vocab_size
/// on). Mappings of FAST: the names of action_token_map(). Those of PaliGemma find the actions in the generated text, with the
/// tokenizer of the card's `text`, which takes memory from the heap at every call.
class ActionTokens {
 public:
  ActionTokens() = default;
  /// For `card.action.tokens`; empty without. Reads the tokenizer of FAST, and that of the text, from the policy directory. Throws Error.
  ActionTokens(const std::filesystem::path& directory, const PolicyCard& card);

  [[nodiscard]] explicit operator bool() const noexcept { return bins_ || fast_; }
  /// Rows `[horizon, dim]` in the policy's normalised space. `bad_shape`: another number of values than the rows have; `over_capacity`:
  /// more ids than the card allows; `out_of_range`: an id that is no action. The card's `relaxed` clips ids to bins, and cuts or fills the
  /// coefficients of FAST. The reason is in `error`.
  [[nodiscard]] Status decode(std::span<const std::int64_t> ids, int horizon, int dim, std::span<float> rows, FixedText& error) noexcept;

 private:
  [[nodiscard]] Status decode_bins(std::span<const TokenId> ids, std::span<float> rows, FixedText& error) noexcept;
  [[nodiscard]] Status decode_fast(std::span<const TokenId> ids, int dim, std::span<float> rows, FixedText& error) noexcept;

  std::optional<BinTokenizer> bins_;
  std::optional<FastTokenizer> fast_;
  std::optional<Tokenizer> text_;  // of PaliGemma's mappings
  ActionTokenMap map_;
  bool lerobot_ = false;  // LeRobot's way to find the ids, not openpi's
  bool relaxed_ = false;
  FastScratch scratch_;
  std::vector<TokenId> generated_;  // the model's ids
  std::vector<TokenId> ids_;        // those of the language
};

}  // namespace sinew
