// SPDX-License-Identifier: Apache-2.0
// Tokens by content, by the bytes they stand for, and by id.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/io/tokenizer.hpp"

namespace sinew::tokenizer {

inline constexpr TokenId kNoToken = -1;
inline constexpr TokenId kMaxTokens = 1 << 21;  // the merge table keeps two ids and a rank in 64 bits

/// Where a string lies in an arena.
struct Extent {
  std::uint32_t begin = 0, size = 0;
};

[[nodiscard]] std::uint64_t hash_bytes(std::string_view bytes) noexcept;

/// Strings to ids: open addressing, a third empty at least. Up to 8 bytes lie in the table itself, of longer strings the hash.
class TokenIndex {
 public:
  static constexpr std::size_t kMaxProbes = 1024;

  struct Key {
    std::uint64_t word = 0, hash = 0;
    std::uint32_t size = 0;
    explicit Key(std::string_view text) noexcept;
  };

  /// Puts all of `ids` in; `content(id)` gives their strings. Gives the first that is there already, or that collides
  /// with so many others that it must be on purpose.
  template <class Content>
  std::optional<TokenId> build(std::span<const TokenId> ids, const Content& content);

  template <class Content>
  [[nodiscard]] TokenId find(std::string_view text, const Content& content) const noexcept {
    const Key key(text);
    for (std::size_t at = key.hash & mask_; slots_[at].id != kNoToken; at = (at + 1) & mask_)
      if (matches(slots_[at], key, text, content)) return slots_[at].id;
    return kNoToken;
  }

 private:
  struct Slot {
    std::uint64_t word = 0;
    TokenId id = kNoToken;
    std::uint32_t size = 0;
  };
  template <class Content>
  static bool matches(const Slot& slot, const Key& key, std::string_view text, const Content& content) noexcept {
    return slot.word == key.word && slot.size == key.size && (key.size <= sizeof(key.word) || content(slot.id) == text);
  }

  std::vector<Slot> slots_ = std::vector<Slot>(1);
  std::size_t mask_ = 0;
};

/// The tokens of a byte-level model. What a token is found by in text is the bytes it stands for; tokens with characters
/// that stand for no byte are found by their content alone.
class Vocabulary {
 public:
  void reserve(std::size_t count, std::size_t bytes);
  /// `spelled`: whether all of `content` stands for bytes, which are `bytes`. False when the id is taken.
  [[nodiscard]] bool add(std::string_view content, bool spelled, std::string_view bytes, TokenId id);
  /// Call once, after the last token and before the first search. Gives a token that is there twice, or collides.
  [[nodiscard]] std::optional<TokenId> finish();

  /// How many characters from code point 0 up have a token: the alphabet that FAST's fit() starts with is its whole trained range. A
  /// vocabulary of bytes alone says nothing about the range: then all there are.
  [[nodiscard]] std::int32_t leading_characters() const;

  [[nodiscard]] TokenId find_bytes(std::string_view bytes) const noexcept {
    return by_bytes_.find(bytes, [this](TokenId id) { return bytes_of(id); });
  }
  [[nodiscard]] TokenId find_unspelled(std::string_view content) const noexcept {
    return by_content_.find(content, [this](TokenId id) { return content_of(id); });
  }
  [[nodiscard]] TokenId find(std::string_view content) const noexcept;

  [[nodiscard]] bool has(TokenId id) const noexcept { return id >= 0 && id < limit() && tokens_[static_cast<std::size_t>(id)].used; }
  [[nodiscard]] std::string_view content_of(TokenId id) const noexcept {
    return slice(contents_, tokens_[static_cast<std::size_t>(id)].content);
  }
  /// The bytes a token stands for; its content when that is not spelled in bytes.
  [[nodiscard]] std::string_view bytes_of(TokenId id) const noexcept {
    const Token& token = tokens_[static_cast<std::size_t>(id)];
    return token.spelled ? slice(bytes_, token.bytes) : slice(contents_, token.content);
  }
  [[nodiscard]] bool stands_for(TokenId id, std::string_view bytes) const noexcept {
    return has(id) && tokens_[static_cast<std::size_t>(id)].spelled && bytes_of(id) == bytes;
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// One above the greatest id.
  [[nodiscard]] TokenId limit() const noexcept { return static_cast<TokenId>(tokens_.size()); }
  [[nodiscard]] std::size_t longest() const noexcept { return longest_; }

 private:
  struct Token {
    Extent content, bytes;
    bool used = false, spelled = false;
  };
  static std::string_view slice(const std::string& arena, Extent extent) noexcept { return {arena.data() + extent.begin, extent.size}; }

  std::string contents_, bytes_;
  std::vector<Token> tokens_;
  TokenIndex by_bytes_, by_content_;
  std::size_t size_ = 0, longest_ = 0;
};

}  // namespace sinew::tokenizer
