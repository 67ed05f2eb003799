// SPDX-License-Identifier: Apache-2.0
// The policy runs in another process, which is killed in mid-motion and comes back: the arm slows down, waits, and goes on.
#include <fmt/format.h>
#include <sys/wait.h>
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

constexpr const char* kInstruction = "put the red cube on the yellow plate";

/// This program as a server: its first line is the port.
int serve(const char* port) {
  const sinew::serve::PolicyServer server(sinew::Policy::load(SINEW_MODELS "/tabletop"),
                                          {.port = static_cast<std::uint16_t>(std::stoi(port))});
  fmt::print("{}\n", server.port());
  std::fflush(stdout);
  while (true) pause();
}

struct Process {
  pid_t id = 0;
  std::uint16_t port = 0;
};

Process start(std::uint16_t port) {
  int ends[2];
  if (pipe(ends) != 0) throw sinew::Error(sinew::ErrorCode::io, "[example] pipe: expected one, got none");
  const std::string wanted = std::to_string(port);
  const pid_t id = fork();
  if (id == 0) {
    dup2(ends[1], STDOUT_FILENO);
    execl("/proc/self/exe", "server", "serve", wanted.c_str(), nullptr);
    _exit(127);
  }
  close(ends[1]);
  FILE* const said = fdopen(ends[0], "r");
  int taken = 0;
  if (std::fscanf(said, "%d", &taken) != 1)
    throw sinew::Error(sinew::ErrorCode::failed, "[example] server: expected its port, got nothing");
  std::fclose(said);
  return {id, static_cast<std::uint16_t>(taken)};
}

void kill_and_wait(const Process& process) {
  kill(process.id, SIGKILL);  // no farewell
  waitpid(process.id, nullptr, 0);
}

}  // namespace

int main(int count, char** arguments) try {
  if (count == 3 && std::string_view(arguments[1]) == "serve") return serve(arguments[2]);
  Process server = start(0);
  auto robot = sinew::sim::MujocoRobot::tabletop({.seed = 7, .camera_height = 96, .camera_width = 96});
  auto policy = sinew::serve::connect({.port = server.port, .remote = {.deadline = 2s}});  // its card is the server's
  sinew::MotionLog log(40'000, 1'000'000);
  sinew::ControlLoop loop(
      robot, policy,
      {.control_rate = 500, .inference_rate = 2.5, .chain = sinew::Chain<>::from_urdf(robot.urdf(), "link0", "tool"), .log = &log});
  if (loop.reset() != sinew::Status::ok) throw sinew::Error(sinew::ErrorCode::failed, std::string(loop.last_error()));
  bool killed = false;
  while (!robot.succeeded(kInstruction) && robot.now() < 40s && !loop.halted()) {
    (void)loop.run_for(kInstruction, 100ms);
    if (killed || robot.now() < 1500ms) continue;
    kill_and_wait(server);
    killed = true;
    fmt::print("{:.1f} s: the server is gone\n", sinew::to_seconds(robot.now()));
    (void)loop.run_for(kInstruction, 1500ms);
    fmt::print("{:.1f} s: mode {}\n", sinew::to_seconds(robot.now()), sinew::to_string(loop.safety().mode()));
    server = start(server.port);
    std::this_thread::sleep_for(500ms);  // a connection that failed is not tried again at once
  }
  const bool done = robot.succeeded(kInstruction);
  fmt::print("{} after {:.1f} s\n", done ? "done" : "not done", sinew::to_seconds(robot.now()));
  kill_and_wait(server);
  const auto again = sinew::replay(log, loop.limits(), loop.motion().options());  // the filter's checks again, for every command
  fmt::print("{} ticks replayed, {} differ\n", again.ticks, again.different);
  return done && killed && again.different == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
} catch (const sinew::Error& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 2;
}
