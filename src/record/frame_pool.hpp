// SPDX-License-Identifier: Apache-2.0
// Memory for camera frames on their way to the thread that writes them.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

#include "sinew/core/observation.hpp"

namespace sinew::detail {

/// Frames that are lent and given back, from any thread, without a lock. They keep their memory, so that after the first frames of a size
/// nothing is allocated; together they take at most `bytes`.
class FramePool {
 public:
  explicit FramePool(std::size_t bytes) : budget_(bytes), entries_(kFrames) {}

  /// A frame with room for so many bytes of JPEG, or of pixels; -1 when the pool is used up.
  [[nodiscard]] int take(std::size_t bytes, bool jpeg) noexcept {
    const int known = grown_.load(std::memory_order_acquire);
    int spare = -1;
    for (int i = 0; i < known; ++i) {
      if (!lock(i)) continue;
      if (room(i, jpeg) >= bytes) {
        if (spare >= 0) give_back(spare);
        return i;
      }
      if (spare < 0)
        spare = i;
      else
        give_back(i);
    }
    if (spare < 0) spare = take_new(known);
    return spare < 0 ? -1 : grow(spare, bytes, jpeg);
  }
  void give_back(int index) noexcept { entry(index).lent.store(false, std::memory_order_release); }
  /// The frame that was lent; its name means nothing.
  [[nodiscard]] CameraFrame& operator[](int index) noexcept { return entry(index).frame; }
  /// What was swapped into a lent frame has room for so much.
  void set_room(int index, std::size_t bytes, bool jpeg) noexcept { room(index, jpeg) = bytes; }

 private:
  static constexpr int kFrames = 1024;

  struct Entry {
    std::atomic<bool> lent{false};
    CameraFrame frame;
    std::size_t pixels = 0;  // room for
    std::size_t jpeg = 0;
  };

  [[nodiscard]] Entry& entry(int index) noexcept { return entries_[static_cast<std::size_t>(index)]; }
  [[nodiscard]] std::size_t& room(int index, bool jpeg) noexcept { return jpeg ? entry(index).jpeg : entry(index).pixels; }
  [[nodiscard]] bool lock(int index) noexcept {
    std::atomic<bool>& lent = entry(index).lent;
    return !lent.load(std::memory_order_relaxed) && !lent.exchange(true, std::memory_order_acquire);
  }
  /// An entry that was never lent, from `first` on.
  [[nodiscard]] int take_new(int first) noexcept {
    for (int i = first; i < kFrames; ++i) {
      if (!lock(i)) continue;
      int seen = grown_.load(std::memory_order_relaxed);
      while (seen <= i && !grown_.compare_exchange_weak(seen, i + 1, std::memory_order_acq_rel)) {
      }
      return i;
    }
    return -1;
  }
  /// JPEGs of one camera differ in size: room for more than this one needs.
  int grow(int index, std::size_t bytes, bool jpeg) noexcept {
    const std::size_t before = room(index, jpeg), size = jpeg ? std::max(2 * bytes, std::size_t{1} << 14) : bytes;
    const std::size_t more = size - std::min(size, before);
    bool good = allocated_.fetch_add(more, std::memory_order_relaxed) + more <= budget_;
    try {
      if (good && jpeg) entry(index).frame.jpeg.reserve(size);
      if (good && !jpeg) entry(index).frame.image.reserve(size);
    } catch (const std::bad_alloc&) {
      good = false;
    }
    if (good) {
      room(index, jpeg) = size;
      return index;
    }
    allocated_.fetch_sub(more, std::memory_order_relaxed);
    give_back(index);
    return -1;
  }

  std::size_t budget_;
  std::vector<Entry> entries_;
  std::atomic<int> grown_{0};  // entries that were ever lent lie below
  std::atomic<std::size_t> allocated_{0};
};

}  // namespace sinew::detail
