// SPDX-License-Identifier: Apache-2.0
// Two threads and a mailbox: every word of every value that arrives is compared with what its counter says.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

#include "sinew/core/mailbox.hpp"

namespace sinew::testing {

inline constexpr std::size_t kMailboxWords = 64;
using MailboxValue = std::array<std::uint64_t, kMailboxWords>;

/// Word `index` of the value with this counter; word 0 is the counter. An odd factor per word: two counters share none of the others.
inline std::uint64_t mailbox_word(std::uint64_t counter, std::size_t index) noexcept {
  return index == 0 ? counter : (counter + index) * (0x9E3779B97F4A7C15ULL + 2 * index);
}

struct MailboxResult {
  std::uint64_t published = 0;
  std::uint64_t taken = 0;
  std::uint64_t torn = 0;       ///< values of which a word belongs to another
  std::uint64_t backwards = 0;  ///< values that are not newer than the one before
  std::uint64_t last = 0;       ///< counter of the last value that was taken
};

/// Publishes without pause until the consumer has taken `hand_overs` values or `limit` has passed, then one value more, which must arrive.
inline MailboxResult exchange(std::uint64_t hand_overs, std::chrono::nanoseconds limit) {
  Mailbox<MailboxValue> mailbox;
  std::atomic<bool> enough{false}, finished{false};
  MailboxResult result;
  std::thread producer([&] {
    const auto publish = [&mailbox] {
      const std::uint64_t counter = mailbox.published() + 1;
      for (std::size_t i = 0; i < kMailboxWords; ++i) mailbox.back()[i] = mailbox_word(counter, i);
      mailbox.publish();
    };
    while (!enough.load(std::memory_order_relaxed)) publish();
    publish();
    result.published = mailbox.published();
    finished.store(true, std::memory_order_release);
  });
  const auto look = [&] {
    const MailboxValue* value = mailbox.take();
    if (value == nullptr) return;
    const std::uint64_t counter = (*value)[0];
    bool whole = true;
    for (std::size_t i = 0; i < kMailboxWords; ++i) whole = whole && (*value)[i] == mailbox_word(counter, i);
    result.torn += whole ? 0 : 1;
    result.backwards += counter > result.last ? 0 : 1;
    result.last = counter;
    ++result.taken;
  };
  const auto end = std::chrono::steady_clock::now() + limit;
  while (result.taken < hand_overs && ((result.taken & 1023) != 0 || std::chrono::steady_clock::now() < end)) look();
  enough.store(true, std::memory_order_relaxed);
  while (!finished.load(std::memory_order_acquire)) look();
  look();
  producer.join();
  return result;
}

}  // namespace sinew::testing
