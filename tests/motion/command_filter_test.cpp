// SPDX-License-Identifier: Apache-2.0
// What the command filter refuses, how it answers bad targets, and how well it tracks good ones.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdio>
#include <limits>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/motion/command_filter.hpp"
#include "test_seed.hpp"

using namespace sinew;
using namespace sinew::testing;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();
const Time kTick = std::chrono::milliseconds(2);

/// Seven arm joints (rad) and a gripper (m).
JointLimits arm() {
  JointLimits limits;
  for (int i = 0; i < 8; ++i) {
    const bool gripper = i == 7;
    limits.lower.push_back(gripper ? 0.0 : -2.8);
    limits.upper.push_back(gripper ? 0.08 : 2.8);
    limits.velocity.push_back(gripper ? 0.2 : 2.0);
    limits.acceleration.push_back(gripper ? 2.0 : 12.0);
    limits.jerk.push_back(gripper ? 40.0 : 300.0);
  }
  return limits;
}

JointLimits one(double velocity, double acceleration, double jerk) { return {{}, {-3}, {3}, {velocity}, {acceleration}, {jerk}}; }

/// Duration of the time-optimal move over `distance` from rest to rest: seven segments of constant jerk, of which some
/// vanish. In closed form but for the cubic of the case that reaches the acceleration limit only.
double optimal_seconds(double distance, double V, double A, double J) {
  const auto ramp_seconds = [&](double v) { return v <= A * A / J ? 2 * std::sqrt(v / J) : v / A + A / J; };
  if (V * ramp_seconds(V) <= distance) return 2 * ramp_seconds(V) + (distance - V * ramp_seconds(V)) / V;
  const double triangle = std::cbrt(distance / (2 * J));  // each of the four jerk segments
  if (J * triangle <= A) return 4 * triangle;
  // v (v / A + A / J) = distance
  const double v = 0.5 * A * (-A / J + std::sqrt(A * A / (J * J) + 4 * distance / A));
  return 2 * ramp_seconds(v);
}

std::vector<double> state_of(const CommandFilter& filter) {
  std::vector<double> state;
  for (const auto values : {filter.position(), filter.velocity(), filter.acceleration()})
    state.insert(state.end(), values.begin(), values.end());
  return state;
}

}  // namespace

TEST_CASE("command filter: refuses to exist without complete limits or a sane tick") {
  CHECK_THROWS_AS(CommandFilter({}, kTick), Error);
  JointLimits limits = arm();
  limits.jerk[3] = kNan;
  CHECK_THROWS_WITH_AS(CommandFilter(limits, kTick), doctest::Contains("joint 3 jerk"), Error);
  limits = arm();
  limits.velocity[2] = 1e12;
  CHECK_THROWS_WITH_AS(CommandFilter(limits, kTick), doctest::Contains("joint 2"), Error);
  for (const Time dt : {Time(0), Time(-1), CommandFilter::kMinTick - Time(1), CommandFilter::kMaxTick + Time(1)})
    CHECK_THROWS_WITH_AS(CommandFilter(arm(), dt), doctest::Contains("tick"), Error);
}

TEST_CASE("command filter: moves only after a reset from a state that is safe") {
  CommandFilter filter(arm(), kTick);
  std::vector<double> q(8, 0.5);
  const std::vector<double> zeros(8, 0.0);
  CHECK(filter.step(zeros, q) == Status::not_ready);
  CHECK(q == std::vector<double>(8, 0.5));

  std::vector<double> start(8, 0.04);
  CHECK(filter.reset(std::vector<double>(7, 0.0)) == Status::bad_shape);
  CHECK(filter.reset(start, std::vector<double>(7, 0.0)) == Status::bad_shape);
  REQUIRE(filter.reset(start) == Status::ok);
  const std::vector<double> before = state_of(filter);

  auto refused = [&](Status expected, double position, double velocity, double acceleration) {
    std::vector<double> p = start, v = zeros, a = zeros;
    p[4] = position;
    v[4] = velocity;
    a[4] = acceleration;
    CHECK(filter.reset(p, v, a) == expected);
    CHECK(state_of(filter) == before);
  };
  refused(Status::not_finite, kNan, 0, 0);
  refused(Status::not_finite, 0, kInf, 0);
  refused(Status::out_of_range, 2.8001, 0, 0);
  refused(Status::out_of_range, -2.801, 1.9, 3.0);  // outside, though on its way in
  refused(Status::out_of_range, 0, 2.001, 0);
  refused(Status::out_of_range, 0, 0, 12.01);
  refused(Status::out_of_range, 2.79, 1.5, 0);   // cannot stop before the limit
  refused(Status::out_of_range, 0, 1.99, 12.0);  // the acceleration cannot be let go below the velocity limit
  std::vector<double> v = zeros;
  v[4] = 1.5;
  CHECK(filter.reset(start, v) == Status::ok);
}

