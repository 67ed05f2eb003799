// SPDX-License-Identifier: Apache-2.0
#include "prefix_bpe.hpp"

#include <algorithm>
#include <limits>

namespace sinew::tokenizer {

namespace {

constexpr unsigned kPairBits = 15;
constexpr std::size_t kMaxNodes = 1 << 22;

}  // namespace

std::optional<PrefixBpe> PrefixBpe::of(const ByteBpe& bpe) {
  static std::atomic<std::uint64_t> serial = 0;
  PrefixBpe prefix;
  if (!prefix.learn(bpe)) return std::nullopt;
  prefix.serial_ = ++serial;
  return prefix;
}

bool PrefixBpe::learn(const ByteBpe& bpe) {
  merges_ = &bpe.merges;
  const Vocabulary& vocabulary = bpe.vocabulary;
  if (bpe.ignore_merges || vocabulary.limit() > kMaxIds || !bpe.merges.is_ordered(vocabulary.limit())) return false;
  tokens_.resize(static_cast<std::size_t>(vocabulary.limit()));
  std::size_t pairs = 0;
  bool unique = true;
  bpe.merges.for_each([&](TokenId left, TokenId right, Rank rank) {
    Token& token = tokens_[static_cast<std::size_t>(bpe.merges.merged(rank))];
    unique = unique && token.left == kNoToken;
    token.left = left;
    token.right = right;
    token.order = static_cast<std::int32_t>(rank) + 1;
    ++pairs;
  });
  if (!unique || pairs != bpe.merges.size()) return false;
  nodes_.emplace_back();
  std::size_t bytes = 0;
  for (TokenId id = 0; id < vocabulary.limit(); ++id) {
    Token& token = tokens_[static_cast<std::size_t>(id)];
    const bool is_byte = bpe.byte_token(id);
    if (is_byte && token.left != kNoToken) return false;
    if (is_byte) token.order = 0;
    if (token.order >= 0 && !bpe.reaches(id)) return false;
    if (token.order < 0) continue;
    token.size = static_cast<std::uint32_t>(vocabulary.bytes_of(id).size());
    bytes += token.size;
    if (bytes > kMaxNodes) return false;
    plant(bpe, id);
  }
  for (TokenId id = 0; id < vocabulary.limit(); ++id)
    if (Token& token = tokens_[static_cast<std::size_t>(id)]; token.size > 1)
      token.shorter = longest(vocabulary.bytes_of(id).substr(0, token.size - 1));
  return true;
}

void PrefixBpe::plant(const ByteBpe& bpe, TokenId id) {
  std::int32_t at = 0;
  for (const char c : bpe.vocabulary.bytes_of(id)) {
    const auto byte = static_cast<unsigned char>(c);
    std::int32_t next = step(at, byte);
    if (next < 0) {
      next = static_cast<std::int32_t>(nodes_.size());
      nodes_.emplace_back();
      Node& node = nodes_[static_cast<std::size_t>(at)];
      if (node.row < 0 && node.next >= 0) {
        node.row = static_cast<std::int32_t>(branches_.size() / 256);
        branches_.resize(branches_.size() + 256, -1);
        branches_[static_cast<std::size_t>(node.row) * 256 + node.byte] = node.next;
      }
      if (node.row >= 0) {
        branches_[static_cast<std::size_t>(node.row) * 256 + byte] = next;
      } else {
        node.next = next;
        node.byte = byte;
      }
    }
    at = next;
  }
  nodes_[static_cast<std::size_t>(at)].token = id;
}

inline std::int32_t PrefixBpe::step(std::int32_t at, unsigned char byte) const noexcept {
  const Node& node = nodes_[static_cast<std::size_t>(at)];
  if (node.row >= 0) return branches_[static_cast<std::size_t>(node.row) * 256 + byte];
  return node.byte == byte ? node.next : -1;
}

TokenId PrefixBpe::longest(std::string_view text) const noexcept {
  TokenId found = kNoToken;
  std::int32_t at = 0;
  for (const char c : text) {
    at = step(at, static_cast<unsigned char>(c));
    if (at < 0) break;
    if (const TokenId token = nodes_[static_cast<std::size_t>(at)].token; token != kNoToken) found = token;
  }
  return found;
}

/// Whether merging the bytes of both leaves the border between them: undoes the merges of both from the last one back, and looks
/// whether a pair across the border would have come before.
bool PrefixBpe::check_pair(TokenId before, TokenId after) const noexcept {
  auto limit = std::numeric_limits<std::int64_t>::max();  // merges from here on came too late
  while (true) {
    const Rank rank = merges_->rank(before, after);
    if (rank != kNoRank && std::int64_t{rank} + 1 < limit) return false;
    const Token &left = tokens_[static_cast<std::size_t>(before)], &right = tokens_[static_cast<std::size_t>(after)];
    if (left.order > right.order) {
      limit = left.order;
      before = left.right;
    } else if (right.order > 0) {
      limit = std::int64_t{right.order} + 1;  // of two equal pairs the left one comes first
      after = right.left;
    } else {
      return true;
    }
  }
}

bool PrefixBpe::may_follow(TokenId before, TokenId after, PrefixBuffers& buffers) const noexcept {
  static_assert(kMaxIds == 1 << 16);
  // The product maps pairs one to one: its upper bits say where, its lower ones which.
  const std::uint32_t mixed = (static_cast<std::uint32_t>(before) << 16 | static_cast<std::uint32_t>(after)) * 0x9E3779B1U;
  const std::uint32_t which = mixed & ((1U << (32 - kPairBits)) - 1);
  std::uint32_t& known = buffers.pairs[mixed >> (32 - kPairBits)];
  if (known >> 1 == which + 1) return (known & 1) != 0;
  const bool answer = check_pair(before, after);
  known = (which + 1) << 1 | (answer ? 1 : 0);
  return answer;
}

bool PrefixBpe::encode(std::string_view piece, PrefixBuffers& buffers, IdSink& sink) const noexcept {
  if (buffers.owner != serial_) {
    buffers.pairs.assign(std::size_t{1} << kPairBits, 0);
    buffers.owner = serial_;
  }
  auto& ids = buffers.ids;
  ids.clear();
  buffers.closed.assign(piece.size() + 1, 0);
  std::size_t at = 0;
  TokenId candidate = longest(piece);
  while (at < piece.size()) {
    while (candidate != kNoToken) {
      const Token& token = tokens_[static_cast<std::size_t>(candidate)];
      if (buffers.closed[at + token.size] == 0 && (ids.empty() || may_follow(ids.back(), candidate, buffers))) break;
      candidate = token.shorter;
    }
    if (candidate != kNoToken) {
      ids.push_back(candidate);
      at += tokens_[static_cast<std::size_t>(candidate)].size;
      candidate = longest(piece.substr(at));
      continue;
    }
    if (ids.empty()) return false;
    buffers.closed[at] = 1;
    candidate = ids.back();
    ids.pop_back();
    at -= tokens_[static_cast<std::size_t>(candidate)].size;
  }
  for (const TokenId id : ids) sink.add(id);
  return true;
}

}  // namespace sinew::tokenizer
