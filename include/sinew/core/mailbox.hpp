// SPDX-License-Identifier: Apache-2.0
// The latest value from one thread to another, without a lock and without waiting.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace sinew {

/// Three slots: the producer fills one, the consumer reads one, the third holds the latest value. One producer, one consumer; neither ever
/// waits; a value that nobody took makes room for the next. The slots are copies of a prototype, so that vectors keep their capacity.
template <class T>
class Mailbox {
 public:
  explicit Mailbox(const T& prototype = T()) : slots_{prototype, prototype, prototype} {}

  /// The producer's slot: to be filled, then published.
  [[nodiscard]] T& back() noexcept { return slots_[back_]; }
  void publish() noexcept {
    back_ = latest_.exchange(static_cast<std::uint8_t>(back_ | kFresh), std::memory_order_acq_rel) & kIndex;
    ++published_;
  }
  /// Values published so far; for the producer.
  [[nodiscard]] std::uint64_t published() const noexcept { return published_; }

  /// The newest value that was published since the last call, or null. Valid until the next call.
  [[nodiscard]] const T* take() noexcept {
    if ((latest_.load(std::memory_order_relaxed) & kFresh) == 0) return nullptr;
    front_ = latest_.exchange(front_, std::memory_order_acq_rel) & kIndex;
    return &slots_[front_];
  }

 private:
  static constexpr std::uint8_t kFresh = 4, kIndex = 3;

  std::array<T, 3> slots_;
  std::uint64_t published_ = 0;         // of the producer
  std::uint8_t back_ = 0;               // of the producer
  alignas(64) std::uint8_t front_ = 1;  // of the consumer
  alignas(64) std::atomic<std::uint8_t> latest_{2};
};

}  // namespace sinew
