// SPDX-License-Identifier: Apache-2.0
// The watchdog's decision under a virtual clock, rule by rule.
#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "sinew/motion/watchdog.hpp"

using namespace sinew;
using namespace std::chrono_literals;

namespace {

constexpr Time kStart = 1000s;

/// A controller and its observer at 1 kHz; the controller's beat comes a little before the look.
struct Bench {
  WatchdogRule rule{{}};
  Time now = kStart;
  Beat beat{.sequence = 1, .time = kStart, .action = 1, .horizon_end = kStart + 100s, .valid = true, .holding = false};

  /// A look at the same beat as before.
  WatchdogState same() {
    now += 1ms;
    return rule.look(now, {Sight::beat, beat});
  }
  /// A look at a new beat of 100 us ago.
  WatchdogState fresh() {
    ++beat.sequence;
    beat.time = now + 900us;
    return same();
  }
  WatchdogState sight(Sight what) {
    now += 1ms;
    return rule.look(now, {what, {}});
  }
  /// Looks without a new beat until it trips; how many.
  template <class Next>
  int looks_until_trip(Next next) {
    for (int looks = 1; looks <= 200; ++looks)
      if (next() == WatchdogState::tripped) return looks;
    return -1;
  }
};

}  // namespace

TEST_CASE("watchdog rule: waits for the first beat that counts, and is armed by it") {
  Bench bench;
  CHECK(bench.rule.state() == WatchdogState::waiting);
  for (const Sight sight : {Sight::absent, Sight::malformed, Sight::torn, Sight::disarmed})
    for (int i = 0; i < 100; ++i) CHECK(bench.sight(sight) == WatchdogState::waiting);
  bench.beat.valid = false;
  for (int i = 0; i < 100; ++i) CHECK(bench.fresh() == WatchdogState::waiting);
  bench.beat.valid = true;
  bench.beat.horizon_end = kStart;
  CHECK(bench.fresh() == WatchdogState::waiting);
  bench.beat.horizon_end = kStart + 100s;
  CHECK(bench.fresh() == WatchdogState::armed);
}

TEST_CASE("watchdog rule: what a process left behind does not arm it") {
  Bench bench;
  bench.now = kStart + 19'999'999ns;
  bench.beat.time = kStart;
  Bench older = bench;
  older.now += 1ns;
  CHECK(bench.rule.look(bench.now, {Sight::beat, bench.beat}) == WatchdogState::armed);
  CHECK(older.rule.look(older.now, {Sight::beat, older.beat}) == WatchdogState::waiting);
}

TEST_CASE("watchdog rule: silence trips at the second look at which the beat is 20 ms old") {
  Bench bench;
  REQUIRE(bench.fresh() == WatchdogState::armed);
  // The beat is 0.1 ms old at the look that found it: 20.1 ms after 20 looks, and one look more.
  CHECK(bench.looks_until_trip([&] { return bench.same(); }) == 21);
  CHECK(bench.rule.trip().reason == TripReason::silent);
  CHECK(bench.rule.trip().at - bench.rule.trip().last_beat == 21'100us);
  CHECK(bench.rule.trip().sequence == bench.beat.sequence);
}

TEST_CASE("watchdog rule: a beat at the last moment is in time") {
  Bench bench;
  bench.fresh();
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 20; ++i) REQUIRE(bench.same() == WatchdogState::armed);
    REQUIRE(bench.fresh() == WatchdogState::armed);
  }
}

TEST_CASE("watchdog rule: its own late looks do not trip it") {
  Bench bench;
  bench.fresh();
  // It slept for a second, and the controller did not.
  bench.now += 1s;
  CHECK(bench.fresh() == WatchdogState::armed);
  // It slept for a second together with the controller, which beats before the next look.
  bench.now += 1s;
  CHECK(bench.same() == WatchdogState::armed);
  CHECK(bench.fresh() == WatchdogState::armed);
  // Both slept, and the controller does not come back.
  SUBCASE("its last beat was seen before") {
    bench.now += 1s;
    CHECK(bench.same() == WatchdogState::armed);
  }
  SUBCASE("its last beat is found late") {
    ++bench.beat.sequence;
    bench.beat.time = bench.now + 1ms;
    bench.now += 1s;
    CHECK(bench.same() == WatchdogState::armed);
  }
  CHECK(bench.same() == WatchdogState::tripped);
  CHECK(bench.rule.trip().reason == TripReason::silent);
}

TEST_CASE("watchdog rule: beats without valid content are silence") {
  Bench bench;
  bench.fresh();
  bench.beat.valid = false;
  CHECK(bench.looks_until_trip([&] { return bench.fresh(); }) == 21);
  CHECK(bench.rule.trip().reason == TripReason::invalid);
}

TEST_CASE("watchdog rule: one valid beat in time is enough") {
  Bench bench;
  bench.fresh();
  for (int i = 0; i < 1000; ++i) {
    bench.beat.valid = i % 20 == 19;
    REQUIRE(bench.fresh() == WatchdogState::armed);
  }
}

