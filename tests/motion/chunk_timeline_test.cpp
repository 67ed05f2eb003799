// SPDX-License-Identifier: Apache-2.0
// What the timeline accepts, and what it says for every instant.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/motion/chunk_timeline.hpp"
#include "test_seed.hpp"

using namespace sinew;
using namespace sinew::testing;
using std::chrono::milliseconds;

namespace {

/// Two columns: i and 10 i at step i, from `t0` on, a step every 50 ms.
ActionChunk ramp(Time t0, std::uint64_t sequence, int horizon = 10) {
  ActionChunk chunk(horizon, 2);
  chunk.t0 = t0;
  chunk.dt = milliseconds(50);
  chunk.sequence = sequence;
  for (int i = 0; i < horizon; ++i) {
    chunk.step(i)[0] = i;
    chunk.step(i)[1] = 10.0 * i;
  }
  return chunk;
}

ActionChunk constant(Time t0, std::uint64_t sequence, double value) {
  ActionChunk chunk = ramp(t0, sequence);
  for (double& x : chunk.values) x = value;
  return chunk;
}

std::vector<double> target_at(const ChunkTimeline& timeline, Time t, Status expected = Status::ok) {
  std::vector<double> target(2);
  CHECK(timeline.at(t, target) == expected);
  return target;
}

}  // namespace

TEST_CASE("chunk timeline: follows a ramp, holds the first before and the last after") {
  ChunkTimeline timeline(2, {.validity = milliseconds(80)});
  std::vector<double> target(2, 7.0);
  CHECK(timeline.at(Time{}, target) == Status::not_ready);
  CHECK(target == std::vector<double>{7, 7});
  REQUIRE(timeline.push(ramp(milliseconds(1000), 1), milliseconds(1010)) == Status::ok);
  CHECK(target_at(timeline, milliseconds(900)) == std::vector<double>{0, 0});
  CHECK(target_at(timeline, milliseconds(1100)) == std::vector<double>{2, 20});
  CHECK(target_at(timeline, milliseconds(1125))[0] == doctest::Approx(2.5).epsilon(1e-15));
  CHECK(target_at(timeline, milliseconds(1140))[1] == doctest::Approx(28).epsilon(1e-15));
  CHECK(timeline.end() == milliseconds(1450 + 80));
  CHECK(target_at(timeline, milliseconds(1530)) == std::vector<double>{9, 90});
  CHECK(target_at(timeline, milliseconds(1530) + Time(1), Status::stopped) == std::vector<double>{9, 90});
  CHECK(target_at(timeline, Time::max(), Status::stopped) == std::vector<double>{9, 90});
  CHECK(target_at(timeline, Time::min()) == std::vector<double>{0, 0});
  std::vector<double> small(1);
  CHECK(timeline.at(milliseconds(1100), small) == Status::bad_shape);
}

TEST_CASE("chunk timeline: between samples the target is monotone and its velocity has no steps") {
  Random random(3);
  ChunkTimeline timeline(2);
  ActionChunk chunk = ramp(milliseconds(0), 1, 40);
  for (double& x : chunk.values) x = random.uniform(-1, 1);
  REQUIRE(timeline.push(chunk, milliseconds(0)) == Status::ok);
  const auto velocity = [&](Time t, std::size_t column) {
    const Time h = std::chrono::microseconds(1);
    return (target_at(timeline, t + h)[column] - target_at(timeline, t)[column]) / to_seconds(h);
  };
  for (int i = 0; i < 39; ++i) {
    for (std::size_t column = 0; column < 2; ++column) {
      CAPTURE(i);
      const double from = chunk.step(i)[column];
      const double to = chunk.step(i + 1)[column];
      double last = from;
      for (int k = 0; k <= 50; ++k) {
        const double x = target_at(timeline, milliseconds(50 * i + k))[column];
        CHECK((x - last) * (to - from) >= -1e-14);
        last = x;
      }
      CHECK(last == to);
      if (i > 0) {
        const double before = velocity(milliseconds(50 * i) - std::chrono::microseconds(1), column);
        const double after = velocity(milliseconds(50 * i), column);
        CHECK(std::abs(after - before) < 0.02);  // the steepest piece bends by 1e4 1/s^2: 0.02 in 2 us
      }
    }
  }
}

