// SPDX-License-Identifier: Apache-2.0
#include "sinew/runtime/jog_operator.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "affine_policy.hpp"
#include "ideal_robot.hpp"
#include "sinew/core/error.hpp"
#include "sinew/kinematics/forward.hpp"
#include "sinew/runtime/control_loop.hpp"
#include "sinew/testing/no_alloc.hpp"

using sinew::Status;
using sinew::Time;
using sinew::testing::IdealRobot;

namespace {

/// Two sliding joints, along x and along y, so that the tool is where the joints say; behind them stands a gripper.
constexpr const char* kSlides = R"(<robot name="slides">
<link name="base"/><link name="l1"/><link name="tool"/>
<joint name="a" type="prismatic"><parent link="base"/><child link="l1"/><axis xyz="1 0 0"/><limit lower="-1.5" upper="1.5" velocity="1" effort="1"/></joint>
<joint name="b" type="prismatic"><parent link="l1"/><child link="tool"/><axis xyz="0 1 0"/><limit lower="-1.5" upper="1.5" velocity="1" effort="1"/></joint>
</robot>)";

sinew::Chain<> slides() { return sinew::Chain<>::from_urdf(kSlides, "base", "tool"); }

/// What an operator says to commanded joints, without a loop.
struct Hands {
  sinew::Observation observation;
  std::vector<double> commanded{0.1, -0.2, 0.03};
  sinew::ActionChunk chunk;
  bool first = true;

  Status act(sinew::JogOperator& jog, Time now) { return jog.act({observation, commanded, now, 16, std::exchange(first, false)}, chunk); }
};

constexpr Time ms(int n) { return std::chrono::milliseconds(n); }

}  // namespace

TEST_CASE("jog: begins where the tool is commanded, and holds it without input") {
  sinew::JogOperator jog(slides());
  Hands hands;
  REQUIRE(hands.act(jog, ms(1000)) == Status::ok);
  const auto& chunk = hands.chunk;
  CHECK(chunk.space == sinew::ActionSpace::tool_pose);
  CHECK(chunk.horizon == 16);
  CHECK(chunk.dim == 8);
  CHECK(chunk.t0 == ms(1000));
  for (int i = 0; i < chunk.horizon; ++i) {
    const std::vector<double> row(chunk.step(i).begin(), chunk.step(i).end());
    CHECK(row == std::vector<double>{0.1, -0.2, 0, 1, 0, 0, 0, 0.03});
  }
}

TEST_CASE("jog: a velocity moves the target at that speed until the dead man's time is over, however often it is asked") {
  sinew::JogOperator jog(slides());
  Hands hands;
  REQUIRE(hands.act(jog, ms(1000)) == Status::ok);
  REQUIRE(jog.set_input({.velocity = {0.1, 0, 0}, .gripper = 0.05}) == Status::ok);
  REQUIRE(hands.act(jog, ms(1050)) == Status::ok);
  CHECK(hands.chunk.step(0)[0] == doctest::Approx(0.1));
  CHECK(hands.chunk.step(1)[0] == doctest::Approx(0.11));
  CHECK(hands.chunk.step(3)[0] == doctest::Approx(0.13));
  CHECK(hands.chunk.step(15)[0] == doctest::Approx(0.13));  // the plan itself ends with a hold
  CHECK(hands.chunk.step(0)[7] == 0.05);
  for (int t = 1100; t <= 1700; t += 50) {
    REQUIRE(hands.act(jog, ms(t)) == Status::ok);
    CHECK(hands.chunk.step(0)[0] == doctest::Approx(0.1 + 0.1 * std::min(0.3, (t - 1050) * 1e-3)));
  }
  CHECK(hands.chunk.step(15)[0] == doctest::Approx(0.13));
  CHECK(hands.chunk.step(0)[7] == 0.05);
}

TEST_CASE("jog: turns about base axes, and speeds and openings are bounded") {
  sinew::JogOperator jog(slides(), {.leash = 1, .turn_leash = 1});
  Hands hands;
  REQUIRE(hands.act(jog, ms(0)) == Status::ok);
  REQUIRE(jog.set_input({.velocity = {3, 4, 0}, .turn = {0, 0, 9}, .gripper = 7.0}) == Status::ok);
  REQUIRE(hands.act(jog, ms(0)) == Status::ok);
  const auto row = hands.chunk.step(2);  // after 0.2 s at 0.2 m/s and 1 rad/s
  CHECK(row[0] == doctest::Approx(0.1 + 0.04 * 0.6));
  CHECK(row[1] == doctest::Approx(-0.2 + 0.04 * 0.8));
  CHECK(row[3] == doctest::Approx(std::cos(0.1)));
  CHECK(row[6] == doctest::Approx(std::sin(0.1)));
  CHECK(row[7] == 0.08);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(jog.set_input({.velocity = {nan, 0, 0}}) == Status::not_finite);
  CHECK(jog.set_input({.gripper = nan}) == Status::not_finite);
}

