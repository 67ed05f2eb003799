// SPDX-License-Identifier: Apache-2.0
// The simulated robot as a Robot: time, commands, observations, frames.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>
#include <thread>

#include "sinew/core/error.hpp"
#include "sinew/sim/instruction.hpp"
#include "sinew/sim/mujoco_robot.hpp"

using namespace sinew;
using namespace sinew::sim;
using namespace std::chrono_literals;

namespace {

constexpr TabletopOptions kBlind{.seed = 0, .camera_height = 128, .camera_width = 128, .render_cameras = false};

std::array<double, kRobotJoints> positions(const MujocoRobot& robot) {
  std::array<double, kRobotJoints> q{};
  REQUIRE(robot.positions(q) == Status::ok);
  return q;
}

std::size_t distinct_colours(const Image& image) {
  std::set<std::uint32_t> colours;
  const auto pixels = image.pixels();
  for (std::size_t i = 0; i + 2 < pixels.size(); i += 3) colours.insert(pixels[i] << 16U | pixels[i + 1] << 8U | pixels[i + 2]);
  return colours.size();
}

/// Pixels that are clearly of one primary colour: r, g or b.
int pixels_of(const Image& image, std::size_t channel) {
  int count = 0;
  const auto pixels = image.pixels();
  for (std::size_t i = 0; i + 2 < pixels.size(); i += 3) {
    const int other = std::max(pixels[i + (channel + 1) % 3], pixels[i + (channel + 2) % 3]);
    count += pixels[i + channel] > 90 && pixels[i + channel] > 2 * other;
  }
  return count;
}

}  // namespace

TEST_CASE("robot: time is virtual, moves only in wait_until and never back") {
  auto robot = MujocoRobot::tabletop(kBlind);
  CHECK(robot.now() == 0ms);
  CHECK(robot.wait_until(5ms) == Status::ok);
  CHECK(robot.now() == 5ms);
  CHECK(robot.wait_until(2ms) == Status::ok);
  CHECK(robot.now() == 5ms);
  CHECK(robot.wait_until(Time(5'000'001)) == Status::ok);
  CHECK(robot.now() == 6ms);
  robot.reset(3);
  CHECK(robot.now() == 6ms);
}

TEST_CASE("robot: keeps still when told nothing") {
  auto robot = MujocoRobot::tabletop(kBlind);
  const auto before = positions(robot);
  const auto objects = robot.objects();
  REQUIRE(robot.wait_until(2s) == Status::ok);
  const auto after = positions(robot);
  for (std::size_t i = 0; i < before.size(); ++i) CHECK(after[i] == doctest::Approx(before[i]).epsilon(1e-3));
  for (std::size_t i = 0; i < objects.size(); ++i)
    for (std::size_t k = 0; k < 3; ++k) CHECK(std::abs(robot.objects()[i].position[k] - objects[i].position[k]) < 1e-3);
}

TEST_CASE("robot: follows a smooth command with a small lag") {
  auto robot = MujocoRobot::tabletop(kBlind);
  const auto start = positions(robot);
  // 1 rad/s at most in every joint, in both directions, at 100 Hz.
  double worst = 0;
  for (int tick = 1; tick <= 300; ++tick) {
    const double t = tick * 0.01;
    auto q = start;
    for (std::size_t i = 0; i < kArmJoints; ++i) q[i] += (i % 2 == 0 ? 0.25 : -0.25) * (1 - std::cos(4 * t)) * (i == 5 ? -1 : 1);
    q[kArmJoints] = 0.04 + 0.04 * std::cos(4 * t);
    for (std::size_t i = 0; i < q.size(); ++i) q[i] = std::clamp(q[i], robot.limits().lower[i], robot.limits().upper[i]);
    REQUIRE(robot.command(q) == Status::ok);
    REQUIRE(robot.wait_until(from_seconds(t)) == Status::ok);
    const auto measured = positions(robot);
    for (std::size_t i = 0; i < kArmJoints; ++i) worst = std::max(worst, std::abs(measured[i] - q[i]));
  }
  CHECK(worst < 0.03);
}

