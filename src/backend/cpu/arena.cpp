// SPDX-License-Identifier: Apache-2.0
#include "sinew/backend/cpu/arena.hpp"

#include <algorithm>

#include "sinew/core/assert.hpp"

namespace sinew {

namespace {

constexpr std::size_t kFirstBlock = std::size_t{1} << 20;

Tensor make_block(std::size_t bytes) { return Tensor(DType::u8, Shape{static_cast<std::int64_t>(bytes)}); }

}  // namespace

std::byte* Arena::allocate(std::size_t bytes) {
  const std::size_t size = std::max((bytes + kAlignment - 1) / kAlignment * kAlignment, kAlignment);
  while (block_ < blocks_.size() && used_ + size > blocks_[block_].size_bytes()) {
    ++block_;
    used_ = 0;
  }
  if (block_ == blocks_.size()) blocks_.push_back(make_block(std::max({size, kFirstBlock, peak_})));
  std::byte* const data = blocks_[block_].bytes().data() + used_;
  used_ += size;
  total_ += size;
  peak_ = std::max(peak_, total_);
  if (live_ == serials_.size()) serials_.push_back(0);
  serials_[live_++] = ++serial_;
  return data;
}

void Arena::release(const Mark& mark) noexcept {
  SINEW_ASSERT(mark.in_total <= total_ && mark.live <= live_);
  block_ = mark.block;
  used_ = mark.used;
  total_ = mark.in_total;
  live_ = mark.live;
}

void Arena::merge_blocks() noexcept {
  if (total_ != 0 || blocks_.size() < 2) return;
  try {
    const std::size_t size = peak_ + peak_ / 8;  // ends of blocks were left unused
    blocks_.clear();
    blocks_.push_back(make_block(size));
  } catch (...) {
    blocks_.clear();  // the next allocation says so
  }
  block_ = 0;
  used_ = 0;
}

}  // namespace sinew