TEST_CASE("jog: the target does not run away from an arm that cannot follow") {
  sinew::JogOperator jog(slides());
  Hands hands;
  REQUIRE(hands.act(jog, ms(0)) == Status::ok);
  for (int t = 50; t < 5000; t += 50) {
    REQUIRE(jog.set_input({.velocity = {0.2, 0, 0}, .turn = {0.5, 0, 0}}) == Status::ok);
    REQUIRE(hands.act(jog, ms(t)) == Status::ok);
  }
  const double ahead = hands.chunk.step(0)[0] - 0.1, angle = 2 * std::acos(hands.chunk.step(0)[3]);
  CHECK(ahead > 0.035);
  CHECK(ahead < 0.05 + 1e-9);
  CHECK(angle > 0.25);
  CHECK(angle < 0.3 + 1e-9);
  // The way back is free, also for a target that an arm has left behind.
  hands.commanded[1] += 0.2;
  REQUIRE(jog.set_input({.velocity = {0, 0.2, 0}}) == Status::ok);
  for (int t = 5000; t <= 5300; t += 50) REQUIRE(hands.act(jog, ms(t)) == Status::ok);
  CHECK(hands.chunk.step(0)[1] == doctest::Approx(-0.2 + 0.06));
}

TEST_CASE("jog: what was said before the takeover does not count, and a new takeover begins where the tool is then") {
  sinew::JogOperator jog(slides());
  Hands hands;
  bool held = true;
  const auto ask = [&](Time now) { return jog.holds({hands.observation, hands.commanded, now, 16, false}, held); };
  REQUIRE(jog.set_input({.velocity = {0.1, 0, 0}}) == Status::ok);
  REQUIRE(ask(ms(0)) == Status::ok);
  CHECK_FALSE(held);
  jog.take_over();
  REQUIRE(ask(ms(100)) == Status::ok);
  CHECK(held);
  REQUIRE(hands.act(jog, ms(100)) == Status::ok);
  CHECK(hands.chunk.step(15)[0] == 0.1);
  jog.hand_back();
  REQUIRE(ask(ms(200)) == Status::ok);
  CHECK_FALSE(held);
  hands.commanded = {0.9, 0.4, 0.01};
  hands.first = true;
  REQUIRE(hands.act(jog, ms(300)) == Status::ok);
  CHECK(hands.chunk.step(0)[0] == doctest::Approx(0.9));
  CHECK(hands.chunk.step(0)[7] == 0.01);
}

TEST_CASE("jog: refuses joints that are not its own, and options that make no sense; allocates nothing") {
  sinew::JogOperator jog(slides());
  Hands hands;
  hands.commanded = {0.1};
  CHECK(hands.act(jog, ms(0)) == Status::bad_shape);
  CHECK_FALSE(jog.last_error().empty());
  hands = Hands();
  REQUIRE(hands.act(jog, ms(0)) == Status::ok);
  const sinew::testing::HeapCallCounter heap;
  for (int t = 0; t < 1000; t += 50) {
    REQUIRE(jog.set_input({.velocity = {0.2, 0, 0}}) == Status::ok);
    REQUIRE(hands.act(jog, ms(t)) == Status::ok);
  }
  CHECK(heap.count() == 0);
  CHECK_THROWS_AS(sinew::JogOperator(slides(), {.max_speed = 0}), sinew::Error);
  CHECK_THROWS_AS(sinew::JogOperator(slides(), {.deadman = ms(3000)}), sinew::Error);
  CHECK_THROWS_AS(sinew::JogOperator(slides(), {.rate = std::numeric_limits<double>::quiet_NaN()}), sinew::Error);
}

TEST_CASE("jog: drives the robot of a policy of joints, through the chain of the loop") {
  const sinew::testing::TemporaryDirectory directory;
  sinew::testing::write_affine_policy(directory);
  auto policy = sinew::Policy::load(directory.path());
  IdealRobot robot;
  // The card has three rows: the plan is short, so its last stretch is slowed down, but not its beginning.
  auto jog = std::make_shared<sinew::JogOperator>(slides(), sinew::JogOptions{.step = ms(300)});
  sinew::ControlLoop loop(robot, policy, {.chain = slides(), .takeover_by = sinew::AnyOperator(jog)});
  REQUIRE(loop.reset() == Status::ok);
  jog->take_over();
  for (int i = 0; i < 10; ++i) {
    REQUIRE(jog->set_input({.velocity = {0, 0.1, 0}}) == Status::ok);
    REQUIRE(loop.run_for("go", ms(100)) == Status::ok);
  }
  CHECK(robot.q[0] == doctest::Approx(0.1).epsilon(1e-3));
  CHECK(robot.q[1] > -0.2 + 0.07);
  CHECK(robot.q[1] < -0.2 + 0.11);
  REQUIRE(loop.run_for("go", ms(1000)) == Status::ok);
  CHECK(robot.q[1] == doctest::Approx(-0.2 + 0.12).epsilon(0.05));
  CHECK(loop.motion().filter().velocity()[1] == doctest::Approx(0).epsilon(1e-3));
}