TEST_CASE("robot: refuses commands that are short, not finite or outside the limits, and keeps its target") {
  auto robot = MujocoRobot::tabletop(kBlind);
  auto q = positions(robot);
  CHECK(robot.command(std::span(q).first(7)) == Status::bad_shape);
  const auto with = [&q](std::size_t joint, double value) {
    auto bad = q;
    bad[joint] = value;
    return bad;
  };
  CHECK(robot.command(with(2, std::numeric_limits<double>::quiet_NaN())) == Status::not_finite);
  CHECK(robot.command(with(3, 0.5)) == Status::out_of_range);
  CHECK(robot.command(with(7, 0.2)) == Status::out_of_range);
  REQUIRE(robot.wait_until(500ms) == Status::ok);
  CHECK(positions(robot)[3] == doctest::Approx(q[3]).epsilon(1e-3));
  std::array<double, 3> few{};
  CHECK(robot.positions(few) == Status::bad_shape);
}

TEST_CASE("robot: stop holds the arm where it is") {
  auto robot = MujocoRobot::tabletop(kBlind);
  auto q = positions(robot);
  q[0] += 0.5;
  REQUIRE(robot.command(q) == Status::ok);
  REQUIRE(robot.wait_until(30ms) == Status::ok);
  const double at_stop = positions(robot)[0];
  robot.stop();
  REQUIRE(robot.wait_until(1s) == Status::ok);
  CHECK(std::abs(positions(robot)[0] - at_stop) < 0.05);
  CHECK(std::abs(positions(robot)[0] - q[0]) > 0.2);
}

TEST_CASE("robot: limits are the tighter of its own and the caller's") {
  JointLimits mine = tabletop_limits();
  mine.velocity[0] = 0.5;
  mine.velocity[1] = 99;
  TabletopOptions options = kBlind;
  options.limits = mine;
  const auto robot = MujocoRobot::tabletop(options);
  CHECK(robot.limits().velocity[0] == 0.5);
  CHECK(robot.limits().velocity[1] == tabletop_limits().velocity[1]);
  options.limits->names[0] = "elbow";
  CHECK_THROWS_AS(MujocoRobot::tabletop(options), Error);
}

TEST_CASE("observe: cameras, channels, units and stamps") {
  auto robot = MujocoRobot::tabletop({.seed = 2, .camera_height = 96, .camera_width = 160, .render_cameras = true});
  Observation observation;
  REQUIRE(robot.wait_until(20ms) == Status::ok);
  REQUIRE(robot.observe("put the red cube on the white plate", observation) == Status::ok);
  CHECK(observation.time == 20ms);
  CHECK(observation.instruction == "put the red cube on the white plate");
  const auto first_id = observation.id;
  REQUIRE(observation.cameras.size() == 2);
  for (const auto name : {"front", "wrist"}) {
    const CameraFrame* frame = observation.find_camera(name);
    REQUIRE(frame != nullptr);
    CHECK(frame->stamp == 20ms);
    CHECK(frame->image.height() == 96);
    CHECK(frame->image.width() == 160);
    CHECK(distinct_colours(frame->image) > 100);
  }
  REQUIRE(observation.channels.size() == 3);
  CHECK(observation.find_channel("joint_position")->unit == "rad,m");
  CHECK(observation.find_channel("joint_velocity")->unit == "rad/s,m/s");
  CHECK(observation.find_channel("tool_pose")->unit == "m,quat_wxyz");
  CHECK(observation.find_channel("joint_position")->values.size() == 8);
  CHECK(observation.find_channel("tool_pose")->values.size() == 7);
  const auto* pixels = observation.cameras[0].image.pixels().data();
  REQUIRE(robot.observe("x", observation) == Status::ok);
  CHECK(observation.id == first_id + 1);
  CHECK(observation.cameras[0].image.pixels().data() == pixels);
}

TEST_CASE("observe: tells where the objects are only when it was asked to") {
  TabletopOptions options = kBlind;
  options.privileged = true;
  auto robot = MujocoRobot::tabletop(options);
  Observation observation;
  REQUIRE(robot.observe("", observation) == Status::ok);
  REQUIRE(observation.channels.size() == 5);
  const Channel* channel = observation.find_channel("object_position");
  REQUIRE(channel != nullptr);
  CHECK(channel->unit == "m");
  REQUIRE(channel->values.size() == 18);
  const auto objects = robot.objects();
  REQUIRE(objects.size() == 6);
  for (std::size_t i = 0; i < 18; ++i) CHECK(channel->values[i] == objects[i / 3].position[i % 3]);
  const Channel* yaws = observation.find_channel("cube_yaw");
  REQUIRE(yaws != nullptr);
  REQUIRE(yaws->values.size() == 3);
  for (std::size_t i = 0; i < 3; ++i)  // they stand upright
    CHECK(std::cos(yaws->values[i] - 2 * std::atan2(objects[i].quaternion[3], objects[i].quaternion[0])) == doctest::Approx(1));
}

