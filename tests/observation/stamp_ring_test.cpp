// SPDX-License-Identifier: Apache-2.0
#include "sinew/observation/stamp_ring.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <map>

#include "test_seed.hpp"

using sinew::StampRing;
using sinew::Time;

TEST_CASE("stamp_ring: holds the last stamps in order, each in the slot it was given, as a deque does") {
  sinew::testing::Random random(63);
  for (int round = 0; round < 200; ++round) {
    const std::size_t capacity = random.below(9);
    StampRing ring(capacity);
    std::deque<std::pair<Time, std::size_t>> expected;
    Time now{};
    for (int i = 0; i < 60; ++i) {
      if (random.below(40) == 0) ring.clear(), expected.clear();
      const Time stamp = now + Time(static_cast<Time::rep>(random.below(5))) - Time(1);
      const std::size_t next = ring.next_slot();
      const auto slot = ring.push(stamp);
      REQUIRE(slot.has_value() == (capacity > 0 && (expected.empty() || stamp >= expected.back().first)));
      if (slot) {
        REQUIRE(*slot == next);
        now = stamp;
        expected.emplace_back(stamp, *slot);
        if (expected.size() > capacity) expected.pop_front();
      }
      REQUIRE(ring.size() == expected.size());
      const auto stamps = ring.stamps();
      REQUIRE(stamps.size() == expected.size());
      for (std::size_t k = 0; k < expected.size(); ++k) {
        REQUIRE(stamps[k] == expected[k].first);
        REQUIRE(ring.slot(k) == expected[k].second);
      }
      const Time wanted = now - Time(static_cast<Time::rep>(random.below(12)));
      std::optional<std::size_t> found;
      for (std::size_t k = 0; k < expected.size(); ++k)
        if (expected[k].first <= wanted) found = k;
      REQUIRE(ring.at_or_before(wanted) == found);
    }
  }
}

TEST_CASE("stamp_ring: no slot is handed out twice while its stamp is held") {
  StampRing ring(5);
  for (int i = 0; i < 23; ++i) {
    REQUIRE(ring.push(Time(i)));
    std::map<std::size_t, int> slots;
    for (std::size_t k = 0; k < ring.size(); ++k) CHECK(++slots[ring.slot(k)] == 1);
  }
}
