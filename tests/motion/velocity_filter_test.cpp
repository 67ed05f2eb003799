// SPDX-License-Identifier: Apache-2.0
// Velocity commands of a base stay within velocity, acceleration and jerk, whatever is asked; and come to what is asked, and to rest.
#include "sinew/motion/velocity_filter.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <vector>

#include "adversaries.hpp"
#include "sinew/core/error.hpp"
#include "sinew/motion/command_filter.hpp"
#include "sinew/testing/no_alloc.hpp"

using namespace sinew;
using namespace sinew::testing;

namespace {

const Time kTick = std::chrono::milliseconds(2);
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

VelocityLimits base() { return {{"forward", "sideways", "turn"}, {1.5, 0.8, 2}, {2, 1.5, 6}, {20, 15, 80}}; }

/// Excess of one tick over the limits, in long double: a constant jerk joins the two states. Ticks that vary may change the jerk within;
/// then the mean jerk is judged, and a ramp that ended within ended at its extreme.
long double excess(const VelocityLimits& limits, std::size_t i, const double (&from)[2], const double (&to)[2], double dt, bool constant) {
  const long double v0 = from[0], a0 = from[1], v1 = to[0], a1 = to[1], t = dt, jerk = (a1 - a0) / t;
  long double worst =
      std::max({std::fabs(jerk) / limits.jerk[i], std::fabs(a1) / limits.acceleration[i], std::fabs(v1) / limits.velocity[i]}) - 1;
  const long double miss = std::fabs(v1 - (v0 + (a0 + a1) * t / 2));
  worst = std::max(worst, constant ? miss / limits.velocity[i] - 1e-12L : miss / (limits.jerk[i] * t * t / 2) - 1);
  const long double turn = jerk == 0 ? 0 : -a0 / jerk;
  if (turn > 0 && turn < t && (constant || a1 != 0)) worst = std::max(worst, std::fabs(v0 + a0 * turn / 2) / limits.velocity[i] - 1);
  return worst;
}

}  // namespace

TEST_CASE("velocity filter: no adversary leaves the limits, and from every state it comes to rest") {
  long double worst = -1;
  long steps = 0;
  std::uint64_t stream = 0;
  for (const bool constant : {true, false})
    for (const Adversary& adversary : joint_adversaries())
      for (const Time tick :
           {Time(std::chrono::microseconds(500)), Time(std::chrono::milliseconds(5)), Time(std::chrono::milliseconds(40))}) {
        CAPTURE(adversary.name);
        CAPTURE(tick.count());
        Random random(++stream);
        const JointLimits joints = random_limits(3, random);
        const VelocityLimits limits{{}, joints.velocity, joints.acceleration, joints.jerk};
        JointLimits range = joints;  // what the adversaries take for the range of a target: beyond the velocity limit
        for (std::size_t i = 0; i < 3; ++i) {
          range.lower[i] = -1.3 * limits.velocity[i];
          range.upper[i] = 1.3 * limits.velocity[i];
        }
        VelocityFilter filter(limits, tick);
        REQUIRE(filter.reset() == Status::ok);
        std::vector<double> target(3, 0.0), out(3, 0.0);
        const auto step = [&](VelocityFilter& moved, Time dt) {
          const std::vector<double> v(moved.velocity().begin(), moved.velocity().end()),
              a(moved.acceleration().begin(), moved.acceleration().end());
          (void)moved.step(target, dt, out);
          for (std::size_t i = 0; i < 3; ++i, ++steps) {
            CHECK(std::isfinite(out[i]));
            worst =
                std::max(worst, excess(limits, i, {v[i], a[i]}, {out[i], moved.acceleration()[i]}, to_seconds(dt), dt == tick && constant));
          }
        };
        for (long k = 0; k < 600; ++k) {
          const Time dt = constant ? tick
                                   : std::clamp(Time(static_cast<Time::rep>(static_cast<double>(tick.count()) * random.uniform(0.5, 2))),
                                                CommandFilter::kMinTick, CommandFilter::kMaxTick);
          for (std::size_t i = 0; i < 3; ++i) {
            Victim victim{range,
                          i,
                          k,
                          to_seconds(dt),
                          to_seconds(tick),
                          static_cast<double>(k) * to_seconds(tick),
                          filter.velocity()[i],
                          filter.acceleration()[i],
                          0,
                          target[i],
                          random,
                          filter.velocity(),
                          filter.acceleration()};
            target[i] = adversary.target(victim);
          }
          step(filter, dt);
          if (k % 50 != 49) continue;
          VelocityFilter copy = filter;
          copy.stop();
          for (int j = 0; j < 200000 && !copy.at_rest(); ++j) step(copy, tick);
          CHECK(copy.at_rest());
        }
      }
  std::printf("velocity filter: %ld axis steps, worst excess %.1Le\n", steps, worst);
  CHECK(worst <= 1e-12L);
}

