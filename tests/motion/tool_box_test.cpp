// SPDX-License-Identifier: Apache-2.0
// The tool stays in its box and below its speed, between ticks as well. The judge computes the tool of a planar arm in closed form.
#include "sinew/motion/tool_box.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "adversaries.hpp"
#include "limit_checker.hpp"
#include "sinew/core/error.hpp"
#include "sinew/testing/no_alloc.hpp"

using namespace sinew;
using namespace sinew::testing;

namespace {

const Time kTick = std::chrono::milliseconds(2);
constexpr const char* kArm = R"(<robot name="planar"><link name="base"/><link name="upper"/><link name="lower"/><link name="tool"/>
<joint name="a" type="revolute"><parent link="base"/><child link="upper"/><axis xyz="0 0 1"/><limit lower="-3" upper="3" velocity="2" effort="1"/></joint>
<joint name="b" type="revolute"><parent link="upper"/><child link="lower"/><origin xyz="0.5 0 0"/><axis xyz="0 0 1"/><limit lower="-2.5" upper="2.5" velocity="3" effort="1"/></joint>
<joint name="t" type="fixed"><parent link="lower"/><child link="tool"/><origin xyz="0.4 0 0"/></joint></robot>)";

/// Two joints of the arm and a gripper.
JointLimits limits() { return {{}, {-3, -2.5, 0}, {3, 2.5, 0.08}, {2, 3, 0.2}, {8, 12, 2}, {300, 400, 40}}; }

struct Point {
  double x, y;
};
Point tool(double a, double b) { return {0.5 * std::cos(a) + 0.4 * std::cos(a + b), 0.5 * std::sin(a) + 0.4 * std::sin(a + b)}; }

/// Walks the cubics between two emitted states.
struct Judge {
  double largest_x = -9, largest_y = -9, least_wall = 9, fastest = 0;

  void add(const CommandFilter& before, const CommandFilter& after) {
    const double t = to_seconds(kTick);
    Point last{};
    constexpr int kParts = 8;
    for (int k = 0; k <= kParts; ++k) {
      double q[2];
      for (std::size_t i = 0; i < 2; ++i) {
        const double s = t * k / kParts, jerk = (after.acceleration()[i] - before.acceleration()[i]) / t;
        q[i] = before.position()[i] + s * (before.velocity()[i] + s * (0.5 * before.acceleration()[i] + s * jerk / 6));
      }
      const Point p = tool(q[0], q[1]);
      if (k > 0) fastest = std::max(fastest, std::hypot(p.x - last.x, p.y - last.y) * kParts / t);
      last = p;
      largest_x = std::max(largest_x, p.x);
      largest_y = std::max(largest_y, p.y);
      least_wall = std::min(least_wall, (p.x + p.y) / std::sqrt(2.0));
    }
  }
};

}  // namespace

TEST_CASE("tool guard: no adversary drives the tool out of its box, through a wall or beyond its speed") {
  const ToolBox box{
      .lower = {-1, -1, -0.1}, .upper = {0.7, 0.6, 0.1}, .planes = {{{std::sqrt(0.5), std::sqrt(0.5), 0}, 0.1}}, .speed = 0.8};
  double largest_x = -9, largest_y = -9, least_wall = 9, fastest = 0;
  std::uint64_t interventions = 0, ticks = 0;
  for (const Adversary& adversary : joint_adversaries()) {
    CAPTURE(adversary.name);
    CommandFilter filter(limits(), kTick);
    ToolGuard guard(Chain<>::from_urdf(kArm, "base", "tool"), box, filter);
    std::vector<double> q{0.3, 1.2, 0.04}, target = q;
    REQUIRE(filter.reset(q) == Status::ok);
    REQUIRE(guard.stop_is_inside(filter));
    Random random(3);
    LimitChecker checker(limits());
    Judge judge;
    for (long k = 0; k < 2500; ++k) {
      const CommandFilter before = filter;
      for (std::size_t i = 0; i < 3; ++i) {
        Victim victim{filter.limits(),
                      i,
                      k,
                      to_seconds(kTick),
                      to_seconds(kTick),
                      static_cast<double>(k) * to_seconds(kTick),
                      filter.position()[i],
                      filter.velocity()[i],
                      filter.acceleration()[i],
                      target[i],
                      random,
                      filter.position(),
                      filter.velocity()};
        target[i] = adversary.target(victim);
      }
      const Status status = guard.step(filter, target, kTick, q);
      CHECK(status != Status::out_of_range);
      judge.add(before, filter);
      for (std::size_t i = 0; i < 3; ++i) {
        const double from[3] = {before.position()[i], before.velocity()[i], before.acceleration()[i]};
        const double to[3] = {q[i], filter.velocity()[i], filter.acceleration()[i]};
        checker.add(i, from, to, to_seconds(kTick));
      }
      ++ticks;
    }
    CHECK(checker.excess().worst() <= 1e-12L);
    CHECK(judge.largest_x <= 0.7);
    CHECK(judge.largest_y <= 0.6);
    CHECK(judge.least_wall >= 0.1);
    CHECK(judge.fastest <= 0.8 * (1 + 1e-3));  // between ticks, where only positions are bounded strictly
    largest_x = std::max(largest_x, judge.largest_x);
    largest_y = std::max(largest_y, judge.largest_y);
    least_wall = std::min(least_wall, judge.least_wall);
    fastest = std::max(fastest, judge.fastest);
    interventions += guard.interventions();
  }
  std::printf("tool guard: %.4f and %.4f m of 0.7 and 0.6, wall %.4f of 0.1, %.4f m/s of 0.8; %.1f %% of %llu ticks refused\n", largest_x,
              largest_y, least_wall, fastest, 100.0 * static_cast<double>(interventions) / static_cast<double>(ticks),
              static_cast<unsigned long long>(ticks));
  CHECK(largest_x > 0.65);  // what is allowed is used
  CHECK(fastest > 0.7);
}

