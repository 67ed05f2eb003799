// SPDX-License-Identifier: Apache-2.0
// Records on their way to the thread that writes them: a ring of bytes that nobody waits for.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sinew::detail {

/// Many producers, one consumer. A producer claims a number and room for its bytes with one compare-and-swap, fills them, commits. What
/// finds no room is refused at once. The consumer gets records in the order of their numbers; a producer that sleeps between claim and
/// commit holds up the consumer, never another producer.
class RecordQueue {
 public:
  struct Claim {
    std::uint64_t number = 0;  // from 1; 0 = refused
    std::span<std::byte> bytes;
    explicit operator bool() const noexcept { return number != 0; }
  };

  /// At least so many bytes and records; both become powers of two. All memory is touched here.
  RecordQueue(std::size_t bytes, std::size_t records)
      : blocks_(static_cast<std::uint32_t>(std::bit_ceil((bytes + kBlock - 1) / kBlock))),
        memory_(std::size_t{blocks_} * kBlock),
        slots_(std::bit_ceil(records)) {}

  [[nodiscard]] Claim claim(std::size_t bytes) noexcept {
    if (bytes > memory_.size()) return {};
    const auto needed = static_cast<std::uint32_t>((bytes + kBlock - 1) / kBlock);
    std::uint64_t head = head_.load(std::memory_order_relaxed);
    for (;;) {
      const Mark from = unpack(head), done = unpack(done_.load(std::memory_order_acquire));
      const std::uint32_t place = from.block % blocks_;
      const std::uint32_t skipped = place + needed > blocks_ ? blocks_ - place : 0;  // a record lies in one piece
      const Mark to{from.record + 1, from.block + skipped + needed};
      const bool nothing_waits =
          from.record == done.record;  // then what is skipped is free, and any record that the ring can hold has room
      if (from.record - done.record >= slots_.size() || (to.block - done.block > blocks_ && !nothing_waits)) return {};
      if (!head_.compare_exchange_weak(head, pack(to), std::memory_order_relaxed)) continue;
      Slot& slot = slots_[from.record % slots_.size()];
      slot.bytes = std::span(memory_).subspan((from.block + skipped) % blocks_ * kBlock, bytes);
      slot.end = to.block;
      const std::uint64_t taken = taken_.load(std::memory_order_relaxed);
      return {taken + static_cast<std::uint32_t>(from.record - static_cast<std::uint32_t>(taken)) + 1, slot.bytes};
    }
  }
  void commit(const Claim& claim) noexcept {
    const auto record = static_cast<std::uint32_t>(claim.number);
    slots_[(record - 1) % slots_.size()].committed.store(record, std::memory_order_release);
  }

  /// The oldest record, or nothing while it is not there or not committed. For the consumer, as all below.
  [[nodiscard]] std::span<const std::byte> front() const noexcept {
    const std::uint64_t taken = taken_.load(std::memory_order_relaxed);
    const Slot& slot = slots_[taken % slots_.size()];
    const bool there = !empty() && slot.committed.load(std::memory_order_acquire) == static_cast<std::uint32_t>(taken + 1);
    return there ? std::span<const std::byte>(slot.bytes) : std::span<const std::byte>();
  }
  void pop() noexcept {
    const std::uint64_t taken = taken_.load(std::memory_order_relaxed);
    const std::uint32_t end = slots_[taken % slots_.size()].end;
    taken_.store(taken + 1, std::memory_order_relaxed);
    done_.store(pack({static_cast<std::uint32_t>(taken + 1), end}), std::memory_order_release);
  }
  /// Nothing is claimed that was not popped.
  [[nodiscard]] bool empty() const noexcept {
    return unpack(head_.load(std::memory_order_acquire)).record == static_cast<std::uint32_t>(taken_.load(std::memory_order_relaxed));
  }
  /// Largest record that can ever be claimed.
  [[nodiscard]] std::size_t capacity() const noexcept { return memory_.size(); }
  /// Records popped.
  [[nodiscard]] std::uint64_t taken() const noexcept { return taken_.load(std::memory_order_relaxed); }
  /// The newest number that was claimed.
  [[nodiscard]] std::uint64_t claimed() const noexcept {
    const std::uint64_t taken = taken_.load(std::memory_order_relaxed);
    return taken + static_cast<std::uint32_t>(unpack(head_.load(std::memory_order_acquire)).record - static_cast<std::uint32_t>(taken));
  }

 private:
  static constexpr std::size_t kBlock = 64;

  /// How many records, and how many blocks of bytes, modulo 2^32.
  struct Mark {
    std::uint32_t record = 0;
    std::uint32_t block = 0;
  };
  static std::uint64_t pack(Mark mark) noexcept { return std::uint64_t{mark.block} << 32 | mark.record; }
  static Mark unpack(std::uint64_t packed) noexcept {
    return {static_cast<std::uint32_t>(packed), static_cast<std::uint32_t>(packed >> 32)};
  }

  struct Slot {
    std::atomic<std::uint32_t> committed{0};  // low bits of the number of the record that is there
    std::uint32_t end = 0;                    // block behind it
    std::span<std::byte> bytes;
  };

  std::uint32_t blocks_;
  std::vector<std::byte> memory_;
  std::vector<Slot> slots_;
  alignas(64) std::atomic<std::uint64_t> head_{0};  // claimed
  alignas(64) std::atomic<std::uint64_t> done_{0};  // popped
  std::atomic<std::uint64_t> taken_{0};             // records popped, all bits
};

}  // namespace sinew::detail