TEST_CASE("velocity filter: reaches a velocity near the time optimum, without overshoot, and stays to the bit") {
  const VelocityLimits limits = base();
  for (const Time tick : {Time(std::chrono::milliseconds(2)), Time(std::chrono::milliseconds(20))}) {
    VelocityFilter filter(limits, tick);
    REQUIRE(filter.reset() == Status::ok);
    std::vector<double> out(3);
    const std::vector<double> target{1.2, -0.5, 2.0};
    int ticks = 0;
    double most = 0;
    while (std::abs(out[0] - 1.2) > 1e-3 && ticks < 10000) {
      REQUIRE(filter.step(target, out) == Status::ok);
      most = std::max(most, out[0]);
      ++ticks;
    }
    // From rest to v at acceleration A and jerk J: v / A + A / J.
    const double optimum = 1.2 / 2 + 2.0 / 20;
    std::printf("1.2 m/s within a millimetre per second after %.3f of the optimum, tick %.0f ms\n", ticks * to_seconds(tick) / optimum,
                1e3 * to_seconds(tick));
    CHECK(ticks * to_seconds(tick) <= optimum * 1.1 + 3 * to_seconds(tick));
    for (int k = 0; k < 2000; ++k) {
      REQUIRE(filter.step(target, out) == Status::ok);
      most = std::max(most, out[0]);
    }
    CHECK(most <= 1.2 + 1e-12);
    CHECK(out[0] == 1.2);
    CHECK(filter.acceleration()[0] == 0);
    CHECK(out[2] == doctest::Approx(2.0).epsilon(1e-10));
  }
}

TEST_CASE("velocity filter: silence, NaN and wrong sizes mean zero; a stop is latched; a bad tick passes no time") {
  REQUIRE(counting_works());
  VelocityFilter filter(base(), kTick);
  std::vector<double> out(3);
  const std::vector<double> target{1, 0, 0}, bad{kNan, 0, 0}, few{1};
  CHECK(filter.step(target, out) == Status::not_ready);
  REQUIRE(filter.reset() == Status::ok);
  const HeapCallCounter heap;
  for (int k = 0; k < 1000; ++k) (void)filter.step(k < 500 ? target : bad, out);
  const std::uint64_t calls = heap.count();
  CHECK(calls == 0);
  CHECK(filter.at_rest());
  for (int k = 0; k < 1000; ++k) (void)filter.step(target, out);
  CHECK(out[0] == 1.0);
  CHECK(filter.step(target, std::chrono::seconds(1), out) == Status::out_of_range);
  CHECK(out[0] == 1.0);
  CHECK(filter.step(bad, out) == Status::not_finite);
  CHECK(out[0] < 1.0);
  CHECK(filter.step(few, out) == Status::bad_shape);
  for (int k = 0; k < 1000; ++k) (void)filter.step({}, out);
  CHECK(filter.at_rest());
  filter.stop();
  CHECK(filter.step(target, out) == Status::stopped);
  CHECK(out[0] == 0);
  CHECK(filter.reset(std::vector<double>{1.6, 0, 0}) == Status::out_of_range);
  CHECK(filter.reset(std::vector<double>{1.45, 0, 0}, std::vector<double>{2, 0, 0}) == Status::out_of_range);  // no release below 1.5 m/s
  CHECK(filter.reset(bad) == Status::not_finite);
  CHECK(filter.reset(few) == Status::bad_shape);
}

TEST_CASE("velocity filter: refuses missing, infinite and zero limits") {
  for (const double value : {0.0, -1.0, kNan, std::numeric_limits<double>::infinity(), 2e9}) {
    CHECK_THROWS_AS(VelocityFilter({{}, {value}, {1}, {1}}, kTick), Error);
    CHECK_THROWS_AS(VelocityFilter({{}, {1}, {value}, {1}}, kTick), Error);
    CHECK_THROWS_AS(VelocityFilter({{}, {1}, {1}, {value}}, kTick), Error);
  }
  CHECK_THROWS_AS(VelocityFilter({{}, {1, 1}, {1}, {1, 1}}, kTick), Error);
  CHECK_THROWS_AS(VelocityFilter({{}, {}, {}, {}}, kTick), Error);
  CHECK_THROWS_AS(VelocityFilter({{"a", "b"}, {1}, {1}, {1}}, kTick), Error);
  CHECK_THROWS_AS(VelocityFilter({{}, {1}, {1}, {1}}, Time(1)), Error);
}