TEST_CASE("watchdog rule: an action beyond its horizon is silence, unless the robot holds") {
  Bench bench;
  bench.fresh();
  bench.beat.action = 2;
  bench.beat.horizon_end = bench.now + 50'900us;  // the fifty-first of the following beats is exactly at the end
  for (int i = 0; i < 51; ++i) REQUIRE(bench.fresh() == WatchdogState::armed);
  SUBCASE("it goes on") {
    CHECK(bench.looks_until_trip([&] { return bench.fresh(); }) == 21);
    CHECK(bench.rule.trip().reason == TripReason::expired);
  }
  SUBCASE("it goes on and moves the end of the same action") {
    bench.beat.horizon_end += 10s;
    CHECK(bench.looks_until_trip([&] { return bench.fresh(); }) == 21);
    CHECK(bench.rule.trip().reason == TripReason::expired);
  }
  SUBCASE("it holds, and then follows a new one") {
    bench.beat.holding = true;
    for (int i = 0; i < 1000; ++i) REQUIRE(bench.fresh() == WatchdogState::armed);
    bench.beat = {bench.beat.sequence, bench.beat.time, 3, bench.now + 1s, true, false};
    for (int i = 0; i < 1000; ++i) REQUIRE(bench.fresh() == WatchdogState::armed);
  }
  SUBCASE("it holds, and begins an action of the same number again") {
    bench.beat.holding = true;
    REQUIRE(bench.fresh() == WatchdogState::armed);
    bench.beat.holding = false;
    bench.beat.horizon_end = bench.now + 1s;
    for (int i = 0; i < 1000; ++i) REQUIRE(bench.fresh() == WatchdogState::armed);
  }
}

TEST_CASE("watchdog rule: no action is believed for longer than the option says") {
  Bench bench;
  bench.rule = WatchdogRule({.longest_action = 500ms});
  bench.beat.horizon_end = Time::max();
  REQUIRE(bench.fresh() == WatchdogState::armed);  // seen at `now`; the beat is 0.1 ms younger than that
  for (int i = 0; i < 500; ++i) REQUIRE(bench.fresh() == WatchdogState::armed);
  CHECK(bench.looks_until_trip([&] { return bench.fresh(); }) == 21);
  CHECK(bench.rule.trip().reason == TripReason::expired);
}

TEST_CASE("watchdog rule: times that are not the clock's count as silence") {
  for (const Time wrong : {Time::min(), Time(-1), Time(0), Time::max(), kStart + 100s, kStart - 1s}) {
    CAPTURE(wrong.count());
    Bench bench;
    bench.fresh();
    const int looks = bench.looks_until_trip([&] {
      ++bench.beat.sequence;
      bench.beat.time = wrong;
      return bench.same();
    });
    CHECK(looks == 21);
    CHECK(bench.rule.trip().reason == TripReason::wrong_time);
  }
}

TEST_CASE("watchdog rule: a beat of the near future is as old as the look that found it") {
  Bench bench;
  bench.fresh();
  ++bench.beat.sequence;
  bench.beat.time = bench.now + 21ms;
  CHECK(bench.same() == WatchdogState::armed);
  CHECK(bench.looks_until_trip([&] { return bench.same(); }) == 21);
  CHECK(bench.rule.trip().reason == TripReason::silent);
}

TEST_CASE("watchdog rule: a sequence that stands or goes back is no beat") {
  for (const std::uint64_t back : {0, 1, 1000}) {
    Bench bench;
    bench.beat.sequence = 5000;
    bench.fresh();
    const std::uint64_t sequence = bench.beat.sequence - back;
    const int looks = bench.looks_until_trip([&] {
      bench.fresh();
      bench.beat.sequence = sequence - 1;
      return bench.rule.state();
    });
    CHECK(looks >= 20);
    CHECK(looks <= 22);
    CHECK(bench.rule.trip().reason == TripReason::silent);
  }
}

TEST_CASE("watchdog rule: a segment that vanishes or breaks trips at once, a clean end never") {
  for (const auto& [sight, reason] : {std::pair{Sight::absent, TripReason::vanished}, {Sight::malformed, TripReason::malformed}}) {
    Bench bench;
    bench.fresh();
    CHECK(bench.sight(sight) == WatchdogState::tripped);
    CHECK(bench.rule.trip().reason == reason);
  }
  Bench bench;
  bench.fresh();
  CHECK(bench.sight(Sight::disarmed) == WatchdogState::waiting);
  for (int i = 0; i < 100; ++i) CHECK(bench.sight(Sight::absent) == WatchdogState::waiting);
  bench.beat.sequence = 0;  // another process
  CHECK(bench.fresh() == WatchdogState::armed);
}

TEST_CASE("watchdog rule: a writer that died in the middle of a beat is silent") {
  Bench bench;
  bench.fresh();
  CHECK(bench.looks_until_trip([&] { return bench.sight(Sight::torn); }) == 21);
  CHECK(bench.rule.trip().reason == TripReason::silent);
}

TEST_CASE("watchdog rule: a trip stays until it is armed again") {
  Bench bench;
  bench.fresh();
  bench.sight(Sight::absent);
  for (int i = 0; i < 100; ++i) CHECK(bench.fresh() == WatchdogState::tripped);
  CHECK(bench.sight(Sight::disarmed) == WatchdogState::tripped);
  bench.rule.rearm();
  CHECK(bench.rule.state() == WatchdogState::waiting);
  CHECK(bench.fresh() == WatchdogState::armed);
  bench.rule.rearm();
  CHECK(bench.rule.state() == WatchdogState::armed);
}
