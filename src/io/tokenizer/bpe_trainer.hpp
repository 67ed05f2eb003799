// SPDX-License-Identifier: Apache-2.0
// Learns byte pair merges as `tokenizers` does (BpeTrainer): the same counts, ties and order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "vocabulary.hpp"

namespace sinew::tokenizer {

struct TrainerOptions {
  std::size_t vocab_size = 1024;
  std::int64_t min_frequency = 2;
  std::size_t max_token_length = 10000;  ///< characters; a longer token is not made
  char32_t alphabet = 0;                 ///< characters below this are tokens whether they occur or not
};

/// What was learned: tokens by id as tokenizer.json spells them, and merges in their order.
struct TrainedBpe {
  std::vector<std::string> tokens;
  std::vector<std::pair<TokenId, TokenId>> merges;
};

/// Learns from words of bytes.
class BpeTrainer {
 public:
  /// Counts one occurrence of a word.
  void count(std::string_view word);
  [[nodiscard]] TrainedBpe train(const TrainerOptions& options) const;

 private:
  std::unordered_map<std::string, std::size_t> places_;
  std::vector<std::pair<const std::string*, std::int64_t>> words_;  // in the order of their first occurrence
};

}  // namespace sinew::tokenizer
