// SPDX-License-Identifier: Apache-2.0
#include "sinew/backend/cpu/arena.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <utility>
#include <vector>

#include "sinew/testing/no_alloc.hpp"
#include "test_seed.hpp"

using namespace sinew;
using namespace sinew::testing;

namespace {

struct Held {
  std::byte* data;
  std::size_t size;
  std::uint8_t filler;
  Arena::Mark before;
};

bool intact(const Held& held) {
  for (std::size_t i = 0; i < held.size; ++i)
    if (held.data[i] != std::byte{held.filler}) return false;
  return true;
}

}  // namespace

TEST_CASE("arena: memory is aligned, and nobody else's") {
  Random random(7);
  Arena arena;
  std::vector<Held> held;
  for (int step = 0; step < 3000; ++step) {
    if (!held.empty() && random.below(3) == 0) {
      const std::size_t first = random.below(held.size());
      for (const Held& one : held) REQUIRE(intact(one));
      arena.release(held[first].before);
      held.resize(first);
      if (held.empty()) arena.merge_blocks();
      continue;
    }
    const std::size_t size = random.below(50) == 0 ? random.below(3U << 20) : random.below(5000);
    const Arena::Mark before = arena.mark();
    std::byte* const data = arena.allocate(size);
    REQUIRE(reinterpret_cast<std::uintptr_t>(data) % Arena::kAlignment == 0);
    held.push_back({data, size, static_cast<std::uint8_t>(step), before});
    if (size > 0) std::memset(data, step & 0xff, size);
    REQUIRE(arena.live() == held.size());
  }
  for (const Held& one : held) CHECK(intact(one));
}

TEST_CASE("arena: what was given back is not live, even when its place is taken again") {
  Arena arena;
  (void)arena.allocate(10);
  const std::uint64_t outer = arena.serial();
  const Arena::Mark mark = arena.mark();
  (void)arena.allocate(10);
  const std::uint64_t inner = arena.serial();
  CHECK(arena.is_live(0, outer));
  CHECK(arena.is_live(1, inner));
  arena.release(mark);
  CHECK(arena.is_live(0, outer));
  CHECK_FALSE(arena.is_live(1, inner));
  (void)arena.allocate(10);
  CHECK_FALSE(arena.is_live(1, inner));
  CHECK(arena.is_live(1, arena.serial()));
}

TEST_CASE("arena: the second pass of a shape finds one block that holds all, and peak counts what was in use at once") {
  Arena arena;
  const auto pass = [&arena] {
    const Arena::Mark mark = arena.mark();
    for (const std::size_t size : {900U << 10, 700U << 10, 64U, 2U << 20, 1U}) (void)arena.allocate(size);
    const std::size_t used = arena.used();
    arena.release(mark);
    arena.merge_blocks();
    return used;
  };
  const std::size_t used = pass();
  CHECK(used == (900U << 10) + (700U << 10) + 64 + (2U << 20) + 64);
  CHECK(arena.peak() == used);
  CHECK(arena.used() == 0);
  const HeapCallCounter counter;
  const std::size_t again = pass() + pass();
  CHECK(counter.count() == 0);
  CHECK(again == 2 * used);
  CHECK(arena.peak() == used);
}

TEST_CASE("arena: blocks stay while something is in use") {
  Arena arena;
  std::byte* const kept = arena.allocate(100);
  std::memset(kept, 42, 100);
  const Arena::Mark mark = arena.mark();
  (void)arena.allocate(5U << 20);
  arena.release(mark);
  arena.merge_blocks();
  CHECK(intact({kept, 100, 42, {}}));
}