TEST_CASE("tool guard: limits that shrink on the way to a wall do not carry the tool through it") {
  for (int when = 50; when < 700; when += 20) {
    CommandFilter filter({{}, {-3, -2.5, 0}, {3, 2.5, 0.08}, {2, 3, 0.2}, {10, 10, 2}, {200, 200, 40}}, kTick);
    ToolGuard guard(Chain<>::from_urdf(kArm, "base", "tool"), {.upper = {0.5, 1, 1}, .speed = 2}, filter);
    std::vector<double> q{1.2, 1.0, 0.04};
    REQUIRE(filter.reset(q) == Status::ok);
    const std::vector<double> target{0.0, 0.0, 0.04};
    Judge judge;
    for (int k = 0; k < 1500; ++k) {
      const CommandFilter before = filter;
      if (k == when) REQUIRE(filter.change_limits({{}, {-3, -2.5, 0}, {3, 2.5, 0.08}, {2, 3, 0.2}, {2, 2, 2}, {40, 40, 40}}) == Status::ok);
      CHECK(guard.step(filter, target, kTick, q) != Status::out_of_range);
      judge.add(before, filter);
    }
    CAPTURE(when);
    CHECK(judge.largest_x <= 0.5);
  }
}

TEST_CASE("tool guard: leaves alone what keeps the box, and allocates nothing") {
  REQUIRE(counting_works());
  CommandFilter guarded(limits(), kTick), free(limits(), kTick);
  ToolGuard guard(Chain<>::from_urdf(kArm, "base", "tool"), {.lower = {-1, -1, -1}, .upper = {1, 1, 1}, .speed = 3}, guarded);
  std::vector<double> q{0, 0.5, 0.04}, p = q;
  REQUIRE(guarded.reset(q) == Status::ok);
  REQUIRE(free.reset(q) == Status::ok);
  bool same = true;
  const HeapCallCounter heap;
  for (int k = 0; k < 2000; ++k) {
    const double s = 0.002 * k;
    const double target[] = {0.6 * std::sin(s), 0.5 + 0.4 * std::sin(1.7 * s), 0.04};
    (void)guard.step(guarded, target, kTick, q);
    (void)free.step(target, p);
    same = same && q == p;
  }
  const std::uint64_t calls = heap.count();
  CHECK(calls == 0);
  CHECK(same);
  CHECK(guard.interventions() == 0);
}

TEST_CASE("tool guard: brakes where the tool is outside from the start, and refuses boxes that make no sense") {
  const Chain<> chain = Chain<>::from_urdf(kArm, "base", "tool");
  CommandFilter filter(limits(), kTick);
  ToolGuard guard(chain, {.upper = {0.5, 1, 1}}, filter);
  std::vector<double> q{0, 0, 0.04};
  const std::vector<double> target{1, 1, 0.04};
  CHECK(guard.step(filter, target, kTick, q) == Status::not_ready);
  REQUIRE(filter.reset(q) == Status::ok);
  CHECK(guard.step(filter, target, kTick, q) == Status::out_of_range);
  CHECK(q[0] == 0);
  CHECK_THROWS_AS(ToolGuard(chain, {.lower = {1, 0, 0}, .upper = {0, 1, 1}}, filter), Error);
  CHECK_THROWS_AS(ToolGuard(chain, {.speed = 0}, filter), Error);
  CHECK_THROWS_AS(ToolGuard(chain, {.planes = {{{0, 0, 2}, 0}}}, filter), Error);
  CHECK_THROWS_AS(ToolGuard(chain, {}, filter, 1), Error);
  const CommandFilter small({{}, {-1}, {1}, {1}, {1}, {1}}, kTick);
  CHECK_THROWS_AS(ToolGuard(chain, {}, small), Error);
}
