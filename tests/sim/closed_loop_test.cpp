// SPDX-License-Identifier: Apache-2.0
// The whole path in one process: cameras and instruction in, a cube on a plate out.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "sinew/kinematics/chain.hpp"
#include "sinew/runtime/control_loop.hpp"
#include "sinew/runtime/policy.hpp"
#include "sinew/sim/demonstrator.hpp"
#include "sinew/sim/instruction.hpp"
#include "sinew/sim/mujoco_robot.hpp"

using namespace sinew;
using namespace std::chrono_literals;

namespace {

/// Robot, policy and loop at 100 Hz; small frames keep the test quick.
struct World {
  explicit World(double inference_rate = 10)
      : policy(make_policy(robot)),
        loop(robot, policy,
             {.control_rate = 100, .inference_rate = inference_rate, .chain = Chain<>::from_urdf(robot.urdf(), "link0", "tool")}) {}
  static Policy make_policy(const sim::MujocoRobot& robot) {
    BackendRegistry registry;
    sim::add_demonstrator(registry, robot);
    return Policy::load(SINEW_DEMONSTRATOR_DIRECTORY, registry);
  }
  bool solve(std::uint64_t seed, const std::string& instruction, Time limit = 12s) {
    robot.reset(seed, sim::parse_instruction(instruction));
    const Time start = robot.now();
    REQUIRE(loop.reset() == Status::ok);
    while (!robot.succeeded(instruction) && robot.now() - start < limit)
      REQUIRE_MESSAGE(loop.run_for(instruction, 100ms) == Status::ok, loop.last_error());
    return robot.succeeded(instruction);
  }
  sim::MujocoRobot robot = sim::MujocoRobot::tabletop({.seed = 0, .camera_height = 64, .camera_width = 64});
  Policy policy;
  ControlLoop<sim::MujocoRobot> loop;
};

}  // namespace

TEST_CASE("closed loop: solves ten layouts, and no command leaves a limit") {
  World world;
  const auto instructions = sim::known_instructions();
  const JointLimits& limits = world.robot.limits();
  for (std::uint64_t seed = 1000; seed < 1010; ++seed) {
    const auto& instruction = instructions[seed % instructions.size()];
    CAPTURE(seed);
    CAPTURE(instruction);
    CHECK(world.solve(seed, instruction));
    // From the commands alone, by differences: independent of what the filter says about itself.
    const auto command = world.loop.trace().command();
    const std::size_t ticks = command.size() / sim::kRobotJoints;
    REQUIRE(ticks > 100);
    constexpr double kTick = 0.01;
    for (std::size_t joint = 0; joint < sim::kRobotJoints; ++joint) {
      double velocity = 0;
      double acceleration = 0;
      for (std::size_t i = 2; i < ticks; ++i) {
        const auto q = [&](std::size_t tick) { return command[tick * sim::kRobotJoints + joint]; };
        velocity = std::max(velocity, std::abs(q(i) - q(i - 1)) / kTick);
        acceleration = std::max(acceleration, std::abs(q(i) - 2 * q(i - 1) + q(i - 2)) / (kTick * kTick));
        REQUIRE(q(i) >= limits.lower[joint]);
        REQUIRE(q(i) <= limits.upper[joint]);
      }
      CHECK(velocity <= limits.velocity[joint] * (1 + 1e-6));
      CHECK(acceleration <= limits.acceleration[joint] * (1 + 1e-6));
    }
  }
}

TEST_CASE("closed loop: stacks and pushes, whatever the cubes' yaw") {
  World world;
  const auto instructions = sim::known_instructions();
  for (std::size_t i = 0; i < 12; ++i) {
    const auto& instruction = instructions[9 + i];
    CAPTURE(instruction);
    CHECK(world.solve(2000 + i, instruction));
  }
}

TEST_CASE("closed loop: a pushed cube lies still where it was told to go, the stacked one on the other") {
  World world;
  const auto position = [&world](std::string_view name) {
    const auto objects = world.robot.objects();
    const auto found = std::ranges::find(objects, name, &sim::ObjectPose::name);
    REQUIRE(found != objects.end());
    return found->position;
  };
  world.robot.reset(40, sim::parse_instruction("push the green cube to the right"));
  const auto before = position("cube_green");
  REQUIRE(world.solve(40, "push the green cube to the right"));
  const auto pushed = position("cube_green");
  CHECK(pushed[1] - before[1] <= -0.06);  // the robot's right is -y
  CHECK(pushed[1] <= -sim::kPushLine);
  CHECK(pushed[1] > -sim::kPushLine - 0.06);
  CHECK(std::abs(pushed[0] - before[0]) < 0.04);
  CHECK(std::abs(pushed[2] - sim::kCubeHalf) < 0.002);
  CHECK_FALSE(world.robot.succeeded("push the green cube to the left"));

  REQUIRE(world.solve(41, "stack the blue cube on the red cube"));
  const auto upper = position("cube_blue");
  const auto lower = position("cube_red");
  CHECK(std::hypot(upper[0] - lower[0], upper[1] - lower[1]) < 0.02);
  CHECK(std::abs(upper[2] - lower[2] - 2 * sim::kCubeHalf) < 0.005);
  CHECK_FALSE(world.robot.succeeded("stack the red cube on the blue cube"));
}

TEST_CASE("closed loop: a slower policy does it too, following longer parts of each chunk") {
  World world(2.5);
  CHECK(world.solve(31, "put the blue cube on the purple plate"));
}

TEST_CASE("closed loop: a cube that is taken away is fetched again") {
  World world;
  const std::string first = "put the red cube on the white plate";
  REQUIRE(world.solve(5, first));
  // The same world, another wish: the cube leaves its plate for the next one.
  const std::string second = "put the red cube on the yellow plate";
  const Time start = world.robot.now();
  while (!world.robot.succeeded(second) && world.robot.now() - start < 12s)
    REQUIRE_MESSAGE(world.loop.run_for(second, 100ms) == Status::ok, world.loop.last_error());
  CHECK(world.robot.succeeded(second));
  CHECK_FALSE(world.robot.succeeded(first));
}

TEST_CASE("closed loop: an unknown instruction moves nothing and says what is known") {
  World world;
  world.robot.reset(7);
  std::array<double, sim::kRobotJoints> before{};
  std::array<double, sim::kRobotJoints> after{};
  REQUIRE(world.robot.positions(before) == Status::ok);
  REQUIRE(world.loop.reset() == Status::ok);
  CHECK(world.loop.run_for("make me a sandwich", 500ms) == Status::backend_failed);
  CHECK(world.loop.last_error().find("red, green, blue") != std::string_view::npos);
  REQUIRE(world.robot.positions(after) == Status::ok);
  for (std::size_t i = 0; i < before.size(); ++i) CHECK(std::abs(after[i] - before[i]) < 1e-3);
}

TEST_CASE("closed loop: the same seed gives the same commands") {
  World world;
  const auto commands = [&world] {
    world.robot.reset(9);
    REQUIRE(world.loop.reset() == Status::ok);
    REQUIRE(world.loop.run_for("put the green cube on the yellow plate", 2s) == Status::ok);
    const auto command = world.loop.trace().command();
    return std::vector<double>(command.begin(), command.end());
  };
  const auto first = commands();
  CHECK(commands() == first);
}
