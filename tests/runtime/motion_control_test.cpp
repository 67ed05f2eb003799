// SPDX-License-Identifier: Apache-2.0
// The control thread's half: modes, starts, starvation, faults; and that a log gives the same commands again, to the bit.
#include "sinew/runtime/motion_control.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "../motion/limit_checker.hpp"
#include "sinew/core/error.hpp"
#include "sinew/kinematics/forward.hpp"
#include "sinew/runtime/replay.hpp"
#include "sinew/testing/no_alloc.hpp"
#include "temporary_directory.hpp"
#include "test_seed.hpp"

using namespace sinew;
using namespace sinew::testing;
using std::chrono::milliseconds;

namespace {

const Time kTick = milliseconds(2);

JointLimits two_joints() { return {{"a", "b"}, {-1.5, -1.5}, {1.5, 1.5}, {1, 1}, {5, 5}, {100, 100}}; }

/// From `from` on by `slope` per second in both joints, a step every 50 ms.
ActionChunk ramp(Time t0, std::uint64_t sequence, double from, double slope, int horizon = 16) {
  ActionChunk chunk(horizon, 2);
  chunk.t0 = t0;
  chunk.dt = milliseconds(50);
  chunk.sequence = sequence;
  for (int i = 0; i < horizon; ++i)
    for (double& x : chunk.step(i)) x = from + slope * 0.05 * i;
  return chunk;
}

/// A control on a virtual clock with a judge of its commands.
struct Bench {
  explicit Bench(const MotionControlOptions& options = {.period = kTick}, const JointLimits& limits = two_joints())
      : control(limits, options), checker(limits), q(limits.lower.size()), measured(q) {}

  void run(Time duration, bool measuring = true) {
    for (const Time end = now + duration; now < end; now += kTick) {
      const std::vector<double> before[3] = {copy(control.filter().position()), copy(control.filter().velocity()),
                                             copy(control.filter().acceleration())};
      outcome = control.tick(now, kTick, measuring ? std::span<const double>(measured) : std::span<const double>(), q);
      for (std::size_t i = 0; i < q.size() && outcome.status != Status::not_ready; ++i) {
        const double from[3] = {before[0][i], before[1][i], before[2][i]};
        const double to[3] = {q[i], control.filter().velocity()[i], control.filter().acceleration()[i]};
        checker.add(i, from, to, to_seconds(kTick));
      }
      measured = q;
    }
  }
  static std::vector<double> copy(std::span<const double> x) { return {x.begin(), x.end()}; }
  [[nodiscard]] SafetyMode mode() const { return control.safety().mode(); }

  MotionControl control;
  LimitChecker checker;
  std::vector<double> q, measured;
  Time now{};
  TickOutcome outcome;
};

}  // namespace

TEST_CASE("motion control: says nothing before it is armed, holds until a plan comes, follows it, and rests at its end") {
  Bench bench({.period = kTick, .timeline = {.validity = milliseconds(200)}});
  bench.run(milliseconds(10));
  CHECK(bench.outcome.status == Status::not_ready);
  CHECK(bench.mode() == SafetyMode::init);
  REQUIRE(bench.control.arm(bench.measured, bench.now) == Status::ok);
  bench.run(milliseconds(100));
  CHECK(bench.outcome.status == Status::stopped);
  CHECK(bench.q == std::vector<double>{0, 0});
  REQUIRE(bench.control.deliver(ramp(bench.now, 1, 0, 0.8), bench.now) == Status::ok);
  CHECK(bench.mode() == SafetyMode::run);
  bench.run(milliseconds(300));
  CHECK(bench.outcome.status == Status::ok);
  CHECK(bench.q[0] > 0.15);
  bench.run(milliseconds(300));
  CHECK(bench.mode() == SafetyMode::degraded);  // the last stretch, and nothing newer
  CHECK(bench.control.safety().cause() == SafetyEvent::plan_ending);
  REQUIRE(bench.control.deliver(ramp(bench.now, 2, bench.q[0], 0.8), bench.now) == Status::ok);
  CHECK(bench.mode() == SafetyMode::run);
  bench.run(milliseconds(1500));
  CHECK(bench.mode() == SafetyMode::hold);
  CHECK(bench.control.filter().at_rest());
  CHECK(bench.q[0] == bench.q[1]);  // on the path to the end
  const std::vector<double> rest = bench.q;
  bench.run(milliseconds(100));
  CHECK(bench.q == rest);
  // A later plan that begins there starts motion again.
  REQUIRE(bench.control.deliver(ramp(bench.now, 3, rest[0], -0.5), bench.now) == Status::ok);
  bench.run(milliseconds(200));
  CHECK(bench.q[0] < rest[0]);
  CHECK(bench.checker.excess().worst() <= 1e-12L);
}

