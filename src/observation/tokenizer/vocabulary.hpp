// SPDX-License-Identifier: Apache-2.0
// Tokens by content, by the bytes they stand for, and by id.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/observation/tokenizer.hpp"

namespace sinew::tokenizer {

inline constexpr TokenId kNoToken = -1;
inline constexpr TokenId kMaxTokens = 1 << 21;  // the merge table keeps two ids and a rank in 64 bits

/// Where a string lies in an arena.
struct Extent {
  std::uint32_t begin = 0, size = 0;
};

[[nodiscard]] std::uint64_t hash_bytes(std::string_view bytes) noexcept;

/// Strings to ids: open addressing, a third empty at least. Refuses to be filled with strings that collide on purpose.
class TokenIndex {
 public:
  static constexpr std::size_t kMaxProbes = 1024;
  enum class Inserted : std::uint8_t { fresh, present, crowded };

  void reserve(std::size_t count);
  /// `content(id)` gives the string of an id that was inserted before.
  template <class Content>
  Inserted insert(std::string_view key, TokenId id, const Content& content) {
    if ((size_ + 1) * 3 > slots_.size() * 2) grow();
    const std::uint64_t hash = hash_bytes(key);
    std::size_t at = hash & mask_;
    for (std::size_t probes = 0; slots_[at].id != kNoToken; at = (at + 1) & mask_) {
      if (slots_[at].tag == tag(hash) && content(slots_[at].id) == key) return Inserted::present;
      if (++probes > kMaxProbes) return Inserted::crowded;
    }
    slots_[at] = {tag(hash), static_cast<std::uint32_t>(hash), id};
    ++size_;
    return Inserted::fresh;
  }
  template <class Content>
  [[nodiscard]] TokenId find(std::string_view key, const Content& content) const noexcept {
    if (slots_.empty()) return kNoToken;
    const std::uint64_t hash = hash_bytes(key);
    for (std::size_t at = hash & mask_; slots_[at].id != kNoToken; at = (at + 1) & mask_)
      if (slots_[at].tag == tag(hash) && content(slots_[at].id) == key) return slots_[at].id;
    return kNoToken;
  }

 private:
  struct Slot {
    std::uint32_t tag = 0, low = 0;  // halves of the hash
    TokenId id = kNoToken;
  };
  static std::uint32_t tag(std::uint64_t hash) noexcept { return static_cast<std::uint32_t>(hash >> 32); }
  void grow() { rehash(slots_.empty() ? 64 : slots_.size() * 2); }
  void rehash(std::size_t capacity);

  std::vector<Slot> slots_;
  std::size_t mask_ = 0, size_ = 0;
};

/// The tokens of a byte-level model. What a token is found by in text is the bytes it stands for; tokens with characters
/// that stand for no byte are found by their content alone.
class Vocabulary {
 public:
  enum class Added : std::uint8_t { ok, duplicate_content, duplicate_id, crowded };

  void reserve(std::size_t count, std::size_t bytes);
  /// `spelled`: whether all of `content` stands for bytes, which are `bytes`.
  Added add(std::string_view content, bool spelled, std::string_view bytes, TokenId id);
  /// Frees what was reserved too much, and forgets nothing.
  void finish();

  [[nodiscard]] TokenId find_bytes(std::string_view bytes) const noexcept {
    return by_bytes_.find(bytes, [this](TokenId id) { return bytes_of(id); });
  }
  [[nodiscard]] TokenId find_unspelled(std::string_view content) const noexcept {
    return by_content_.find(content, [this](TokenId id) { return content_of(id); });
  }
  [[nodiscard]] TokenId find(std::string_view content) const noexcept;

  [[nodiscard]] bool has(TokenId id) const noexcept { return id >= 0 && id < limit() && tokens_[static_cast<std::size_t>(id)].used; }
  [[nodiscard]] std::string_view content_of(TokenId id) const noexcept { return slice(contents_, tokens_[static_cast<std::size_t>(id)].content); }
  /// The bytes a token stands for; its content when that is not spelled in bytes.
  [[nodiscard]] std::string_view bytes_of(TokenId id) const noexcept {
    const Token& token = tokens_[static_cast<std::size_t>(id)];
    return token.spelled ? slice(bytes_, token.bytes) : slice(contents_, token.content);
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
