// SPDX-License-Identifier: Apache-2.0
// Where the ids of an action tokenizer lie in the vocabulary of a language model, and how they are found in what it generated.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "sinew/core/status.hpp"
#include "sinew/io/tokenizer.hpp"

namespace sinew {

/// Action id `t` is model id `first + t`, or `first - t` where the map is descending.
struct ActionTokenMap {
  TokenId first = 0;
  bool descending = false;
  TokenId count = 1 << 21;  ///< action ids there are at most

  [[nodiscard]] TokenId to_model(TokenId action) const noexcept { return descending ? first - action : first + action; }
  /// The action id, or nothing for ids of the model that stand for none.
  [[nodiscard]] std::optional<TokenId> to_action(TokenId model) const noexcept;
};

/// The end of a vocabulary, backwards, without the last `skipped`: openpi and LeRobot's pi0_fast, where the last 128 of
/// PaliGemma's 257152 are segmentation tokens. A self-inverse map.
[[nodiscard]] ActionTokenMap paligemma_token_map(TokenId vocab_size = 257152, TokenId skipped = 128) noexcept;

/// A map by name: "none"; "paligemma_openpi" and "paligemma_lerobot", the same numbers with another way to find them;
/// "starvla_qwen2_5_vl", "starvla_qwen3_vl", "starvla_qwen3_5", whose vocabularies had `<robot_action_0>` to `<robot_action_2047>` added.
/// Throws Error that lists the names.
[[nodiscard]] ActionTokenMap action_token_map(std::string_view name);

/// StarVLA: all ids of the range in their order, whatever lies between. Gives their number; those that `actions` has no room for are
/// counted too.
[[nodiscard]] std::size_t collect_action_ids(std::span<const TokenId> generated, const ActionTokenMap& map,
                                             std::span<TokenId> actions) noexcept;

/// openpi: what the decoded text has between "Action: " and the first "|", as ids again (FASTTokenizer.extract_actions,
/// src/openpi/models/tokenizer.py, 15a9616a). Nothing when there is no "Action: ". Pieces of text that stand for no action give
/// ids below zero or above the action vocabulary, which decoding refuses. Throws Error for ids that `text` does not know.
[[nodiscard]] std::optional<std::vector<TokenId>> openpi_action_ids(std::span<const TokenId> generated, const Tokenizer& text,
                                                                    const ActionTokenMap& map);

/// LeRobot's pi0_fast: ids before the token "|", without every occurrence of the tokens of "Action: " (detokenize_actions). Its prompts
/// have one more BOS before "Action: " than openpi's. Throws Error when `text` cannot encode.
[[nodiscard]] std::vector<TokenId> lerobot_action_ids(std::span<const TokenId> generated, const Tokenizer& text, const ActionTokenMap& map);

}  // namespace sinew