TEST_CASE("motion control: a plan that begins elsewhere starts no motion; grippers may") {
  Bench bench({.period = kTick, .timeline = {.hold_columns = {1}}, .start_tolerance = 0.3});
  REQUIRE(bench.control.arm(bench.measured, bench.now) == Status::ok);
  ActionChunk far = ramp(bench.now, 1, 0, 0);
  for (int i = 0; i < far.horizon; ++i) far.step(i)[0] = 0.31;
  CHECK(bench.control.deliver(far, bench.now) == Status::out_of_range);
  CHECK(bench.mode() == SafetyMode::armed);
  CHECK(bench.control.safety().count(SafetyEvent::far_target) == 1);
  bench.run(milliseconds(100));
  CHECK(bench.q == std::vector<double>{0, 0});
  ActionChunk near = ramp(bench.now, 1, 0, 0);
  for (int i = 0; i < near.horizon; ++i) near.step(i)[1] = 1.2;
  CHECK(bench.control.deliver(near, bench.now) == Status::ok);
  bench.run(milliseconds(100));
  CHECK(bench.q[1] > 0.01);
  // In motion, what joins is blended: it may be elsewhere.
  far.t0 = bench.now;
  far.sequence = 2;
  CHECK(bench.control.deliver(far, bench.now) == Status::ok);
  CHECK(bench.checker.excess().worst() <= 1e-12L);
}

TEST_CASE("motion control: a stop brakes within the limits and is latched; a bad or missing measurement too") {
  struct Case {
    const char* name;
    SafetyMode end;
    void (*spoil)(Bench&);
    bool measuring;
  };
  const Case cases[] = {
      {"stop", SafetyMode::hold, [](Bench& b) { b.control.raise(SafetyEvent::stop, b.now); }, true},
      {"watchdog", SafetyMode::fault, [](Bench& b) { b.control.raise(SafetyEvent::watchdog, b.now); }, true},
      {"NaN", SafetyMode::fault, [](Bench& b) { b.measured[1] = std::numeric_limits<double>::quiet_NaN(); }, true},
      {"far outside", SafetyMode::fault, [](Bench& b) { b.measured[0] = 2.5; }, true},
      {"no measurement", SafetyMode::hold, [](Bench&) {}, false},
  };
  for (const Case& item : cases) {
    CAPTURE(std::string(item.name));
    Bench bench;
    REQUIRE(bench.control.arm(bench.measured, bench.now) == Status::ok);
    REQUIRE(bench.control.deliver(ramp(bench.now, 1, 0, 0.8, 30), bench.now) == Status::ok);
    bench.run(milliseconds(500));
    REQUIRE(bench.control.filter().velocity()[0] > 0.7);
    const double before = bench.q[0];
    item.spoil(bench);
    bench.run(milliseconds(600), item.measuring);
    CHECK(bench.mode() == item.end);
    CHECK(bench.control.filter().at_rest());
    // V^2 / (2 A) + V A / (2 J) from 1 rad/s, and the hundred milliseconds for which a measurement may be missing.
    CHECK(bench.q[0] - before < (item.measuring ? 0.1251 : 0.2251));
    CHECK(bench.checker.excess().worst() <= 1e-12L);
    const Status next = bench.control.deliver(ramp(bench.now, 2, bench.q[0], 0.5), bench.now);
    CHECK(next == Status::ok);
    const std::vector<double> rest = bench.q;
    bench.run(milliseconds(100));
    if (item.measuring) {
      CHECK(bench.q == rest);  // latched
      REQUIRE(bench.control.arm(bench.measured, bench.now) == Status::ok);
      CHECK(bench.mode() == SafetyMode::armed);
      REQUIRE(bench.control.deliver(ramp(bench.now, 1, bench.q[0], 0.5), bench.now) == Status::ok);
      bench.run(milliseconds(100));
    }
    CHECK(bench.q != rest);
  }
}