TEST_CASE("render: the front camera sees all three cubes") {
  auto robot = MujocoRobot::tabletop(kBlind);
  Image image;
  for (const std::uint64_t seed : {1, 2, 3, 4, 5}) {
    CAPTURE(seed);
    robot.reset(seed);
    robot.render("front", 256, 256, image);
    for (std::size_t channel = 0; channel < 3; ++channel) CHECK(pixels_of(image, channel) > 100);
  }
}

TEST_CASE("render: equal worlds give equal bytes, on another thread too, and robots do not disturb each other") {
  auto one = MujocoRobot::tabletop({.seed = 5, .camera_height = 64, .camera_width = 64, .render_cameras = true});
  auto two = MujocoRobot::tabletop({.seed = 5, .camera_height = 64, .camera_width = 64, .render_cameras = true});
  auto other = MujocoRobot::tabletop({.seed = 6, .camera_height = 64, .camera_width = 64, .render_cameras = true});
  Observation a;
  Observation b;
  Observation c;
  REQUIRE(one.observe("", a) == Status::ok);
  REQUIRE(other.observe("", c) == Status::ok);
  Status status = Status::not_ready;
  std::thread([&] { status = two.observe("", b); }).join();
  REQUIRE(status == Status::ok);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(std::ranges::equal(a.cameras[i].image.pixels(), b.cameras[i].image.pixels()));
    CHECK_FALSE(std::ranges::equal(a.cameras[i].image.pixels(), c.cameras[i].image.pixels()));
  }
}

TEST_CASE("render: the video camera has its own size and look; unknown cameras and absurd sizes are refused") {
  auto robot = MujocoRobot::tabletop(kBlind);
  Image image;
  robot.render("video", 540, 720, image);
  CHECK(image.height() == 540);
  CHECK(image.width() == 720);
  CHECK(distinct_colours(image) > 1000);
  CHECK_THROWS_WITH_AS(robot.render("back", 64, 64, image), doctest::Contains("front, wrist, video"), Error);
  CHECK_THROWS_AS(robot.render("front", 0, 64, image), Error);
  CHECK_THROWS_AS(robot.render("front", 64, 5000, image), Error);
}

TEST_CASE("reset: the same seed gives the same world, whatever happened before") {
  auto robot = MujocoRobot::tabletop(kBlind);
  robot.reset(11);
  const auto q = positions(robot);
  const auto objects = robot.objects();
  auto moved = q;
  moved[0] += 0.3;
  REQUIRE(robot.command(moved) == Status::ok);
  REQUIRE(robot.wait_until(1s) == Status::ok);
  robot.reset(11);
  CHECK(positions(robot) == q);
  for (std::size_t i = 0; i < objects.size(); ++i) CHECK(robot.objects()[i].position == objects[i].position);
  REQUIRE(robot.wait_until(robot.now() + 500ms) == Status::ok);
  CHECK(std::abs(positions(robot)[0] - q[0]) < 1e-3);
}

TEST_CASE("reset: with an instruction the layout is that of seed and instruction") {
  auto robot = MujocoRobot::tabletop(kBlind);
  for (const auto& text : known_instructions()) {
    const Instruction instruction = parse_instruction(text);
    robot.reset(12, instruction);
    const auto layout = make_tabletop_layout(12, instruction);
    const auto objects = robot.objects();
    for (std::size_t i = 0; i < kColours; ++i) {
      CHECK(objects[i].position[0] == layout.cubes[i].x);
      CHECK(objects[kColours + i].position[1] == layout.plates[i].y);
    }
  }
  CHECK_THROWS_AS(robot.reset(1, Instruction{Task::stack, 0, 0}), Error);
}

TEST_CASE("succeeded: not at the start, and an unknown instruction is an error") {
  const auto robot = MujocoRobot::tabletop(kBlind);
  for (const auto& text : known_instructions()) CHECK_FALSE(robot.succeeded(text));
  CHECK_THROWS_AS((void)robot.succeeded("put the pink cube on the white plate"), Error);
}