TEST_CASE("chunk timeline: a smooth motion is followed more closely than by straight pieces") {
  ChunkTimeline timeline(2);
  ActionChunk chunk = ramp(milliseconds(0), 1, 40);
  const auto motion = [](double t) { return 0.6 * std::sin(2 * 3.14159265358979 * 0.3 * t + 0.4); };
  for (int i = 0; i < 40; ++i)
    for (double& x : chunk.step(i)) x = motion(0.05 * i);
  REQUIRE(timeline.push(chunk, milliseconds(0)) == Status::ok);
  double error = 0;
  for (int k = 0; k <= 1950; ++k) error = std::max(error, std::abs(target_at(timeline, milliseconds(k))[0] - motion(0.001 * k)));
  const double straight = 0.6 * std::pow(2 * 3.14159265358979 * 0.3, 2) * 0.05 * 0.05 / 8;  // h^2 / 8 times the largest second derivative
  CHECK(error < straight);
}

TEST_CASE("chunk timeline: refuses by rule and then is as it was") {
  const Time now = milliseconds(1050);
  const std::string names[] = {"a", "b"};
  ChunkTimelineOptions options{.max_horizon = 12, .lower = {-1, -1}, .upper = {20, 200}, .tolerance = 0.5};
  options.joint_order_hash = hash_joint_order(names);
  ChunkTimeline timeline(2, options);
  REQUIRE(timeline.push(ramp(milliseconds(1000), 5), now) == Status::ok);
  const std::vector<double> before = target_at(timeline, milliseconds(1130));

  struct Case {
    const char* name;
    Status expected;
    std::function<void(ActionChunk&)> spoil;
  };
  const Case cases[] = {
      {"tool poses", Status::bad_shape, [](ActionChunk& c) { c.space = ActionSpace::tool_pose; }},
      {"another width", Status::bad_shape, [](ActionChunk& c) { c.resize(10, 3); }},
      {"no rows", Status::bad_shape, [](ActionChunk& c) { c.resize(0, 2); }},
      {"negative horizon", Status::bad_shape, [](ActionChunk& c) { c.horizon = -1; }},
      {"values missing", Status::bad_shape, [](ActionChunk& c) { c.values.pop_back(); }},
      {"another joint order", Status::bad_shape, [](ActionChunk& c) { c.joint_order_hash = 1; }},
      {"too long", Status::over_capacity, [](ActionChunk& c) { c = ramp(c.t0, c.sequence, 13); }},
      {"NaN", Status::not_finite, [](ActionChunk& c) { c.values[19] = std::numeric_limits<double>::quiet_NaN(); }},
      {"infinity", Status::not_finite, [](ActionChunk& c) { c.values[0] = -std::numeric_limits<double>::infinity(); }},
      {"no step", Status::out_of_range, [](ActionChunk& c) { c.dt = Time{}; }},
      {"negative step", Status::out_of_range, [](ActionChunk& c) { c.dt = -c.dt; }},
      {"step of a year", Status::out_of_range, [](ActionChunk& c) { c.dt = std::chrono::hours(8760); }},
      {"begins at the end of time", Status::out_of_range, [](ActionChunk& c) { c.t0 = Time::max(); }},
      {"begins too late", Status::out_of_range, [](ActionChunk& c) { c.t0 = milliseconds(1050 + 2001); }},
      {"the same sequence", Status::stale, [](ActionChunk& c) { c.sequence = 5; }},
      {"an older sequence", Status::stale, [](ActionChunk& c) { c.sequence = 4; }},
      {"entirely in the past", Status::stale, [](ActionChunk& c) { c.t0 = milliseconds(1049 - 450); }},
      {"below the envelope", Status::out_of_range, [](ActionChunk& c) { c.values[2] = -1.6; }},
      {"above the envelope", Status::out_of_range, [](ActionChunk& c) { c.values[3] = 201; }},
  };
  for (const Case& item : cases) {
    CAPTURE(item.name);
    ActionChunk chunk = ramp(milliseconds(1000), 6);
    item.spoil(chunk);
    CHECK(timeline.push(chunk, now) == item.expected);
    CHECK(timeline.sequence() == 5);
    CHECK(timeline.end() == milliseconds(1550));
    CHECK(target_at(timeline, milliseconds(1130)) == before);
  }
  ActionChunk chunk = ramp(milliseconds(1000), 6, 12);
  chunk.joint_order_hash = options.joint_order_hash;
  chunk.values[2] = -1.4;  // within the tolerance
  CHECK(timeline.push(chunk, now) == Status::ok);
  CHECK(timeline.sequence() == 6);
}