TEST_CASE("motion control: is not armed in motion, nor from a state that is not safe") {
  Bench bench;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(bench.control.arm(std::vector<double>{0, nan}, bench.now) == Status::not_finite);
  CHECK(bench.control.arm(std::vector<double>{0, 1.6}, bench.now) == Status::out_of_range);
  CHECK(bench.control.arm(std::vector<double>{0}, bench.now) == Status::bad_shape);
  CHECK(bench.mode() == SafetyMode::init);
  CHECK(bench.control.arm(std::vector<double>{1.505, 0}, bench.now) == Status::ok);  // on its stop, measured a little beyond
  bench.measured = {1.5, 0};
  REQUIRE(bench.control.deliver(ramp(bench.now, 1, 1.3, -0.8), bench.now) == Status::out_of_range);
  ActionChunk chunk = ramp(bench.now, 1, 1.5, -0.8);
  for (int i = 0; i < chunk.horizon; ++i) chunk.step(i)[1] = 0;
  REQUIRE(bench.control.deliver(chunk, bench.now) == Status::ok);
  bench.run(milliseconds(200));
  CHECK(bench.control.arm(bench.measured, bench.now) == Status::not_ready);
}

TEST_CASE("motion control: limits that shrink are reached in motion, and reported") {
  Bench bench;
  REQUIRE(bench.control.arm(bench.measured, bench.now) == Status::ok);
  REQUIRE(bench.control.deliver(ramp(bench.now, 1, 0, 0.9, 30), bench.now) == Status::ok);
  bench.run(milliseconds(500));
  JointLimits slow = two_joints();
  slow.velocity = {0.3, 0.3};
  REQUIRE(bench.control.change_limits(slow, bench.now) == Status::ok);
  CHECK(bench.mode() == SafetyMode::degraded);
  bench.run(milliseconds(400));
  CHECK_FALSE(bench.control.filter().in_transition());
  CHECK(bench.control.filter().velocity()[0] <= 0.3);
  REQUIRE(bench.control.deliver(ramp(bench.now, 2, bench.q[0], 0.2), bench.now) == Status::ok);
  CHECK(bench.mode() == SafetyMode::run);
}

TEST_CASE("motion control: ticks, deliveries, changes of limits and stops call neither the heap nor a lock") {
  REQUIRE(counting_works());
  const char* arm = R"(<robot name="planar"><link name="base"/><link name="l1"/><link name="tool"/>
<joint name="a" type="revolute"><parent link="base"/><child link="l1"/><axis xyz="0 0 1"/><limit lower="-3" upper="3" velocity="2" effort="1"/></joint>
<joint name="b" type="revolute"><parent link="l1"/><child link="tool"/><origin xyz="0.5 0 0"/><axis xyz="0 0 1"/><limit lower="-3" upper="3" velocity="2" effort="1"/></joint></robot>)";
  MotionLog log(20000, 200000);
  Bench bench({.period = kTick,
               .on_path = true,
               .chain = Chain<>::from_urdf(arm, "base", "tool"),
               .tool_box = ToolBox{.upper = {0.495, 1, 1}, .speed = 2},
               .log = &log});
  std::vector<ActionChunk> chunks;
  for (int i = 0; i < 50; ++i)
    chunks.push_back(ramp(milliseconds(100 * i), static_cast<std::uint64_t>(i + 1), 0.5 + 0.4 * std::sin(0.3 * i), -0.3));
  JointLimits other = two_joints();
  other.velocity = {0.6, 0.6};
  bench.measured = {0.5, 0.5};
  const HeapCallCounter heap;
  const std::uint64_t locks_before = lock_calls();
  (void)bench.control.arm(bench.measured, bench.now);
  for (int k = 0; k < 2500; ++k) {
    const Time now = k * kTick;
    if (k % 50 == 0) (void)bench.control.deliver(chunks[static_cast<std::size_t>(k / 50)], now);
    if (k == 1200) (void)bench.control.change_limits(other, now);
    if (k == 2000) bench.control.raise(SafetyEvent::stop, now);
    (void)bench.control.tick(now, kTick, bench.measured, bench.q);
    std::copy(bench.q.begin(), bench.q.end(), bench.measured.begin());
  }
  const std::uint64_t calls = heap.count(), locks = lock_calls() - locks_before;
  CHECK(calls == 0);
  CHECK(locks == 0);
  CHECK(log.entries().size() == 2553);
  CHECK_FALSE(log.full());
  CHECK(bench.mode() == SafetyMode::hold);
}

