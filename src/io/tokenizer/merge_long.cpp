// SPDX-License-Identifier: Apache-2.0
// Byte pair encoding of long pieces, at most n log n: a chain of positions, and the pairs in order of rank and position.
#include <algorithm>
#include <functional>
#include <utility>

#include "merges.hpp"

namespace sinew::tokenizer {

namespace {

constexpr auto kNowhere = static_cast<std::uint32_t>(-1);

/// Joins the token at `left` with the one after it.
void join(MergeBuffers& buffers, std::uint32_t left, TokenId merged) noexcept {
  const std::uint32_t right = buffers.next[left];
  buffers.ids[left] = merged;
  buffers.ids[right] = kNoToken;
  buffers.next[left] = buffers.next[right];
  if (buffers.next[left] != kNowhere) buffers.previous[buffers.next[left]] = left;
}

/// For every rank the positions of its pairs. Where new pairs always rank above the one that made them, ranks come to
/// their turn once, each with all its positions: cheaper than a queue of single pairs.
class RankLists {
 public:
  explicit RankLists(MergeBuffers& buffers) noexcept : b_(buffers) {}

  void add(std::uint32_t at, Rank rank) noexcept {
    b_.ranks[at] = rank;
    if (rank == kNoRank) return;
    b_.same_before[at] = b_.tails[rank];
    b_.same_after[at] = kNowhere;
    if (b_.tails[rank] == kNowhere) {
      b_.heads[rank] = at;
      b_.waiting.push_back(rank);
      std::push_heap(b_.waiting.begin(), b_.waiting.end(), std::greater<>());
    } else {
      b_.same_after[b_.tails[rank]] = at;
    }
    b_.tails[rank] = at;
  }
  void remove(std::uint32_t at) noexcept {
    const Rank rank = std::exchange(b_.ranks[at], kNoRank);
    if (rank == kNoRank || rank == turn_) return;
    const std::uint32_t before = b_.same_before[at], after = b_.same_after[at];
    (before == kNowhere ? b_.heads[rank] : b_.same_after[before]) = after;
    (after == kNowhere ? b_.tails[rank] : b_.same_before[after]) = before;
  }
  /// Takes the lowest rank out, its positions into buffers.turn. False when there is none.
  bool next_turn() noexcept {
    if (b_.waiting.empty()) return false;
    std::pop_heap(b_.waiting.begin(), b_.waiting.end(), std::greater<>());
    turn_ = b_.waiting.back();
    b_.waiting.pop_back();
    b_.turn.clear();
    for (std::uint32_t at = b_.heads[turn_]; at != kNowhere; at = b_.same_after[at]) b_.turn.push_back(at);
    b_.heads[turn_] = b_.tails[turn_] = kNowhere;
    if (!std::is_sorted(b_.turn.begin(), b_.turn.end())) std::sort(b_.turn.begin(), b_.turn.end());
    return true;
  }
  [[nodiscard]] Rank turn() const noexcept { return turn_; }

 private:
  MergeBuffers& b_;
  Rank turn_ = kNoRank;
};

}  // namespace

void ByteBpe::merge_long(std::string_view piece, MergeBuffers& buffers, IdSink& sink) const noexcept {
  buffers.ids.clear();
  for (const char c : piece)
    if (const TokenId id = byte_ids_[static_cast<unsigned char>(c)]; id != kNoToken) buffers.ids.push_back(id);
  if (buffers.ids.empty()) return;
  const auto size = static_cast<std::uint32_t>(buffers.ids.size());
  buffers.previous.resize(size);
  buffers.next.resize(size);
  for (std::uint32_t i = 0; i < size; ++i) {
    buffers.previous[i] = i == 0 ? kNowhere : i - 1;
    buffers.next[i] = i + 1 == size ? kNowhere : i + 1;
  }
  if (ordered_)
    merge_by_rank(buffers);
  else
    merge_queued(buffers);
  for (std::uint32_t at = 0; at != kNowhere; at = buffers.next[at]) sink.add(buffers.ids[at]);
}

void ByteBpe::merge_by_rank(MergeBuffers& buffers) const noexcept {
  const auto& ids = buffers.ids;
  buffers.ranks.resize(ids.size());
  buffers.same_before.resize(ids.size());
  buffers.same_after.resize(ids.size());
  // The lists are empty again after every piece; another tokenizer may have left them longer.
  if (buffers.heads.size() < merges.size()) {
    buffers.heads.resize(merges.size(), kNowhere);
    buffers.tails.resize(merges.size(), kNowhere);
  }
  RankLists lists(buffers);
  const auto offer = [&](std::uint32_t left) {
    const std::uint32_t right = buffers.next[left];
    lists.add(left, right == kNowhere ? kNoRank : merges.rank(ids[left], ids[right]));
  };
  for (std::uint32_t i = 0; i < ids.size(); ++i) offer(i);
  while (lists.next_turn()) {
    for (const std::uint32_t left : buffers.turn) {
      if (buffers.ranks[left] != lists.turn()) continue;  // merged away, or another pair by now
      const std::uint32_t before = buffers.previous[left];
      lists.remove(left);
      lists.remove(buffers.next[left]);
      join(buffers, left, merges.merged(lists.turn()));
      offer(left);
      if (before == kNowhere) continue;
      lists.remove(before);
      offer(before);
    }
  }
}

void ByteBpe::merge_queued(MergeBuffers& buffers) const noexcept {
  auto& queue = buffers.queue;
  queue.clear();
  const auto offer = [&](std::uint32_t left) {
    const std::uint32_t right = left == kNowhere ? kNowhere : buffers.next[left];
    const Rank rank = right == kNowhere ? kNoRank : merges.rank(buffers.ids[left], buffers.ids[right]);
    if (rank == kNoRank) return;
    queue.push_back(std::uint64_t{rank} << 32 | left);
    std::push_heap(queue.begin(), queue.end(), std::greater<>());
  };
  for (std::uint32_t i = 0; i < buffers.ids.size(); ++i) offer(i);
  while (!queue.empty()) {
    std::pop_heap(queue.begin(), queue.end(), std::greater<>());
    const auto rank = static_cast<Rank>(queue.back() >> 32);
    const auto left = static_cast<std::uint32_t>(queue.back());
    queue.pop_back();
    const std::uint32_t right = buffers.next[left];
    // Since it was offered, the left may have been merged away, or the pair have become another.
    if (buffers.ids[left] == kNoToken || right == kNowhere || merges.rank(buffers.ids[left], buffers.ids[right]) != rank) continue;
    join(buffers, left, merges.merged(rank));
    offer(left);
    offer(buffers.previous[left]);
  }
}

}  // namespace sinew::tokenizer
