// SPDX-License-Identifier: Apache-2.0
#include "merges.hpp"

#include <algorithm>
#include <bit>
#include <functional>

namespace sinew::tokenizer {

namespace {

constexpr std::size_t kShort = 40;     // bytes up to which looking at all pairs each time is faster than a queue
constexpr std::size_t kMaxProbes = 1024;
constexpr auto kNowhere = static_cast<std::uint32_t>(-1);

}  // namespace

void MergeTable::reserve(std::size_t count) {
  merged_.reserve(count);
  const auto bits = static_cast<unsigned>(std::bit_width(count + count / 2 + 1));
  if (bits > 64 - shift_) rehash(bits);
}

void MergeTable::rehash(unsigned bits) {
  std::vector<std::uint64_t> old(std::size_t{1} << bits, kEmpty);
  old.swap(slots_);
  mask_ = slots_.size() - 1;
  shift_ = 64 - bits;
  for (const std::uint64_t slot : old) {
    if (slot == kEmpty) continue;
    std::size_t at = place(slot >> kRankBits);
    while (slots_[at] != kEmpty) at = (at + 1) & mask_;
    slots_[at] = slot;
  }
}

MergeTable::Inserted MergeTable::add(TokenId left, TokenId right, TokenId merged) {
  if ((used_ + 1) * 3 > slots_.size() * 2) rehash(64 - shift_ + 1);
  const std::uint64_t pair = key(left, right);
  std::size_t at = place(pair);
  for (std::size_t probes = 0; slots_[at] != kEmpty && slots_[at] >> kRankBits != pair; at = (at + 1) & mask_)
    if (++probes > kMaxProbes) return Inserted::crowded;
  if (slots_[at] == kEmpty) ++used_;
  slots_[at] = pair << kRankBits | merged_.size();
  merged_.push_back(merged);
  return Inserted::ok;
}

void ByteBpe::finish() {
  vocabulary.finish();
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char text = static_cast<char>(byte);
    byte_ids_[byte] = vocabulary.find_bytes({&text, 1});
  }
  reached_ = std::make_unique<std::atomic<Reached>[]>(static_cast<std::size_t>(vocabulary.limit()));
}

bool ByteBpe::has_every_byte() const noexcept {
  return std::find(std::begin(byte_ids_), std::end(byte_ids_), kNoToken) == std::end(byte_ids_);
}

bool ByteBpe::try_reach(TokenId id, std::string_view piece, MergeBuffers& buffers) const noexcept {
  TokenId first = kNoToken;
  IdSink sink({&first, 1});
  merge(piece, buffers, sink);
  const bool reached = sink.count() == 1 && first == id;
  reached_[static_cast<std::size_t>(id)].store(reached ? Reached::yes : Reached::no, std::memory_order_relaxed);
  return reached;
}

void ByteBpe::merge(std::string_view piece, MergeBuffers& buffers, IdSink& sink) const noexcept {
  if (piece.size() <= kShort)
    merge_short(piece, sink);
  else
    merge_long(piece, buffers, sink);
}

void ByteBpe::merge_short(std::string_view piece, IdSink& sink) const noexcept {
  TokenId ids[kShort];
  Rank ranks[kShort];  // of each id with the next
  std::size_t size = 0;
  for (const char c : piece)
    if (const TokenId id = byte_ids_[static_cast<unsigned char>(c)]; id != kNoToken) ids[size++] = id;
  if (size == 0) return;
  for (std::size_t i = 0; i + 1 < size; ++i) ranks[i] = merges.rank(ids[i], ids[i + 1]);
  while (size > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < size; ++i)
      if (ranks[i] < ranks[best]) best = i;
    if (ranks[best] == kNoRank) break;
    ids[best] = merges.merged(ranks[best]);
    std::copy(ids + best + 2, ids + size, ids + best + 1);
    std::copy(ranks + best + 1, ranks + size - 1, ranks + best);
    --size;
    if (best > 0) ranks[best - 1] = merges.rank(ids[best - 1], ids[best]);
    if (best + 1 < size) ranks[best] = merges.rank(ids[best], ids[best + 1]);
  }
  for (std::size_t i = 0; i < size; ++i) sink.add(ids[i]);
}

void ByteBpe::merge_long(std::string_view piece, MergeBuffers& buffers, IdSink& sink) const noexcept {
  auto& [ids, previous, next, queue] = buffers;
  ids.clear();
  queue.clear();
  for (const char c : piece)
    if (const TokenId id = byte_ids_[static_cast<unsigned char>(c)]; id != kNoToken) ids.push_back(id);
  if (ids.empty()) return;
  const auto size = static_cast<std::uint32_t>(ids.size());
  previous.resize(size);
  next.resize(size);
  const auto offer = [&](std::uint32_t left, std::uint32_t right) {
    const Rank rank = merges.rank(ids[left], ids[right]);
    if (rank != kNoRank) queue.push_back(std::uint64_t{rank} << 32 | left);
    return rank != kNoRank;
  };
  for (std::uint32_t i = 0; i < size; ++i) {
    previous[i] = i == 0 ? kNowhere : i - 1;
    next[i] = i + 1 == size ? kNowhere : i + 1;
    if (i + 1 < size) offer(i, i + 1);
  }
  std::make_heap(queue.begin(), queue.end(), std::greater<>());
  while (!queue.empty()) {
    std::pop_heap(queue.begin(), queue.end(), std::greater<>());
    const auto rank = static_cast<Rank>(queue.back() >> 32);
    const auto left = static_cast<std::uint32_t>(queue.back());
    queue.pop_back();
    const std::uint32_t right = next[left];
    // Since it was offered, the left may have been merged away, or the pair have become another.
    if (ids[left] == kNoToken || right == kNowhere || merges.rank(ids[left], ids[right]) != rank) continue;
    ids[left] = merges.merged(rank);
    ids[right] = kNoToken;
    next[left] = next[right];
    if (next[left] != kNowhere) previous[next[left]] = left;
    if (previous[left] != kNowhere && offer(previous[left], left)) std::push_heap(queue.begin(), queue.end(), std::greater<>());
    if (next[left] != kNowhere && offer(left, next[left])) std::push_heap(queue.begin(), queue.end(), std::greater<>());
  }
  for (std::uint32_t at = 0; at != kNowhere; at = next[at]) sink.add(ids[at]);
}

}  // namespace sinew::tokenizer
