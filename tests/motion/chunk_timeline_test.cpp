// SPDX-License-Identifier: Apache-2.0
// What the timeline accepts, and what it says for every instant.
#include <doctest/doctest.h>

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/core/temporal_ensembler.hpp"
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

TEST_CASE("chunk timeline: between samples the target is monotone; velocity and acceleration have no steps") {
  Random random(3);
  ChunkTimeline timeline(2, {.validity = Time{}});
  ActionChunk chunk = ramp(milliseconds(0), 1, 40);
  for (double& x : chunk.values) x = random.uniform(-1, 1);
  REQUIRE(timeline.push(chunk, milliseconds(0)) == Status::ok);
  // One-sided differences of the curve on either side of a sample, over quarters of a millisecond.
  const Time h = std::chrono::microseconds(250);
  const auto differences = [&](Time t, Time step, std::size_t column) {
    const double x0 = target_at(timeline, t)[column], x1 = target_at(timeline, t + step)[column],
                 x2 = target_at(timeline, t + 2 * step)[column], x3 = target_at(timeline, t + 3 * step)[column], s = to_seconds(step);
    return std::pair((-11 * x0 + 18 * x1 - 9 * x2 + 2 * x3) / (6 * s), (2 * x0 - 5 * x1 + 4 * x2 - x3) / (s * s));
  };
  for (int i = 0; i < 39; ++i) {
    for (std::size_t column = 0; column < 2; ++column) {
      CAPTURE(i);
      const double from = chunk.step(i)[column], to = chunk.step(i + 1)[column];
      double last = from;
      for (int k = 0; k <= 50; ++k) {
        const double x = target_at(timeline, milliseconds(50 * i + k))[column];
        CHECK((x - last) * (to - from) >= -1e-14);
        last = x;
      }
      CHECK(last == to);
      if (i == 0) continue;
      const auto [before, before2] = differences(milliseconds(50 * i), -h, column);
      const auto [after, after2] = differences(milliseconds(50 * i), h, column);
      CHECK(std::abs(after - before) < 0.02);
      CHECK(std::abs(after2 - before2) < 60);  // of accelerations up to several thousand; a monotone cubic has steps of as much
    }
  }
}

TEST_CASE("chunk timeline: the curve stays between two samples whatever the slopes beside them are") {
  ChunkTimeline timeline(2, {.validity = Time{}});
  std::uint64_t sequence = 0;
  std::vector<double> ratios{0};
  for (double r = 1e-4; r < 2e4; r *= 1.7) ratios.insert(ratios.end(), {r, -r});
  for (const double before : ratios)
    for (const double after : ratios) {
      ActionChunk chunk = ramp(milliseconds(0), ++sequence, 4);
      const double samples[] = {-before, 0, 1, 1 + after};
      for (int i = 0; i < 4; ++i) chunk.step(i)[0] = chunk.step(i)[1] = samples[i];
      timeline.clear();
      REQUIRE(timeline.push(chunk, milliseconds(0)) == Status::ok);
      double last = 0, worst = 0;
      for (int k = 0; k <= 100; ++k) {
        const double x = target_at(timeline, milliseconds(50) + k * std::chrono::microseconds(500))[0];
        worst = std::min(worst, x - last);
        last = x;
      }
      CAPTURE(before);
      CAPTURE(after);
      CHECK(worst >= -1e-12);
      CHECK(last == 1);
    }
}

TEST_CASE("chunk timeline: the last stretch slows down along the path and ends at rest") {
  ChunkTimeline timeline(2, {.validity = milliseconds(200)});
  REQUIRE(timeline.push(ramp(milliseconds(0), 1), milliseconds(0)) == Status::ok);  // 20 per second until 450 ms
  const double h = 1e-3;
  double last_velocity = 20;
  for (int k = 251; k < 650; ++k) {
    const std::vector<double> x = target_at(timeline, milliseconds(k)), y = target_at(timeline, milliseconds(k + 1));
    const double velocity = (y[0] - x[0]) / h;
    CHECK(x[1] == doctest::Approx(10 * x[0]).epsilon(1e-12));  // on the path
    CHECK(velocity <= last_velocity + 1e-9);
    CHECK(last_velocity - velocity < 0.2);  // 20 per second within 400 ms, smoothly
    last_velocity = velocity;
  }
  CHECK(last_velocity < 1e-3);
  CHECK(timeline.end() == milliseconds(650));
  CHECK(target_at(timeline, milliseconds(650))[0] == 9);
}

