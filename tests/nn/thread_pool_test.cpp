// SPDX-License-Identifier: Apache-2.0
#include "../../src/backend/cpu/thread_pool.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

using sinew::ThreadPool;

namespace {

/// Counts how often each part was worked on; numbers that are not atomic show whether `run` waits for all of them.
struct Tally {
  explicit Tally(std::size_t parts) : counts(parts), plain(parts, 0) {}
  static void add(void* context, std::int64_t part) {
    auto& tally = *static_cast<Tally*>(context);
    ++tally.counts[static_cast<std::size_t>(part)];
    tally.plain[static_cast<std::size_t>(part)] += 1;
  }
  bool all(int times) const {
    return std::ranges::all_of(counts, [=](const auto& count) { return count.load() == times; }) &&
           std::ranges::all_of(plain, [=](int count) { return count == times; });
  }

  std::vector<std::atomic<int>> counts;
  std::vector<int> plain;
};

}  // namespace

TEST_CASE("thread pool: every part once, in many runs, on one to eight threads") {
  for (int threads = 1; threads <= 8; ++threads) {
    CAPTURE(threads);
    ThreadPool pool(threads);
    CHECK(pool.threads() == threads);
    bool right = true;
    for (const std::size_t parts : {1, 2, 3, 7, 8, 9, 64, 1000}) {
      const int runs = threads <= 2 ? 200 : 20;
      Tally tally(parts);
      for (int run = 1; run <= runs; ++run) {
        pool.run(static_cast<std::int64_t>(parts), &Tally::add, &tally);
        right = right && tally.all(run);
      }
    }
    CHECK(right);
  }
}

TEST_CASE("thread pool: no part is no work, and a run after workers fell asleep wakes them") {
  ThreadPool pool(3);
  Tally tally(5);
  pool.run(0, &Tally::add, &tally);
  CHECK(tally.all(0));
  for (int run = 1; run <= 5; ++run) {
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    pool.run(5, &Tally::add, &tally);
    CHECK(tally.all(run));
  }
}

TEST_CASE("thread pool: ends at once, whether it worked or not") {
  for (int i = 0; i < 50; ++i) {
    ThreadPool pool(4);
    Tally tally(4);
    if (i % 2 == 0) pool.run(4, &Tally::add, &tally);
    CHECK(tally.all(i % 2 == 0 ? 1 : 0));
  }
}
