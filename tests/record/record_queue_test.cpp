// SPDX-License-Identifier: Apache-2.0
// RecordQueue and FramePool: what many producers put in comes out once, whole and in the order of its numbers; what is full says so.
#include "record_queue.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "frame_pool.hpp"
#include "sinew/testing/no_alloc.hpp"
#include "test_seed.hpp"

using sinew::detail::FramePool;
using sinew::detail::RecordQueue;

namespace {

/// A record of `size` bytes that can be told from every other: producer, count, then bytes that follow from them.
struct Stamp {
  std::uint32_t producer = 0;
  std::uint32_t count = 0;
};

void fill(std::span<std::byte> bytes, Stamp stamp) {
  std::memcpy(bytes.data(), &stamp, sizeof stamp);
  for (std::size_t i = sizeof stamp; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::byte>(stamp.producer * 31 + stamp.count * 7 + static_cast<std::uint32_t>(i));
}

bool is_whole(std::span<const std::byte> bytes, Stamp& stamp) {
  std::memcpy(&stamp, bytes.data(), sizeof stamp);
  for (std::size_t i = sizeof stamp; i < bytes.size(); ++i)
    if (bytes[i] != static_cast<std::byte>(stamp.producer * 31 + stamp.count * 7 + static_cast<std::uint32_t>(i))) return false;
  return true;
}

}  // namespace

TEST_CASE("record queue: records come out in order, whole, at every place of the ring") {
  RecordQueue queue(1024, 8);
  sinew::testing::Random random(1);
  std::uint32_t in = 0, out = 0;
  std::vector<std::size_t> sizes;
  for (int round = 0; round < 20000; ++round) {
    const std::size_t size = 8 + random.bits() % 300;
    if (const auto claim = queue.claim(size)) {
      CHECK(claim.number == in + 1);
      CHECK(claim.bytes.size() == size);
      fill(claim.bytes, {0, in++});
      queue.commit(claim);
      sizes.push_back(size);
    }
    if (random.bits() % 2 == 0) {
      const auto front = queue.front();
      if (front.empty()) continue;
      Stamp stamp;
      REQUIRE(is_whole(front, stamp));
      REQUIRE(stamp.count == out);
      REQUIRE(front.size() == sizes[out]);
      ++out;
      queue.pop();
    }
  }
  CHECK(out > 5000);
  CHECK(queue.claimed() == in);
  CHECK(queue.taken() == out);
}

TEST_CASE("record queue: what does not fit is refused, and what comes after it is not") {
  RecordQueue queue(1024, 4);
  CHECK_FALSE(queue.claim(1025));
  const auto whole = queue.claim(1024);
  CHECK(whole);
  CHECK_FALSE(queue.claim(1));  // not committed yet, but taken
  CHECK(queue.front().empty());
  queue.commit(whole);
  CHECK(queue.front().size() == 1024);
  queue.pop();
  for (std::uint64_t number = 2; number <= 5; ++number) {
    const auto claim = queue.claim(8);
    REQUIRE(claim.number == number);
    queue.commit(claim);
  }
  CHECK_FALSE(queue.claim(8));  // four records, though bytes are left
  queue.pop();
  CHECK(queue.claim(8).number == 6);
}

TEST_CASE("record queue: a record that is claimed and not committed holds up the consumer, no producer") {
  RecordQueue queue(1024, 8);
  const auto slow = queue.claim(16), quick = queue.claim(16);
  queue.commit(quick);
  CHECK(queue.front().empty());
  CHECK_FALSE(queue.empty());
  fill(slow.bytes, {1, 1});
  queue.commit(slow);
  Stamp stamp;
  CHECK(is_whole(queue.front(), stamp));
  CHECK(stamp.producer == 1);
}

TEST_CASE("record queue: four producers and a consumer; nothing is lost, torn, doubled or out of order, and refusals are counted") {
  REQUIRE(sinew::testing::counting_works());
  constexpr std::uint32_t kProducers = 4, kRecords = 40000;
  RecordQueue queue(std::size_t{1} << 14, 256);
  std::atomic<std::uint64_t> refused{0}, calls{0};
  std::atomic<std::uint32_t> running{kProducers};
  std::vector<std::thread> producers;
  for (std::uint32_t producer = 0; producer < kProducers; ++producer)
    producers.emplace_back([&, producer] {
      sinew::testing::Random random(producer);
      const sinew::testing::HeapCallCounter heap;
      const sinew::testing::LockCallCounter locks;
      for (std::uint32_t count = 0; count < kRecords; ++count) {
        const auto claim = queue.claim(8 + random.bits() % 120);
        if (!claim) {
          refused.fetch_add(1);
          std::this_thread::yield();
          continue;
        }
        fill(claim.bytes, {producer, count});
        queue.commit(claim);
      }
      calls.fetch_add(heap.count() + locks.count());
      running.fetch_sub(1);
    });
  std::vector<std::int64_t> latest(kProducers, -1);
  std::uint64_t received = 0, wrong = 0;
  while (running.load() > 0 || !queue.empty()) {
    const auto front = queue.front();
    if (front.empty()) {
      std::this_thread::yield();
      continue;
    }
    Stamp stamp;
    if (!is_whole(front, stamp) || stamp.count <= latest[stamp.producer]) ++wrong;
    latest[stamp.producer] = stamp.count;
    ++received;
    queue.pop();
  }
  for (auto& producer : producers) producer.join();
  CHECK(wrong == 0);
  CHECK(calls.load() == 0);
  CHECK(received + refused.load() == std::uint64_t{kProducers} * kRecords);
  CHECK(queue.claimed() == received);
  MESSAGE(received, " received, ", refused.load(), " refused");
}

TEST_CASE("frame pool: lends what is free, keeps memory, and takes no more than its share") {
  FramePool pool(100000);
  const int a = pool.take(40000, false), b = pool.take(40000, false);
  REQUIRE(a >= 0);
  REQUIRE(b >= 0);
  CHECK(a != b);
  CHECK(pool.take(40000, false) == -1);  // 120,000 bytes
  pool[a].image.resize(100, 100, 3);
  pool.give_back(a);
  {
    REQUIRE(sinew::testing::counting_works());
    const sinew::testing::HeapCallCounter heap;
    CHECK(pool.take(40000, false) == a);
    CHECK(heap.count() == 0);
  }
  pool.give_back(a);
  pool.give_back(b);
  CHECK(pool.take(200000, false) == -1);
  CHECK(pool.take(1000, true) >= 0);
}