TEST_CASE("chunk timeline: blends a new chunk in linearly") {
  ChunkTimeline timeline(2, {.blend = milliseconds(100)});
  REQUIRE(timeline.push(constant(milliseconds(0), 1, 2.0), milliseconds(0)) == Status::ok);
  REQUIRE(timeline.push(constant(milliseconds(0), 2, 6.0), milliseconds(100)) == Status::ok);
  CHECK(target_at(timeline, milliseconds(90))[0] == 2.0);
  CHECK(target_at(timeline, milliseconds(100))[0] == 2.0);
  CHECK(target_at(timeline, milliseconds(125))[0] == doctest::Approx(3.0).epsilon(1e-14));
  CHECK(target_at(timeline, milliseconds(175))[1] == doctest::Approx(5.0).epsilon(1e-14));
  CHECK(target_at(timeline, milliseconds(200))[0] == 6.0);
}

TEST_CASE("chunk timeline: a chunk that begins later takes over when it begins") {
  for (const Time blend : {Time(milliseconds(100)), Time{}}) {
    ChunkTimeline timeline(2, {.blend = blend});
    REQUIRE(timeline.push(constant(milliseconds(0), 1, 2.0), milliseconds(0)) == Status::ok);
    REQUIRE(timeline.push(constant(milliseconds(300), 2, 6.0), milliseconds(100)) == Status::ok);
    CHECK(target_at(timeline, milliseconds(100))[0] == 2.0);
    CHECK(target_at(timeline, milliseconds(299))[0] == doctest::Approx(2.0).epsilon(1e-15));
    CHECK(target_at(timeline, milliseconds(401))[0] == 6.0);
    if (blend == Time{}) CHECK(target_at(timeline, milliseconds(300))[0] == 6.0);
    if (blend != Time{}) CHECK(target_at(timeline, milliseconds(350))[0] == doctest::Approx(4.0).epsilon(1e-14));
  }
}

TEST_CASE("chunk timeline: targets have no steps and stay within the samples, however chunks flood in") {
  for (const int period_ms : {3, 40, 130}) {
    CAPTURE(period_ms);
    Random random(static_cast<std::uint64_t>(period_ms));
    ChunkTimeline timeline(2, {.blend = milliseconds(100)});
    const Time fine = std::chrono::microseconds(100);
    Time now = milliseconds(500);
    std::uint64_t sequence = 0;
    std::vector<double> last, before(2), after(2);
    double steepest = 0, largest = 0;
    for (int push = 0; push < 200; ++push) {
      ActionChunk chunk = ramp(now - milliseconds(static_cast<int>(random.below(300))) + milliseconds(50), sequence);
      if (random.below(8) != 0) chunk.sequence = ++sequence;  // the others come out of order
      for (double& x : chunk.values) x = random.uniform(-1, 1);
      const bool first = timeline.empty();
      if (!first) CHECK(timeline.at(now, before) != Status::not_ready);  // a plan may end while newer chunks come out of order
      const Status status = timeline.push(chunk, now);
      CHECK((status == Status::ok || (!first && status == Status::stale)));
      if (!first) {
        REQUIRE(timeline.at(now, after) != Status::not_ready);
        for (std::size_t i = 0; i < 2; ++i) CHECK(std::abs(after[i] - before[i]) <= 1e-14);
      }
      for (const Time until = now + milliseconds(period_ms); now < until; now += fine) {
        std::vector<double> target(2);
        REQUIRE((timeline.at(now, target) == Status::ok || now > timeline.end()));
        for (std::size_t i = 0; i < 2 && !last.empty(); ++i)
          steepest = std::max(steepest, std::abs(target[i] - last[i]) / to_seconds(fine));
        for (const double x : target) largest = std::max(largest, std::abs(x));
        last = target;
      }
    }
    // Samples 50 ms apart differ by at most 2, a monotone cubic is at most twice as steep as its ends suggest, and two
    // plans that are exchanged within 100 ms differ by at most 2.
    CHECK(steepest <= 2 * 2 / 0.05 + 2 / 0.1 + 1e-9);
    CHECK(steepest > 5);
    CHECK(largest <= 1 + 1e-14);
  }
}

