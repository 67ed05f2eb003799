// SPDX-License-Identifier: Apache-2.0
#include "bpe_trainer.hpp"

#include <algorithm>
#include <queue>
#include <set>

#include "byte_map.hpp"

namespace sinew::tokenizer {

namespace {

constexpr auto kCharacterOf = [] {
  std::array<char32_t, 256> table{};
  for (char32_t c = 0; c < kByteOf.size(); ++c)
    if (kByteOf[c] >= 0) table[static_cast<std::size_t>(kByteOf[c])] = c;
  return table;
}();

struct Symbol {
  TokenId id;
  std::uint32_t size;  // characters
};
struct Word {
  std::vector<Symbol> symbols;
  std::int64_t count;
};

using Pair = std::uint64_t;
constexpr Pair pair_of(TokenId left, TokenId right) noexcept {
  return static_cast<Pair>(left) << 32 | static_cast<Pair>(static_cast<std::uint32_t>(right));
}

/// A pair with the words that it was seen in. The most frequent comes first, of equals the one of lower ids.
struct Candidate {
  Pair pair;
  std::int64_t count;
  std::vector<std::uint32_t> words;
  friend bool operator<(const Candidate& a, const Candidate& b) noexcept {
    return a.count != b.count ? a.count < b.count : a.pair > b.pair;
  }
};

class Learner {
 public:
  explicit Learner(const TrainerOptions& options) : options_(options) {}

  /// Every character that occurs, and the alphabet asked for, in the order of code points.
  void learn_alphabet(const std::array<bool, 256>& seen) {
    std::set<char32_t> characters;
    for (char32_t c = 0; c < options_.alphabet; ++c) characters.insert(c);
    for (std::size_t byte = 0; byte < 256; ++byte)
      if (seen[byte]) characters.insert(kCharacterOf[byte]);
    for (const char32_t c : characters) {
      std::string token;
      append_utf8(token, c);
      if (c < kByteOf.size() && kByteOf[c] >= 0) bytes_[static_cast<std::size_t>(kByteOf[c])] = static_cast<TokenId>(result_.tokens.size());
      add_token(std::move(token));
    }
  }
  void add_word(std::string_view text, std::int64_t count) {
    Word word{{}, count};
    for (const char c : text) word.symbols.push_back({bytes_[static_cast<unsigned char>(c)], 1});
    const auto place = static_cast<std::uint32_t>(words_.size());
    for (std::size_t i = 0; i + 1 < word.symbols.size(); ++i) change(pair_of(word.symbols[i].id, word.symbols[i + 1].id), count, place);
    words_.push_back(std::move(word));
  }
  TrainedBpe learn() {
    offer_seen();
    while (result_.tokens.size() < options_.vocab_size && !queue_.empty()) {
      Candidate top = queue_.top();
      queue_.pop();
      if (const std::int64_t now = counts_[top.pair]; top.count != now) {
        top.count = now;
        queue_.push(std::move(top));
        continue;
      }
      if (top.count < 1 || top.count < options_.min_frequency) break;
      merge(top);
      offer_seen();
    }
    return std::move(result_);
  }

 private:
  TokenId add_token(std::string token) {
    const auto [place, added] = ids_.try_emplace(token, static_cast<TokenId>(result_.tokens.size()));
    if (added) result_.tokens.push_back(std::move(token));
    return place->second;
  }
  void change(Pair pair, std::int64_t by, std::uint32_t word) {
    counts_[pair] += by;
    if (by <= 0) return;
    auto& words = seen_[pair];
    if (words.empty() || words.back() != word) words.push_back(word);
  }
  void offer_seen() {
    for (auto& [pair, words] : seen_)
      if (const std::int64_t count = counts_[pair]; count > 0) queue_.push({pair, count, std::move(words)});
    seen_.clear();
  }
  void merge(const Candidate& candidate) {
    const auto left = static_cast<TokenId>(candidate.pair >> 32), right = static_cast<TokenId>(candidate.pair & 0xFFFFFFFFU);
    const TokenId merged = add_token(result_.tokens[static_cast<std::size_t>(left)] + result_.tokens[static_cast<std::size_t>(right)]);
    result_.merges.emplace_back(left, right);
    for (const std::uint32_t place : candidate.words) merge_in(place, left, right, merged);
  }
  void merge_in(std::uint32_t place, TokenId left, TokenId right, TokenId merged) {
    Word& word = words_[place];
    auto& symbols = word.symbols;
    std::size_t kept = 0;  // symbols before this are done
    for (std::size_t at = 0; at < symbols.size(); ++at) {
      if (symbols[at].id != left || at + 1 == symbols.size() || symbols[at + 1].id != right) {
        symbols[kept++] = symbols[at];
        continue;
      }
      const Symbol joined{merged, symbols[at].size + symbols[at + 1].size};
      const auto fits = [&](const Symbol& neighbour) { return neighbour.size + joined.size < options_.max_token_length; };
      if (kept > 0) {
        const Symbol& before = symbols[kept - 1];
        change(pair_of(before.id, left), -word.count, place);
        if (fits(before)) change(pair_of(before.id, merged), word.count, place);
      }
      ++at;
      if (at + 1 < symbols.size()) {
        const Symbol& after = symbols[at + 1];
        change(pair_of(right, after.id), -word.count, place);
        if (fits(after)) change(pair_of(merged, after.id), word.count, place);
      }
      symbols[kept++] = joined;
    }
    symbols.resize(kept);
  }

  const TrainerOptions& options_;
  TrainedBpe result_;
  std::unordered_map<std::string, TokenId> ids_;
  std::array<TokenId, 256> bytes_{};
  std::vector<Word> words_;
  std::unordered_map<Pair, std::int64_t> counts_;
  std::unordered_map<Pair, std::vector<std::uint32_t>> seen_;  // since the last offer
  std::priority_queue<Candidate> queue_;
};

}  // namespace

void BpeTrainer::count(std::string_view word) {
  const auto [place, added] = places_.try_emplace(std::string(word), words_.size());
  if (added) words_.emplace_back(&place->first, 0);
  ++words_[place->second].second;
}

TrainedBpe BpeTrainer::train(const TrainerOptions& options) const {
  std::array<bool, 256> seen{};
  for (const auto& [text, count] : words_)
    for (const char c : *text) seen[static_cast<unsigned char>(c)] = true;
  Learner learner(options);
  learner.learn_alphabet(seen);
  for (const auto& [text, count] : words_) learner.add_word(*text, count);
  return learner.learn();
}

}  // namespace sinew::tokenizer
