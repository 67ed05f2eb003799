// SPDX-License-Identifier: Apache-2.0
#include "merges.hpp"

#include <algorithm>
#include <bit>

namespace sinew::tokenizer {

namespace {

constexpr std::size_t kShort = 40;  // bytes up to which looking at all pairs each time is faster than a queue
constexpr std::size_t kMaxProbes = 1024;

}  // namespace

bool MergeTable::build(std::span<const Merge> merges) {
  constexpr std::size_t kAhead = 16;  // the table is larger than a near cache: fetch before use
  const auto bits = static_cast<unsigned>(std::bit_width(merges.size() + merges.size() / 2 + 1));
  slots_.assign(std::size_t{1} << bits, kEmpty);
  mask_ = slots_.size() - 1;
  shift_ = 64 - bits;
  merged_.clear();
  merged_.reserve(merges.size());
  for (const Merge& merge : merges) {
    if (const std::size_t later = merged_.size() + kAhead; later < merges.size())
      __builtin_prefetch(&slots_[place(key(merges[later].left, merges[later].right))], 1);
    const std::uint64_t pair = key(merge.left, merge.right);
    std::size_t at = place(pair);
    for (std::size_t probes = 0; slots_[at] != kEmpty && slots_[at] >> kRankBits != pair; at = (at + 1) & mask_)
      if (++probes > kMaxProbes) return false;
    slots_[at] = pair << kRankBits | merged_.size();
    merged_.push_back(merge.merged);
  }
  return true;
}

bool MergeTable::is_ordered(TokenId id_limit) const {
  std::vector<std::int64_t> made(static_cast<std::size_t>(id_limit), -1);  // highest rank that makes each token
  const auto rank_of = [](std::uint64_t slot) { return static_cast<std::int64_t>(slot & ((1U << kRankBits) - 1)); };
  for (const std::uint64_t slot : slots_) {
    if (slot == kEmpty) continue;
    auto& highest = made[static_cast<std::size_t>(merged_[static_cast<std::size_t>(rank_of(slot))])];
    highest = std::max(highest, rank_of(slot));
  }
  return std::all_of(slots_.begin(), slots_.end(), [&](std::uint64_t slot) {
    if (slot == kEmpty) return true;
    const auto left = slot >> (kRankBits + kIdBits), right = (slot >> kRankBits) & ((1U << kIdBits) - 1);
    return made[left] < rank_of(slot) && made[right] < rank_of(slot);
  });
}

void ByteBpe::finish() {
  ordered_ = merges.is_ordered(vocabulary.limit());
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
  for (std::size_t i = 0; i + 1 < size; ++i) ranks[i] = merges.rank(ids[i], ids[i + 1]);
  while (size > 1) {
    const auto best = static_cast<std::size_t>(std::min_element(ranks, ranks + size - 1) - ranks);
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

}  // namespace sinew::tokenizer