TEST_CASE("chunk timeline: hold columns step from sample to sample and are never blended") {
  ChunkTimeline timeline(2, {.blend = milliseconds(100), .hold_columns = {1}});
  REQUIRE(timeline.push(ramp(milliseconds(0), 1), milliseconds(0)) == Status::ok);
  CHECK(target_at(timeline, milliseconds(49))[1] == 0);
  CHECK(target_at(timeline, milliseconds(50))[1] == 10);
  CHECK(target_at(timeline, milliseconds(99))[1] == 10);
  CHECK(target_at(timeline, milliseconds(75))[0] == doctest::Approx(1.5).epsilon(1e-15));
  REQUIRE(timeline.push(constant(milliseconds(0), 2, 70), milliseconds(100)) == Status::ok);
  CHECK(target_at(timeline, milliseconds(100) + Time(1))[1] == 70);
  CHECK(target_at(timeline, milliseconds(150))[0] < 70);
}

TEST_CASE("chunk timeline: a starved one stops, and a new chunk takes over from the held target") {
  ChunkTimeline timeline(2);
  REQUIRE(timeline.push(ramp(milliseconds(0), 1), milliseconds(0)) == Status::ok);
  CHECK(target_at(timeline, milliseconds(5000), Status::stopped)[0] == 9);
  REQUIRE(timeline.push(constant(milliseconds(5000), 2, 1.0), milliseconds(5000)) == Status::ok);
  CHECK(target_at(timeline, milliseconds(5000))[0] == 9);
  CHECK(target_at(timeline, milliseconds(5050))[0] == doctest::Approx(5.0).epsilon(1e-14));
  timeline.clear();
  CHECK(timeline.empty());
  std::vector<double> target(2);
  CHECK(timeline.at(milliseconds(5000), target) == Status::not_ready);
  CHECK(timeline.push(ramp(milliseconds(5000), 1), milliseconds(5000)) == Status::ok);
  CHECK(target_at(timeline, milliseconds(5050))[0] == 1);
}

TEST_CASE("chunk timeline: options that make no sense are refused") {
  CHECK_THROWS_AS(ChunkTimeline(0), Error);
  CHECK_THROWS_AS(ChunkTimeline(2, {.max_horizon = 0}), Error);
  CHECK_THROWS_AS(ChunkTimeline(2, {.blend = milliseconds(-1)}), Error);
  CHECK_THROWS_AS(ChunkTimeline(2, {.max_dt = Time{}}), Error);
  CHECK_THROWS_WITH_AS(ChunkTimeline(2, {.hold_columns = {2}}), doctest::Contains("hold column"), Error);
  CHECK_THROWS_AS(ChunkTimeline(2, {.lower = {0, 0}}), Error);
  CHECK_THROWS_WITH_AS(ChunkTimeline(2, {.lower = {0, 1}, .upper = {1, 0}}), doctest::Contains("column 1"), Error);
  CHECK_THROWS_AS(ChunkTimeline(2, {.tolerance = -1}), Error);
}
