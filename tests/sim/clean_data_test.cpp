// SPDX-License-Identifier: Apache-2.0
// The demonstrator's chunks pass the filter as they are where they keep the limits. They do not always: a gripper's target steps, and the
// arm's may ask for more than the acceleration that the card allows, in the first chunk of a task above all.
#include <doctest/doctest.h>

#include <cstdio>
#include <string>
#include <vector>

#include "pass_counter.hpp"
#include "sinew/runtime/control_loop.hpp"
#include "sinew/sim/demonstrator.hpp"

using namespace sinew;
using namespace sinew::testing;

namespace {

/// A chunk of joints and when it was pushed.
struct Sent {
  Time now;
  ActionChunk chunk;
};

/// One task from beginning to end.
struct Episode {
  std::vector<double> start;
  Time begin;
  std::vector<Sent> sent;
};

}  // namespace

TEST_CASE("clean data: hardly a tick of the demonstrator's tasks is changed without a reason") {
  auto robot = sim::MujocoRobot::tabletop({.seed = 1});
  BackendRegistry registry;
  sim::add_demonstrator(registry, robot);
  Policy policy = Policy::load(SINEW_DEMONSTRATOR_DIRECTORY, registry);
  ControlLoop loop(robot, policy, {.chain = Chain<>::from_urdf(robot.urdf(), "link0", "tool")});
  const auto instructions = sim::known_instructions();
  std::uint64_t ticks = 0, changed = 0, false_alarms = 0;
  double farthest = 0;
  for (std::size_t task = 0; task < 8; ++task) {
    // Five on each time: all three families.
    const std::string instruction(instructions[5 * task % instructions.size()]);
    robot.reset(1 + task, sim::parse_instruction(instruction));
    Episode episode{std::vector<double>(loop.limits().lower.size()), robot.now(), {}};
    REQUIRE(robot.positions(episode.start) == Status::ok);
    REQUIRE(loop.reset() == Status::ok);
    for (int i = 0; i < 120 && !robot.succeeded(instruction); ++i) {
      const Time now = robot.now();
      REQUIRE(loop.run_for(instruction, std::chrono::milliseconds(100)) == Status::ok);
      episode.sent.push_back({now, loop.latest_chunk()});
    }
    CHECK(robot.succeeded(instruction));

    PassCounter counter(loop.limits(), loop.motion().options().timeline);
    REQUIRE(counter.start(episode.start, episode.begin));
    for (const Sent& sent : episode.sent) {
      REQUIRE(counter.push(sent.chunk) == Status::ok);
      counter.run_until(sent.now + std::chrono::milliseconds(100));
    }
    CHECK(counter.refused == 0);
    ticks += counter.ticks;
    changed += counter.changed;
    false_alarms += counter.false_alarms;
    farthest = std::max(farthest, counter.farthest);
  }
  const auto percent = [&](std::uint64_t count) { return 100.0 * static_cast<double>(count) / static_cast<double>(ticks); };
  std::printf("demonstrator: %llu ticks, %.3f %% changed, %.4f %% of all without a reason, farthest from a target %.4f\n",
              static_cast<unsigned long long>(ticks), percent(changed), percent(false_alarms), farthest);
  CHECK(percent(false_alarms) <= 0.01);
}