TEST_CASE("chunk timeline: a smooth motion is followed more closely than by straight pieces") {
  ChunkTimeline timeline(2, {.validity = Time{}});
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
  ChunkTimelineOptions options{.max_horizon = 12, .dt = milliseconds(50), .lower = {-1, -1}, .upper = {20, 200}, .tolerance = 0.5};
  options.joint_order_hash = hash_joint_order(names);
  ChunkTimeline timeline(2, options);
  ActionChunk accepted = ramp(milliseconds(1000), 5);
  accepted.observation_id = 7;
  REQUIRE(timeline.push(accepted, now) == Status::ok);
  CHECK(timeline.observation_id() == 7);
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
      {"an older observation", Status::stale, [](ActionChunk& c) { c.observation_id = 6; }},
      {"a slip of units", Status::out_of_range, [](ActionChunk& c) { c.values[3] = 2e9; }},
      {"another step", Status::out_of_range, [](ActionChunk& c) { c.dt = milliseconds(51); }},
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

TEST_CASE("chunk timeline: blends a new chunk in, smoothly at both ends") {
  ChunkTimeline timeline(2, {.blend = milliseconds(100)});
  REQUIRE(timeline.push(constant(milliseconds(0), 1, 2.0), milliseconds(0)) == Status::ok);
  REQUIRE(timeline.push(constant(milliseconds(0), 2, 6.0), milliseconds(100)) == Status::ok);
  CHECK(target_at(timeline, milliseconds(90))[0] == 2.0);
  CHECK(target_at(timeline, milliseconds(100))[0] == 2.0);
  CHECK(target_at(timeline, milliseconds(125))[0] == doctest::Approx(2.0 + 4 * 0.103515625).epsilon(1e-14));  // 10 x^3 - 15 x^4 + 6 x^5
  CHECK(target_at(timeline, milliseconds(150))[0] == doctest::Approx(4.0).epsilon(1e-14));
  CHECK(target_at(timeline, milliseconds(175))[1] == doctest::Approx(6.0 - 4 * 0.103515625).epsilon(1e-14));
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
    // Samples 50 ms apart differ by at most 2, a piece is at most 2.5 times as steep as its ends suggest, and two plans that are
    // exchanged within 100 ms differ by at most 2, at 15/8 of the mean rate in the middle.
    CHECK(steepest <= 2.5 * 2 / 0.05 + 1.875 * 2 / 0.1 + 1e-9);
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

TEST_CASE("chunk timeline: pushes leave no step in position, velocity or acceleration") {
  Random random(8);
  ChunkTimeline timeline(2, {.blend = milliseconds(100)});
  Time now{};
  const double h = 2.5e-5;
  std::vector<double> x0(2), x1(2), x2(2), x3(2);
  const auto read = [&](Time t, double side, double(&out)[2][2]) {
    const Time step = Time(static_cast<Time::rep>(side * h * 1e9));
    (void)timeline.at(t, x0), (void)timeline.at(t + step, x1), (void)timeline.at(t + 2 * step, x2), (void)timeline.at(t + 3 * step, x3);
    for (std::size_t i = 0; i < 2; ++i) {
      out[i][0] = (-11 * x0[i] + 18 * x1[i] - 9 * x2[i] + 2 * x3[i]) / (6 * side * h);
      out[i][1] = (2 * x0[i] - 5 * x1[i] + 4 * x2[i] - x3[i]) / (h * h);
    }
  };
  double largest = 0;
  for (std::uint64_t push = 1; push < 300; ++push) {
    ActionChunk chunk = ramp(now - milliseconds(60), push, 20);
    for (int i = 0; i < 20; ++i) {
      const double t = to_seconds(chunk.t0) + 0.05 * i;
      chunk.step(i)[0] = std::sin(2 * t) + random.uniform(-0.02, 0.02);
      chunk.step(i)[1] = std::cos(3 * t) + random.uniform(-0.02, 0.02);
    }
    double before[2][2], after[2][2];
    read(now, -1, before);
    REQUIRE(timeline.push(chunk, now) == Status::ok);
    read(now, 1, after);
    for (std::size_t i = 0; push > 1 && i < 2; ++i) {
      CHECK(std::abs(after[i][0] - before[i][0]) < 1e-3);
      CHECK(std::abs(after[i][1] - before[i][1]) < 2);
      largest = std::max(largest, std::abs(after[i][1]));
    }
    now += milliseconds(static_cast<int>(13 + random.below(150)));
  }
  CHECK(largest > 50);
}

TEST_CASE("chunk timeline: rotations go the shorter way at a constant rate, in a blend too") {
  ChunkTimelineOptions options{
      .blend = milliseconds(100), .validity = Time{}, .space = ActionSpace::tool_pose, .hold_columns = {7}, .quaternion_columns = {3}};
  ChunkTimeline timeline(8, options);
  const auto rotation = [](double angle) { return Eigen::Quaterniond(Eigen::AngleAxisd(angle, Eigen::Vector3d(1, 2, -1).normalized())); };
  const auto poses = [&](Time t0, std::uint64_t sequence, double offset) {
    ActionChunk chunk(10, 8);
    chunk.space = ActionSpace::tool_pose;
    chunk.t0 = t0;
    chunk.dt = milliseconds(50);
    chunk.sequence = sequence;
    for (int i = 0; i < 10; ++i) {
      const Eigen::Quaterniond q = rotation(offset + 0.4 * i);
      const double sign = i % 2 == 0 ? 1 : -1;  // both stand for the same rotation
      const double row[] = {0.1 * i, 0, 0.5, sign * q.w(), sign * q.x(), sign * q.y(), sign * q.z(), 0.04};
      std::copy(std::begin(row), std::end(row), chunk.step(i).begin());
    }
    return chunk;
  };
  const auto angle_off = [&](Time t, double angle) {
    std::vector<double> x(8);
    REQUIRE(timeline.at(t, x) == Status::ok);
    return rotation(angle).angularDistance(Eigen::Quaterniond(x[3], x[4], x[5], x[6]));
  };
  REQUIRE(timeline.push(poses(milliseconds(0), 1, 0), milliseconds(0)) == Status::ok);
  for (int k = 0; k < 440; ++k) CHECK(angle_off(milliseconds(k), 0.008 * k) < 1e-7);
  REQUIRE(timeline.push(poses(milliseconds(0), 2, 0.3), milliseconds(100)) == Status::ok);
  CHECK(angle_off(milliseconds(100), 0.8) < 1e-7);
  CHECK(angle_off(milliseconds(150), 1.2 + 0.15) < 1e-6);
  CHECK(angle_off(milliseconds(200), 1.6 + 0.3) < 1e-7);
  ActionChunk bad = poses(milliseconds(0), 3, 0);
  bad.step(2)[4] += 0.1;
  CHECK(timeline.push(bad, milliseconds(100)) == Status::out_of_range);
  bad = poses(milliseconds(0), 3, 0);
  bad.space = ActionSpace::joint_position;
  CHECK(timeline.push(bad, milliseconds(100)) == Status::bad_shape);
  options.quaternion_columns = {4};
  CHECK_THROWS_AS(ChunkTimeline(8, options), Error);  // its last column is held
  options.quaternion_columns = {5};
  CHECK_THROWS_AS(ChunkTimeline(8, options), Error);
}

TEST_CASE("chunk timeline: an ensemble gives what ACT's temporal ensembling gives, at its steps") {
  constexpr int kHorizon = 6, kSteps = 40;
  for (const double coefficient : {0.01, 0.5, -0.3}) {
    ChunkTimeline timeline(2, {.merge = ChunkMerge::ensemble, .blend = Time{}, .ensemble_coefficient = coefficient, .validity = Time{}});
    TemporalEnsembler<double> reference(coefficient, kHorizon, 2);
    Random random(4);
    std::vector<double> expected(2);
    for (int k = 0; k < kSteps; ++k) {
      ActionChunk chunk = ramp(milliseconds(50 * k), static_cast<std::uint64_t>(k + 1), kHorizon);
      for (double& x : chunk.values) x = random.uniform(-1, 1);
      REQUIRE(timeline.push(chunk, chunk.t0) == Status::ok);
      REQUIRE(reference.update(chunk.values, expected) == Status::ok);
      const std::vector<double> got = target_at(timeline, chunk.t0);
      for (std::size_t i = 0; i < 2; ++i) CHECK(got[i] == doctest::Approx(expected[i]).epsilon(1e-12));
    }
  }
}

TEST_CASE("chunk timeline: a delay moves the whole plan; the first row that is not due yet") {
  ChunkTimeline timeline(2, {.blend = milliseconds(100)});
  REQUIRE(timeline.push(ramp(milliseconds(0), 1), milliseconds(0)) == Status::ok);
  REQUIRE(timeline.push(constant(milliseconds(0), 2, 3.0), milliseconds(100)) == Status::ok);
  const std::vector<double> before = target_at(timeline, milliseconds(130));
  CHECK(timeline.first_row_after(milliseconds(-20)) == 0);
  CHECK(timeline.first_row_after(milliseconds(0)) == 1);
  CHECK(timeline.first_row_after(milliseconds(149)) == 3);
  CHECK(timeline.first_row_after(milliseconds(150)) == 4);
  CHECK(timeline.first_row_after(milliseconds(5000)) == 10);
  const Time end = timeline.end();
  timeline.delay(milliseconds(40));
  CHECK(target_at(timeline, milliseconds(170)) == before);
  CHECK(timeline.end() == end + milliseconds(40));
}

TEST_CASE("chunk timeline: a chunk that began too long ago is stale") {
  ChunkTimeline timeline(2, {.max_age = milliseconds(200)});
  CHECK(timeline.push(ramp(milliseconds(0), 1), milliseconds(201)) == Status::stale);
  CHECK(timeline.push(ramp(milliseconds(0), 1), milliseconds(200)) == Status::ok);
}