TEST_CASE("motion control: poses by differential kinematics, and a pose out of reach degrades the mode without a jump") {
  const char* arm =
      R"(<robot name="arm"><link name="base"/><link name="l1"/><link name="l2"/><link name="l3"/><link name="l4"/><link name="l5"/><link name="tool"/>
<joint name="j1" type="revolute"><parent link="base"/><child link="l1"/><origin xyz="0 0 0.3"/><axis xyz="0 0 1"/><limit lower="-3" upper="3" velocity="2" effort="1"/></joint>
<joint name="j2" type="revolute"><parent link="l1"/><child link="l2"/><axis xyz="0 1 0"/><limit lower="-2" upper="2" velocity="2" effort="1"/></joint>
<joint name="j3" type="revolute"><parent link="l2"/><child link="l3"/><origin xyz="0 0 0.4"/><axis xyz="0 1 0"/><limit lower="-2.5" upper="2.5" velocity="2" effort="1"/></joint>
<joint name="j4" type="revolute"><parent link="l3"/><child link="l4"/><origin xyz="0 0 0.4"/><axis xyz="0 0 1"/><limit lower="-3" upper="3" velocity="2" effort="1"/></joint>
<joint name="j5" type="revolute"><parent link="l4"/><child link="l5"/><axis xyz="0 1 0"/><limit lower="-2" upper="2" velocity="2" effort="1"/></joint>
<joint name="j6" type="revolute"><parent link="l5"/><child link="tool"/><origin xyz="0 0 0.1"/><axis xyz="0 0 1"/><limit lower="-3" upper="3" velocity="2" effort="1"/></joint></robot>)";
  const JointLimits limits{{},
                           {-3, -2, -2.5, -3, -2, -3, 0},
                           {3, 2, 2.5, 3, 2, 3, 0.08},
                           {2, 2, 2, 2, 2, 2, 0.2},
                           {10, 10, 10, 10, 10, 10, 2},
                           {400, 400, 400, 400, 400, 400, 40}};
  const Chain<> chain = Chain<>::from_urdf(arm, "base", "tool");
  Bench bench({.period = kTick, .timeline = {.space = ActionSpace::tool_pose, .hold_columns = {7}}, .chain = chain}, limits);
  bench.measured = {0.2, 0.5, 1.0, 0.1, 0.8, -0.3, 0.04};
  REQUIRE(bench.control.arm(bench.measured, bench.now) == Status::ok);
  const auto tool = [&] { return forward(chain, JointVector<>(Eigen::Map<const Eigen::VectorXd>(bench.q.data(), 6))); };
  bench.run(kTick);
  const Eigen::Isometry3d start = tool();
  const Eigen::Quaterniond turn(start.linear());
  const auto line = [&](std::uint64_t sequence, double x, double y) {  // m within 0.75 s
    ActionChunk chunk(16, 8);
    chunk.space = ActionSpace::tool_pose;
    chunk.t0 = bench.now;
    chunk.dt = milliseconds(50);
    chunk.sequence = sequence;
    const Eigen::Vector3d here = tool().translation();
    for (int i = 0; i < 16; ++i) {
      const double row[] = {here.x() + x * i / 15, here.y() + y * i / 15, here.z(), turn.w(), turn.x(), turn.y(), turn.z(), 0.06};
      std::copy(std::begin(row), std::end(row), chunk.step(i).begin());
    }
    return chunk;
  };
  REQUIRE(bench.control.deliver(line(1, 0.05, 0.1), bench.now) == Status::ok);
  bench.run(milliseconds(1200));
  CHECK((tool().translation() - start.translation() - Eigen::Vector3d(0.05, 0.1, 0)).norm() < 2e-3);
  CHECK(Eigen::Quaterniond(tool().linear()).angularDistance(turn) < 2e-3);
  CHECK(bench.q[6] == doctest::Approx(0.06).epsilon(1e-6));
  CHECK(bench.control.safety().count(SafetyEvent::pose_unreachable) == 0);
  REQUIRE(bench.control.deliver(line(2, 0.8, 0.8), bench.now) == Status::ok);  // an arm of one metre
  bench.run(milliseconds(1500));
  CHECK(bench.control.safety().count(SafetyEvent::pose_unreachable) > 0);
  CHECK(bench.checker.excess().worst() <= 1e-12L);
  CHECK_THROWS_AS(MotionControl(limits, {.timeline = {.space = ActionSpace::tool_pose}}), Error);
  CHECK_THROWS_AS(MotionControl(limits, {.timeline = {.space = ActionSpace::base_pose}}), Error);
  CHECK_THROWS_AS(MotionControl(limits, {.tool_box = ToolBox{}}), Error);
}