TEST_CASE("command filter: may start at rest exactly on a limit") {
  CommandFilter filter(arm(), kTick);
  const std::vector<double> upper = arm().upper, lower = arm().lower;
  std::vector<double> q(8);
  for (const auto& corner : {upper, lower}) {
    REQUIRE(filter.reset(corner) == Status::ok);
    CHECK(std::vector<double>(filter.position().begin(), filter.position().end()) == corner);
    for (int k = 0; k < 200; ++k) REQUIRE(filter.step(corner, q) == Status::ok);
    for (std::size_t i = 0; i < 8; ++i) CHECK(q[i] == doctest::Approx(corner[i]).epsilon(1e-8));
  }
}

TEST_CASE("command filter: a target of the wrong size equals no target, and a bad tick passes no time") {
  CommandFilter filter(arm(), kTick);
  const std::vector<double> start(8, 0.04);
  std::vector<double> q(8), q_none(8), target(8, 0.01);
  REQUIRE(filter.reset(start) == Status::ok);
  for (int k = 0; k < 20; ++k) REQUIRE(filter.step(target, q) == Status::ok);
  CommandFilter none = filter;
  CHECK(filter.step(std::vector<double>(9, 0.0), q) == Status::bad_shape);
  CHECK(none.step({}, q_none) == Status::ok);
  CHECK(q == q_none);

  const std::vector<double> before = state_of(filter);
  for (const Time dt : {Time(0), Time(-5), CommandFilter::kMaxTick + Time(1)}) CHECK(filter.step(target, dt, q) == Status::out_of_range);
  CHECK(q == q_none);
  std::vector<double> small(7, 9.0);
  CHECK(filter.step(target, small) == Status::bad_shape);
  CHECK(small == std::vector<double>(7, 9.0));
  CHECK(state_of(filter) == before);
}

TEST_CASE("command filter: targets outside the range are clamped and counted") {
  CommandFilter filter(arm(), kTick);
  std::vector<double> q(8), target(8, 0.04);
  REQUIRE(filter.reset(target) == Status::ok);
  REQUIRE(filter.step(target, q) == Status::ok);
  CHECK(filter.clamped_targets() == 0);
  target[7] = 0.5;
  for (int k = 0; k < 1000; ++k) REQUIRE(filter.step(target, q) == Status::ok);
  CHECK(filter.clamped_targets() == 1000);
  CHECK(q[7] == doctest::Approx(0.08).epsilon(1e-8));
}

TEST_CASE("command filter: a stop is latched until the next reset") {
  CommandFilter filter(arm(), kTick);
  std::vector<double> q(8), target(8, 0.0);
  REQUIRE(filter.reset(std::vector<double>(8, 0.04)) == Status::ok);
  for (std::size_t i = 0; i < 7; ++i) target[i] = 2.0;
  for (int k = 0; k < 150; ++k) REQUIRE(filter.step(target, q) == Status::ok);
  CHECK_FALSE(filter.at_rest());
  filter.stop();
  int ticks = 0;
  while (!filter.at_rest() && ++ticks < 1000) REQUIRE(filter.step(target, q) == Status::stopped);
  CHECK(filter.at_rest());
  const std::vector<double> rest = q;
  for (int k = 0; k < 100; ++k) REQUIRE(filter.step(target, q) == Status::stopped);
  CHECK(q == rest);
  REQUIRE(filter.reset(rest) == Status::ok);
  REQUIRE(filter.step(target, q) == Status::ok);
  CHECK(q != rest);
}

