// SPDX-License-Identifier: Apache-2.0
// The policy runs in another process, which is killed in mid-motion and comes back: the arm slows down, waits, and goes on.
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <thread>

#include <sinew/serve/policy_server.hpp>
#include <sinew/serve/remote_policy.hpp>
#include <sinew/sim/mujoco_robot.hpp>
#include <sinew/sinew.hpp>

using namespace std::chrono_literals;

namespace {

const std::string kInstruction = "put the red cube on the yellow plate";

/// This program as a server, until it is killed; what `sinew serve` does, too.
int serve(const char* port) {
  const sinew::serve::PolicyServer server(sinew::Policy::load(SINEW_MODELS "/tabletop"),
                                          {.port = static_cast<std::uint16_t>(std::stoi(port))});
  fmt::print("{} {}\n", getpid(), server.port());
  std::fflush(stdout);
  while (true) pause();
}

struct Process {
  Process(const std::string& program, std::uint16_t wanted) : said(popen(fmt::format("exec '{}' serve {}", program, wanted).c_str(), "r")) {
    if (std::fscanf(said, "%d %hu", &id, &port) != 2)
      throw sinew::Error(sinew::ErrorCode::failed, "[example] server: expected its port, got nothing");
  }
  void kill() const {
    ::kill(id, SIGKILL);  // no farewell
    pclose(said);
  }
  std::FILE* said;
  pid_t id = 0;
  std::uint16_t port = 0;
};

}  // namespace

int main(int count, char** arguments) try {
  if (count == 3 && std::string(arguments[1]) == "serve") return serve(arguments[2]);
  Process server(arguments[0], 0);
  auto robot = sinew::sim::MujocoRobot::tabletop({.seed = 7, .camera_height = 96, .camera_width = 96});
  auto policy = sinew::serve::connect({.port = server.port, .remote = {.deadline = 2s}});  // its card is the server's
  sinew::MotionLog log(40'000, 1'000'000);
  sinew::ControlLoop loop(
      robot, policy,
      {.control_rate = 500, .inference_rate = 2.5, .chain = sinew::Chain<>::from_urdf(robot.urdf(), "link0", "tool"), .log = &log});
  if (loop.reset() != sinew::Status::ok) throw sinew::Error(sinew::ErrorCode::failed, std::string(loop.last_error()));
  (void)loop.run_for(kInstruction, 1500ms);
  server.kill();
  fmt::print("{:.1f} s: the server is gone\n", sinew::to_seconds(robot.now()));
  (void)loop.run_for(kInstruction, 2500ms);
  const bool rested = loop.motion().filter().at_rest();
  fmt::print("{:.1f} s: mode {}, at rest {}\n", sinew::to_seconds(robot.now()), sinew::to_string(loop.safety().mode()), rested);
  server = Process(arguments[0], server.port);
  std::this_thread::sleep_for(500ms);  // a connection that failed is not tried again at once
  while (!robot.succeeded(kInstruction) && robot.now() < 40s && !loop.halted()) (void)loop.run_for(kInstruction, 100ms);
  const bool done = robot.succeeded(kInstruction);
  fmt::print("{} after {:.1f} s\n", done ? "done" : "not done", sinew::to_seconds(robot.now()));
  server.kill();
  const auto again = sinew::replay(log, loop.limits(), loop.motion().options());  // every command once more, through the filter
  fmt::print("{} ticks replayed, {} differ\n", again.ticks, again.different);
  return done && rested && again.different == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
} catch (const sinew::Error& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 2;
}