TEST_CASE("replay: a log of hostile chunks, faults and changing limits gives the same commands, to the bit; other limits do not") {
  for (const bool on_path : {false, true}) {
    MotionLog log(200000, 2000000);
    const TemporaryDirectory folder;
    const auto path = folder.path() / "a.mcap";
    Recorder recorder(path, nullptr, {.wait_for_room = true});
    MotionControlOptions options{.period = kTick,
                                 .timeline = {.merge = on_path ? ChunkMerge::blend : ChunkMerge::ensemble},
                                 .on_path = on_path,
                                 .log = &log,
                                 .recorder = &recorder};
    Bench bench(options);
    Random random(9);
    REQUIRE(bench.control.arm(bench.measured, bench.now) == Status::ok);
    for (std::uint64_t k = 1; k < 200; ++k) {
      ActionChunk chunk = ramp(bench.now - milliseconds(random.below(300)), k - random.below(2), bench.q[0], random.uniform(-1, 1));
      for (double& x : chunk.values) x += random.uniform(-0.1, 0.1);
      if (random.below(8) == 0) chunk.values[3] = std::numeric_limits<double>::quiet_NaN();
      (void)bench.control.deliver(chunk, bench.now);
      bench.run(milliseconds(static_cast<int>(2 * random.below(80))));
      if (k % 40 == 0) bench.control.raise(SafetyEvent::stop, bench.now);
      if (k % 40 == 9) (void)bench.control.arm(bench.measured, bench.now);
      if (k == 50) {
        JointLimits other = two_joints();
        other.velocity = {0.5, 0.7};
        REQUIRE(bench.control.change_limits(other, bench.now) == Status::ok);
      }
      if (k == 90) bench.control.skip(bench.now += milliseconds(40), milliseconds(40));
    }
    REQUIRE_FALSE(log.full());
    const Replay same = replay(log, two_joints(), options);
    CHECK(same.ticks > 5000);
    CHECK(same.different == 0);
    REQUIRE(recorder.close());
    const Replay recorded = replay(read_motion_log(path), two_joints(), options);
    CHECK(recorded.commands == same.commands);
    CHECK(recorded.different == 0);
    JointLimits tighter = two_joints();
    tighter.acceleration = {2, 2};
    const Replay other = replay(log, tighter, options);
    CHECK(other.different > 1000);
    CHECK(other.first > 0);
  }
  MotionLog small(3, 10);
  Bench bench({.period = kTick, .log = &small});
  REQUIRE(bench.control.arm(bench.measured, bench.now) == Status::ok);
  bench.run(milliseconds(20));
  CHECK(small.full());
  CHECK_THROWS_AS((void)replay(small, two_joints(), {.period = kTick}), Error);
}

TEST_CASE("motion control: a chunk with times at the ends of the clock is refused before anything is computed from it") {
  for (const Time t0 : {Time::min(), Time::min() + Time(5), Time::max(), Time(-1)})
    for (const Time dt : {Time(1), Time(milliseconds(50)), Time::max(), Time{}, Time::min()}) {
      Bench bench;
      REQUIRE(bench.control.arm(bench.measured, bench.now) == Status::ok);
      ActionChunk chunk = ramp(t0, 1, 0, 0.1);
      chunk.dt = dt;
      const Status status = bench.control.deliver(chunk, bench.now);
      CHECK((status != Status::ok || t0 == Time(-1)));
      bench.run(milliseconds(20));
    }
}

TEST_CASE("motion control: after an interruption nothing of the old plan comes back") {
  Bench bench;
  REQUIRE(bench.control.arm(bench.measured, bench.now) == Status::ok);
  REQUIRE(bench.control.deliver(ramp(bench.now, 1, 0, 0.9, 30), bench.now) == Status::ok);
  bench.run(milliseconds(400));
  bench.run(milliseconds(600), false);
  REQUIRE(bench.mode() == SafetyMode::hold);
  const double rest = bench.q[0];
  CHECK(bench.control.deliver(ramp(bench.now, 1, rest, 0), bench.now) == Status::stale);  // sequence numbers are not forgotten
  // A plan that stays here, and begins in a second: the joint stays here meanwhile.
  REQUIRE(bench.control.deliver(ramp(bench.now + std::chrono::seconds(1), 2, rest, 0), bench.now) == Status::ok);
  for (int k = 0; k < 100; ++k) {
    bench.run(milliseconds(10));
    CHECK(std::abs(bench.q[0] - rest) < 1e-6);
  }
}

