// SPDX-License-Identifier: Apache-2.0
// No stop of the filter is longer than the bounds say, and some come near them.
#include "sinew/motion/stopping.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "adversaries.hpp"
#include "sinew/core/error.hpp"
#include "sinew/motion/command_filter.hpp"

using namespace sinew;
using namespace sinew::testing;

TEST_CASE("stopping: no stop from any visited state is longer or farther than its bound") {
  const Time tick = std::chrono::milliseconds(2);
  Random random(12);
  double nearest_seconds = 0, nearest_distance = 0;
  for (int robot = 0; robot < 40; ++robot) {
    JointLimits limits = random_limits(4, random);
    for (std::size_t i = 0; i < 4; ++i) {  // room to reach full velocity
      limits.lower[i] -= 20;
      limits.upper[i] += 20;
    }
    const std::vector<StopBound> bounds = stop_bounds(limits, tick);
    CommandFilter filter(limits, tick);
    std::vector<double> q(4), target(4);
    for (std::size_t i = 0; i < 4; ++i) q[i] = 0.5 * (limits.lower[i] + limits.upper[i]);
    REQUIRE(filter.reset(q) == Status::ok);
    for (int k = 0; k < 3000; ++k) {
      if (k % 400 == 0)
        for (std::size_t i = 0; i < 4; ++i) target[i] = random.uniform(limits.lower[i], limits.upper[i]);
      (void)filter.step(target, q);
      if (k % 7 != 0) continue;
      std::vector<double> end(4), rate(4);
      for (std::size_t i = 0; i < 4; ++i) {
        REQUIRE(filter.along_stop(from_seconds(bounds[i].seconds), end, rate) == Status::ok);
        CHECK(std::abs(rate[i]) <= 1e-9 * limits.velocity[i]);
        const double way = std::abs(end[i] - q[i]);
        CHECK(way <= bounds[i].distance);
        nearest_distance = std::max(nearest_distance, way / bounds[i].distance);
      }
      double longest = 0;
      for (const StopBound& bound : bounds) longest = std::max(longest, bound.seconds);
      CHECK(to_seconds(filter.stop_time()) <= longest);
      nearest_seconds = std::max(nearest_seconds, to_seconds(filter.stop_time()) / longest);
    }
  }
  std::printf("stops reach %.3f of the time and %.3f of the distance of their bounds\n", nearest_seconds, nearest_distance);
  CHECK(nearest_seconds > 0.9);
  CHECK(nearest_distance > 0.9);
}

TEST_CASE("stopping: in figures that can be checked by hand") {
  const JointLimits limits{{"a"}, {-3}, {3}, {2}, {10}, {400}};
  const std::vector<StopBound> bounds = stop_bounds(limits, Time(1'000'000));
  // Letting go of 10 rad/s^2 takes 0.025 s; braking 0.2 + 0.025 s; four ticks.
  CHECK(bounds[0].seconds == doctest::Approx(0.025 + 0.225 + 0.004));
  CHECK(bounds[0].distance == doctest::Approx(2 * 0.025 - 400 * std::pow(0.025, 3) / 6 + 0.225 + 0.008));
  CHECK(describe_stops(limits, Time(1'000'000), Time(20'000'000)).find("a: stop within 0.254 s") == 0);
  CHECK_THROWS_AS((void)stop_bounds({{}, {-1}, {1}, {0}, {1}, {1}}, Time(1'000'000)), Error);
}
