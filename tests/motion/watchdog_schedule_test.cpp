// SPDX-License-Identifier: Apache-2.0
// The watchdog's decision under a virtual clock: many schedules against a list of all beats, and the options' ranges.
#include <doctest/doctest.h>

#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/motion/watchdog.hpp"
#include "test_seed.hpp"

using namespace sinew;
using namespace std::chrono_literals;
using sinew::testing::Random;

namespace {

constexpr Time kStart = 1000s;

/// One controller and one observer with times of their own choice; what trips, and when, follows from the list of beats alone.
class Schedule {
 public:
  explicit Schedule(Random& random)
      : random_(random),
        period_(std::chrono::microseconds(500 + random.below(1500))),
        timeout_(2 * period_ + std::chrono::microseconds(random.below(30000))),
        rule_({.timeout = timeout_, .period = period_}) {
    beat_.sequence = random_.below(1000);
    REQUIRE(rule_.look(now_, {Sight::beat, beat_}) == WatchdogState::armed);
  }

  /// False when it tripped.
  bool step() {
    // The observer sleeps for one period, or oversleeps; the controller beats, beats without content, or is silent.
    const Time earlier = now_;
    now_ += random_.below(50) == 0 ? some_of(3 * timeout_) : period_;
    const std::uint64_t kind = random_.below(100);
    if (kind < 20) {
      beat_ = {beat_.sequence + 1, earlier + some_of(now_ - earlier), 1, kStart + 100s, kind < 12, false};
      if (beat_.valid) counted_.push_back(beat_.time);
    }
    Time newest = counted_.front();
    for (const Time time : counted_) newest = time > newest ? time : newest;
    const bool stale = now_ - newest >= timeout_, expected = stale && stale_before_;
    stale_before_ = stale;
    REQUIRE((rule_.look(now_, {Sight::beat, beat_}) == WatchdogState::tripped) == expected);
    if (expected) CHECK_UNARY(rule_.trip().at == now_ && rule_.trip().last_beat == newest);
    return !expected;
  }

 private:
  Time some_of(Time length) { return Time(static_cast<Time::rep>(random_.below(static_cast<std::uint64_t>(length.count()) + 1))); }

  Random& random_;
  Time period_, timeout_, now_ = kStart;
  WatchdogRule rule_;
  Beat beat_{.sequence = 0, .time = kStart, .action = 1, .horizon_end = kStart + 100s, .valid = true, .holding = false};
  std::vector<Time> counted_{kStart};
  bool stale_before_ = false;
};

}  // namespace

TEST_CASE("watchdog rule: every schedule trips exactly where a list of all beats says") {
  Random random(1);
  CAPTURE(sinew::testing::seed());
  int trips = 0;
  for (int schedule = 0; schedule < 20000; ++schedule) {
    Schedule one(random);
    int steps = 0;
    while (steps < 200 && one.step()) ++steps;
    trips += steps < 200 ? 1 : 0;
  }
  CHECK(trips > 1000);
  CHECK(trips < 20000);
}

TEST_CASE("watchdog rule: options outside their ranges are refused in words") {
  CHECK_THROWS_AS(WatchdogRule({.timeout = 999us}), Error);
  CHECK_THROWS_AS(WatchdogRule({.timeout = 1001ms}), Error);
  CHECK_THROWS_AS(WatchdogRule({.timeout = 10ms, .period = 5001us}), Error);
  CHECK_THROWS_AS(WatchdogRule({.period = 99us}), Error);
  CHECK_THROWS_AS(WatchdogRule({.longest_action = Time(0)}), Error);
  CHECK_THROWS_WITH(WatchdogRule({.timeout = Time(0)}), "[WatchdogOptions] timeout: expected 1 ms to 1000 ms, got 0 ms");
  CHECK_NOTHROW(WatchdogRule({.timeout = 1ms, .period = 500us}));
  CHECK_NOTHROW(WatchdogRule({.timeout = 1s, .period = 500ms}));
}
