// SPDX-License-Identifier: Apache-2.0
// Commands on their way from the control thread to whoever records them.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sinew/core/clock.hpp"

namespace sinew::detail {

/// A ring of rows for one producer and one consumer. Neither waits; a row that finds no room is counted and lost.
class CommandQueue {
 public:
  CommandQueue(std::size_t rows, std::size_t width) : width_(width), times_(rows), values_(rows * width) {}

  void push(Time time, std::span<const double> row) noexcept {
    const std::size_t end = end_.load(std::memory_order_relaxed);
    if (end - begin_.load(std::memory_order_acquire) == times_.size()) {
      lost_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    const std::size_t at = end % times_.size();
    times_[at] = time;
    std::copy_n(row.begin(), width_, values_.begin() + static_cast<std::ptrdiff_t>(at * width_));
    end_.store(end + 1, std::memory_order_release);
  }

  /// Calls `take(time, row)` for each row, the oldest first.
  template <class Take>
  void drain(const Take& take) noexcept {
    std::size_t begin = begin_.load(std::memory_order_relaxed);
    for (; begin != end_.load(std::memory_order_acquire); begin_.store(++begin, std::memory_order_release)) {
      const std::size_t at = begin % times_.size();
      take(times_[at], std::span<const double>(values_).subspan(at * width_, width_));
    }
  }

  /// Rows that were lost since the last call.
  [[nodiscard]] std::uint64_t take_lost() noexcept { return lost_.exchange(0, std::memory_order_relaxed); }

 private:
  std::size_t width_;
  std::vector<Time> times_;
  std::vector<double> values_;
  alignas(64) std::atomic<std::size_t> begin_{0};
  alignas(64) std::atomic<std::size_t> end_{0};
  std::atomic<std::uint64_t> lost_{0};
};

}  // namespace sinew::detail
