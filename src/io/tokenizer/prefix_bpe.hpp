// SPDX-License-Identifier: Apache-2.0
// Byte pair encoding from left to right: the longest token that may follow the last one, with a step back where none may. For
// vocabularies whose merges were learned in their order this gives what merging pair by pair gives, in linear time for text like that
// it was learned from; action tokenizers need it, whose pieces are a whole chunk long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "merges.hpp"

namespace sinew::tokenizer {

/// What encoding works in; grown and reused. Holds answers for one PrefixBpe, and forgets them when it meets another.
struct PrefixBuffers {
  std::vector<TokenId> ids;
  std::vector<std::uint8_t> closed;  // places where no token begins
  std::vector<std::uint32_t> pairs;  // answers of may_follow
  std::uint64_t owner = 0;
};

/// The tokens of a ByteBpe as a tree of prefixes, and which of them may follow one another.
class PrefixBpe {
 public:
  static constexpr TokenId kMaxIds = 1 << 16;

  /// Nothing when the merges are not in the order of learning, when a token has two, or when there are too many.
  static std::optional<PrefixBpe> of(const ByteBpe& bpe);

  /// Appends the ids of a piece whose bytes are all tokens. False, with nothing appended, when the piece cannot be reached this way.
  [[nodiscard]] bool encode(std::string_view piece, PrefixBuffers& buffers, IdSink& sink) const noexcept;

 private:
  struct Token {
    TokenId left = kNoToken, right = kNoToken;  // that merge into it
    std::int32_t order = -1;                    // rank of that merge, above 0; 0 for bytes; -1 for tokens never reached
    TokenId shorter = kNoToken;                 // the longest token that it begins with
    std::uint32_t size = 0;                     // bytes
  };
  struct Node {
    TokenId token = kNoToken;
    std::int32_t row = -1;   // in branches_, when there are several ways on
    std::int32_t next = -1;  // else the only one
    std::uint8_t byte = 0;   // that it takes
  };

  PrefixBpe() = default;
  [[nodiscard]] bool learn(const ByteBpe& bpe);
  void plant(const ByteBpe& bpe, TokenId id);
  [[nodiscard]] std::int32_t step(std::int32_t node, unsigned char byte) const noexcept;
  [[nodiscard]] TokenId longest(std::string_view text) const noexcept;
  [[nodiscard]] bool may_follow(TokenId before, TokenId after, PrefixBuffers& buffers) const noexcept;
  [[nodiscard]] bool check_pair(TokenId before, TokenId after) const noexcept;

  const MergeTable* merges_ = nullptr;
  std::vector<Token> tokens_;
  std::vector<Node> nodes_;
  std::vector<std::int32_t> branches_;  // [rows, 256]
  std::uint64_t serial_ = 0;
};

}  // namespace sinew::tokenizer
