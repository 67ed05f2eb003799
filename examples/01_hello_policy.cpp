// SPDX-License-Identifier: Apache-2.0
// Two cameras and a sentence move an arm: a policy drives the simulated tabletop through every stage of Sinew.
#include <fmt/format.h>

#include <sinew/sim/mujoco_robot.hpp>
#include <sinew/sinew.hpp>

int main(int argc, char** argv) try {
  const std::string instruction = argc > 1 ? argv[1] : "put the red cube on the yellow plate";
  auto robot = sinew::sim::MujocoRobot::tabletop({.seed = 7, .camera_height = 96, .camera_width = 96});
  auto policy = sinew::Policy::load(SINEW_MODELS "/tabletop");  // sees pixels, words and joint angles
  const auto arm = sinew::Chain<>::from_urdf(robot.urdf(), "link0", "tool");

  sinew::ControlLoop loop(robot, policy, {.control_rate = 200, .inference_rate = 2.5, .chain = arm});
  auto status = loop.reset();
  while (status == sinew::Status::ok && !robot.succeeded(instruction) && robot.now() < std::chrono::seconds(20))
    status = loop.run_for(instruction, std::chrono::milliseconds(100));

  fmt::print("{} after {:.1f} s: {} {}\n", instruction, sinew::to_seconds(robot.now()), sinew::to_string(status), loop.last_error());
  return robot.succeeded(instruction) ? EXIT_SUCCESS : EXIT_FAILURE;
} catch (const sinew::Error& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 2;
}