TEST_CASE(
    "motion control: a plan that the joints are far behind of does not move them long after its end; a lost measurement stops at once") {
  for (const bool measuring : {true, false}) {
    Bench bench;
    REQUIRE(bench.control.arm(bench.measured, bench.now) == Status::ok);
    REQUIRE(bench.control.deliver(ramp(bench.now, 1, 0, 0), bench.now) == Status::ok);
    bench.run(milliseconds(100));
    REQUIRE(bench.control.deliver(ramp(bench.now, 2, 1.45, 0, 4), bench.now) == Status::ok);  // 1.45 s at full velocity, within 0.15 s
    bench.run(milliseconds(300));
    bench.run(milliseconds(900), measuring);
    CHECK(bench.control.filter().at_rest());
    CHECK(bench.mode() == SafetyMode::hold);
    CHECK(bench.q[0] < 1.2);
    CHECK(bench.checker.excess().worst() <= 1e-12L);
  }
}

TEST_CASE("motion control: an arm that was moved by hand does not start from a plan that begins where it was commanded to be") {
  Bench bench;
  REQUIRE(bench.control.arm(bench.measured, bench.now) == Status::ok);
  bench.run(milliseconds(10));
  bench.measured = {1.0, 0.0};
  (void)bench.control.tick(bench.now, kTick, bench.measured, bench.q);
  CHECK(bench.control.deliver(ramp(bench.now, 1, 0, 0.1), bench.now) == Status::out_of_range);
  CHECK(bench.mode() == SafetyMode::armed);
  REQUIRE(bench.control.arm(bench.measured, bench.now) == Status::ok);
  ActionChunk chunk = ramp(bench.now, 1, 1.0, 0);
  for (int i = 0; i < chunk.horizon; ++i) chunk.step(i)[1] = 0;
  CHECK(bench.control.deliver(chunk, bench.now) == Status::ok);
}

TEST_CASE("motion control: a long gap between ticks ends the plan; a path that is slowed down for too long too") {
  Bench bench;
  REQUIRE(bench.control.arm(bench.measured, bench.now) == Status::ok);
  REQUIRE(bench.control.deliver(ramp(bench.now, 1, 0, 0.5, 100), bench.now) == Status::ok);
  bench.run(milliseconds(300));
  bench.now += std::chrono::seconds(1);
  bench.control.skip(bench.now, std::chrono::seconds(1));
  bench.run(milliseconds(10));
  CHECK(bench.mode() == SafetyMode::hold);

  JointLimits slow = two_joints();
  slow.velocity = {0.02, 0.02};
  Bench governed({.period = kTick, .timeline = {.max_age = milliseconds(500)}, .on_path = true}, slow);
  REQUIRE(governed.control.arm(governed.measured, governed.now) == Status::ok);
  REQUIRE(governed.control.deliver(ramp(governed.now, 1, 0, 0.5, 20), governed.now) == Status::ok);
  governed.run(milliseconds(1500));
  CHECK(governed.mode() == SafetyMode::hold);
}

TEST_CASE("motion control: tolerances cannot be switched off") {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  for (const double bad : {0.0, -1.0, 3.1, inf, nan}) {
    CHECK_THROWS_AS(MotionControl(two_joints(), {.period = kTick, .start_tolerance = bad}), Error);
    CHECK_THROWS_AS(MotionControl(two_joints(), {.period = kTick, .pose_tolerance = bad}), Error);
  }
}

TEST_CASE("motion control: while one joint is on its way into new limits the others are still watched") {
  Bench bench;
  bench.measured = {1.2, 0};
  REQUIRE(bench.control.arm(bench.measured, bench.now) == Status::ok);
  bench.control.raise(SafetyEvent::stop, bench.now);  // the first joint stays outside its new range
  JointLimits narrow = two_joints();
  narrow.upper = {0.5, 1.5};
  REQUIRE(bench.control.change_limits(narrow, bench.now) == Status::ok);
  bench.run(milliseconds(20));
  REQUIRE(bench.control.filter().in_transition(0));
  REQUIRE_FALSE(bench.control.filter().in_transition(1));
  CHECK(bench.mode() == SafetyMode::hold);
  bench.measured = {1.2, 2.5};
  (void)bench.control.tick(bench.now, kTick, bench.measured, bench.q);
  CHECK(bench.mode() == SafetyMode::fault);
}
