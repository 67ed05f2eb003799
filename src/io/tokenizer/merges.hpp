// SPDX-License-Identifier: Apache-2.0
// Byte pair encoding of one piece of text: always the pair of the lowest rank first, of equal ones the leftmost.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "vocabulary.hpp"

namespace sinew::tokenizer {

using Rank = std::uint32_t;
inline constexpr Rank kNoRank = std::numeric_limits<Rank>::max();
inline constexpr std::size_t kMaxMerges = std::size_t{1} << 22;

/// Ids on their way out: what does not fit is counted.
class IdSink {
 public:
  explicit IdSink(std::span<TokenId> ids) noexcept : ids_(ids) {}
  void add(TokenId id) noexcept {
    if (count_ < ids_.size()) ids_[count_] = id;
    ++count_;
  }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] bool overflowed() const noexcept { return count_ > ids_.size(); }

 private:
  std::span<TokenId> ids_;
  std::size_t count_ = 0;
};

/// Two tokens and what they make.
struct Merge {
  TokenId left, right, merged;
};

/// Pairs of ids to ranks, and ranks to what they merge into: open addressing, a pair and its rank in one word.
class MergeTable {
 public:
  /// Ranks the merges in their order; a pair that comes twice has its last rank, as in `tokenizers`. False when so many
  /// pairs collide that it must be on purpose.
  [[nodiscard]] bool build(std::span<const Merge> merges);

  [[nodiscard]] Rank rank(TokenId left, TokenId right) const noexcept {
    const std::uint64_t pair = key(left, right);
    for (std::size_t at = place(pair);; at = (at + 1) & mask_) {
      const std::uint64_t slot = slots_[at];
      if (slot >> kRankBits == pair) return static_cast<Rank>(slot & ((1U << kRankBits) - 1));
      if (slot == kEmpty) return kNoRank;
    }
  }
  [[nodiscard]] TokenId merged(Rank rank) const noexcept { return merged_[rank]; }
  [[nodiscard]] std::size_t size() const noexcept { return merged_.size(); }
  /// Calls `take(left, right, rank)` for every pair, in no order.
  template <class Take>
  void for_each(const Take& take) const {
    constexpr std::uint64_t kRank = (1U << kRankBits) - 1, kId = (1U << kIdBits) - 1;
    for (const std::uint64_t slot : slots_)
      if (slot != kEmpty)
        take(static_cast<TokenId>(slot >> (kRankBits + kIdBits)), static_cast<TokenId>(slot >> kRankBits & kId),
             static_cast<Rank>(slot & kRank));
  }
  /// Whether every pair ranks above the merges that make its tokens, as it does where merges were learned in their order.
  [[nodiscard]] bool is_ordered(TokenId id_limit) const;

 private:
  static constexpr unsigned kRankBits = 22, kIdBits = 21;
  static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};
  static std::uint64_t key(TokenId left, TokenId right) noexcept {
    return static_cast<std::uint64_t>(left) << kIdBits | static_cast<std::uint64_t>(right);
  }
  [[nodiscard]] std::size_t place(std::uint64_t pair) const noexcept { return pair * 0x9E3779B97F4A7C15U >> shift_; }

  std::vector<std::uint64_t> slots_ = std::vector<std::uint64_t>(2, kEmpty);
  std::vector<TokenId> merged_;
  std::size_t mask_ = 1;
  unsigned shift_ = 63;
};

/// What the merging of a long piece works in; grown and reused. Positions are those of the bytes that begin a token.
struct MergeBuffers {
  std::vector<TokenId> ids;
  std::vector<std::uint32_t> previous, next;           // positions
  std::vector<std::uint64_t> queue;                    // rank above position
  std::vector<Rank> ranks;                             // of the pair that begins at a position
  std::vector<std::uint32_t> same_before, same_after;  // positions of the same rank, as a list
  std::vector<std::uint32_t> heads, tails;             // of these lists, by rank
  std::vector<Rank> waiting;                           // ranks whose list is not empty, or was not
  std::vector<std::uint32_t> turn;                     // positions of the rank whose turn it is
};

/// Vocabulary, merges and the way from a piece to its ids.
class ByteBpe {
 public:
  Vocabulary vocabulary;
  MergeTable merges;
  bool ignore_merges = false;

  /// Call once, when the vocabulary and the merges are built.
  void finish();
  [[nodiscard]] bool has_every_byte() const noexcept;
  /// Whether this token stands for one byte.
  [[nodiscard]] bool byte_token(TokenId id) const noexcept {
    if (!vocabulary.has(id)) return false;
    const auto bytes = vocabulary.bytes_of(id);
    return bytes.size() == 1 && byte_ids_[static_cast<unsigned char>(bytes[0])] == id;
  }
  [[nodiscard]] bool has_byte(unsigned char byte) const noexcept { return byte_ids_[byte] != kNoToken; }
  /// Whether merging the bytes of a token gives that token.
  [[nodiscard]] bool reaches(TokenId id) const {
    MergeBuffers buffers;
    return byte_token(id) || is_reached(id, vocabulary.bytes_of(id), buffers);
  }

  /// Appends the ids of one piece. Bytes that are no token are left out, as `tokenizers` does without unk_token.
  void encode(std::string_view piece, MergeBuffers& buffers, IdSink& sink) const noexcept {
    if (piece.size() == 1) {
      if (const TokenId id = byte_ids_[static_cast<unsigned char>(piece[0])]; id != kNoToken) sink.add(id);
      return;
    }
    if (piece.size() <= vocabulary.longest()) {
      const TokenId id = vocabulary.find_bytes(piece);
      if (id != kNoToken && (ignore_merges || is_reached(id, piece, buffers))) return sink.add(id);
    }
    merge(piece, buffers, sink);
  }

 private:
  enum class Reached : std::uint8_t { unknown, yes, no };

  /// Whether merging the bytes of a token gives that token: tried once, then remembered. Threads may try it twice.
  [[nodiscard]] bool is_reached(TokenId id, std::string_view piece, MergeBuffers& buffers) const noexcept {
    const auto known = reached_[static_cast<std::size_t>(id)].load(std::memory_order_relaxed);
    return known == Reached::unknown ? try_reach(id, piece, buffers) : known == Reached::yes;
  }
  bool try_reach(TokenId id, std::string_view piece, MergeBuffers& buffers) const noexcept;
  void merge(std::string_view piece, MergeBuffers& buffers, IdSink& sink) const noexcept;
  void merge_short(std::string_view piece, IdSink& sink) const noexcept;
  void merge_long(std::string_view piece, MergeBuffers& buffers, IdSink& sink) const noexcept;
  void merge_queued(MergeBuffers& buffers) const noexcept;
  void merge_by_rank(MergeBuffers& buffers) const noexcept;

  TokenId byte_ids_[256] = {};
  bool ordered_ = false;
  std::unique_ptr<std::atomic<Reached>[]> reached_;
};

}  // namespace sinew::tokenizer
