// SPDX-License-Identifier: Apache-2.0
// A ring of time stamps: which slot holds which moment, oldest to newest, without moving anything.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "sinew/core/clock.hpp"

namespace sinew {

/// The last `capacity` time stamps, each with the slot in which its owner keeps what belongs to it. Stamps do not decrease.
/// Allocates when it is made only.
class StampRing {
 public:
  explicit StampRing(std::size_t capacity) : capacity_(capacity), stamps_(2 * capacity) {}

  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Oldest to newest. Valid until the next push.
  [[nodiscard]] std::span<const Time> stamps() const noexcept { return std::span(stamps_).subspan(capacity_ == 0 ? 0 : slot(0), size_); }
  /// The slot of entry `i` of `stamps()`.
  [[nodiscard]] std::size_t slot(std::size_t i) const noexcept { return (next_ + capacity_ - size_ + i) % capacity_; }
  /// The slot that the next push gives.
  [[nodiscard]] std::size_t next_slot() const noexcept { return next_; }
  /// The slot for a new stamp, whose former content is the oldest; empty when `stamp` is before the newest or there is no slot.
  [[nodiscard]] std::optional<std::size_t> push(Time stamp) noexcept {
    if (capacity_ == 0 || (size_ > 0 && stamp < stamps().back())) return std::nullopt;
    const std::size_t slot = next_;
    stamps_[slot] = stamps_[slot + capacity_] = stamp;  // twice, so that any window of the ring is contiguous
    next_ = (next_ + 1) % capacity_;
    size_ = std::min(size_ + 1, capacity_);
    return slot;
  }
  /// The newest entry at or before `time`, as an index of `stamps()`; of equal stamps the last that came.
  [[nodiscard]] std::optional<std::size_t> at_or_before(Time time) const noexcept {
    const auto all = stamps();
    const auto after = std::upper_bound(all.begin(), all.end(), time);
    if (after == all.begin()) return std::nullopt;
    return static_cast<std::size_t>(after - all.begin()) - 1;
  }
  void clear() noexcept { size_ = 0; }

 private:
  std::size_t capacity_;
  std::size_t size_ = 0;
  std::size_t next_ = 0;      // slot of the next stamp
  std::vector<Time> stamps_;  // [2 * capacity], each stamp in both halves
};

}  // namespace sinew