TEST_CASE("command filter: settles on a step near the time optimum, with little overshoot and no chatter") {
  // Stated bounds, with s = max(2 ticks, 5 ms), the shortest ramp that tracking plans: settled (position within 0.1 % of
  // the step) after at most 1.05 times the optimum + 6 s; overshoot at most 0.5 % of the step (2 % below 1 mrad) +
  // three times what one tick of full jerk moves; at most 8 changes of sign of a jerk above 5 % of its limit (the optimum has 3).
  double worst_ratio = 0, worst_extra = 0;
  for (const double dt : {0.001, 0.002, 0.004, 0.01, 0.02}) {
    for (const auto& [acceleration, jerk] : {std::pair{10.0, 100.0}, {15.0, 500.0}, {12.0, 250.0}, {3.0, 2000.0}}) {
      const double s = std::max(2 * dt, 0.005), velocity = 2.0;
      for (const double distance : {1e-4, 1e-3, 0.01, 0.05, 0.1, 0.3, 1.0, 2.0, 2.9}) {
        CAPTURE(dt);
        CAPTURE(jerk);
        CAPTURE(distance);
        CommandFilter filter(one(velocity, acceleration, jerk), from_seconds(dt));
        double q = 0, settled = 0, overshoot = 0, last_jerk = 0;
        int flips = 0;
        REQUIRE(filter.reset({&q, 1}) == Status::ok);
        for (int k = 1; k * dt < 5; ++k) {
          const double a = filter.acceleration()[0];
          REQUIRE(filter.step({&distance, 1}, {&q, 1}) == Status::ok);
          const double j = (filter.acceleration()[0] - a) / dt;
          if (std::abs(j) > 0.05 * jerk) {
            flips += j * last_jerk < 0 ? 1 : 0;
            last_jerk = j;
          }
          if (std::abs(q - distance) > 1e-3 * distance) settled = k * dt;
          overshoot = std::max(overshoot, q - distance);
        }
        const double optimum = optimal_seconds(distance, velocity, acceleration, jerk);
        CHECK(settled <= 1.05 * optimum + 6 * s);
        CHECK(overshoot <= (distance < 1e-3 ? 0.02 : 0.005) * distance + 0.5 * jerk * dt * dt * dt);
        CHECK(flips <= 8);
        CHECK(filter.at_rest());
        CHECK(std::abs(q - distance) <= 1e-9);
        if (distance >= 0.1 && dt <= 0.004) worst_ratio = std::max(worst_ratio, settled / optimum);
        worst_extra = std::max(worst_extra, (settled - optimum) / s);
      }
    }
  }
  CHECK(worst_ratio <= 1.1);
  std::printf("step response: at most %.3f times the optimum for steps of 0.1 and more at ticks of 4 ms and less; at most %.1f s later\n",
              worst_ratio, worst_extra);
}

TEST_CASE("command filter: follows a target that moves within the limits") {
  for (const double dt : {0.002, 0.01}) {
    CommandFilter filter(one(2, 12, 300), from_seconds(dt));
    double q = 0, worst = 0;
    REQUIRE(filter.reset({&q, 1}) == Status::ok);
    for (int k = 1; k * dt < 10; ++k) {
      // 0.5 rad at 0.4 Hz: 1.3 rad/s, 3.2 rad/s^2, 7.9 rad/s^3.
      const double target = 0.5 * std::sin(6.283185307179586 * 0.4 * k * dt);
      REQUIRE(filter.step({&target, 1}, {&q, 1}) == Status::ok);
      if (k * dt > 1) worst = std::max(worst, std::abs(q - target));
    }
    std::printf("sine of 0.5 at 0.4 Hz, tick %.0f ms: error at most %.1e\n", dt * 1e3, worst);
    CHECK(worst <= 2e-3);
  }
}

TEST_CASE("command filter: the same calls give the same bits") {
  std::vector<double> first;
  for (int run = 0; run < 2; ++run) {
    Random random(77);
    CommandFilter filter(arm(), kTick);
    std::vector<double> trace, q(8, 0.04), target(8);
    REQUIRE(filter.reset(q) == Status::ok);
    for (int k = 0; k < 3000; ++k) {
      if (k % 50 == 0)
        for (double& x : target) x = random.below(20) == 0 ? kNan : random.uniform(-3, 3);
      (void)filter.step(target, k % 3 == 0 ? Time(1'700'000) : kTick, q);
      trace.insert(trace.end(), q.begin(), q.end());
    }
    if (run == 0) first = trace;
    CHECK(trace == first);
  }
}
