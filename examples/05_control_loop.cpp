// SPDX-License-Identifier: Apache-2.0
// Chunks at 10 Hz that come late become commands at 500 Hz: the tabletop arm, its modes, its ticks, and the same run computed again.
#include <fmt/format.h>

#include <sinew/sim/demonstrator.hpp>
#include <sinew/sim/mujoco_robot.hpp>
#include <sinew/sinew.hpp>

using namespace std::chrono_literals;

namespace {

/// As a policy on a busy network: 60 ms late, every seventh chunk half a second.
sinew::Time lateness(std::uint64_t chunk) { return chunk % 7 == 6 ? 500ms : 60ms; }

void print(const char* what, const sinew::TimeStatistics& time) {
  const auto us = [](sinew::Time t) { return static_cast<double>(t.count()) * 1e-3; };
  fmt::print("{:<28} p50 {:7.2f}  p99 {:7.2f}  p99.9 {:7.2f}  worst {:7.2f} us\n", what, us(time.p50), us(time.p99), us(time.p999),
             us(time.worst));
}

}  // namespace

int main() try {
  const std::string instruction = "put the red cube on the yellow plate";
  auto robot = sinew::sim::MujocoRobot::tabletop({.seed = 7});
  auto registry = sinew::BackendRegistry::with_defaults();
  sinew::sim::add_demonstrator(registry, robot);  // stands in for a model: it sees the simulator's state
  auto policy = sinew::Policy::load(SINEW_MODELS "/tabletop_demonstrator", registry);

  sinew::MotionLog log(40'000, 1'000'000);
  sinew::ControlLoop loop(robot, policy,
                          {.control_rate = 500,
                           .inference_rate = 10,
                           .chain = sinew::Chain<>::from_urdf(robot.urdf(), "link0", "tool"),
                           .log = &log,
                           .chunk_delay = lateness});
  fmt::print("limits that hold, and where they come from:\n{}", sinew::describe(loop.limits()));
  fmt::print("{}", sinew::describe_stops(loop.limits(), 2ms, 20ms));  // 20 ms: what a watchdog takes to notice
  if (const auto status = loop.reset(); status != sinew::Status::ok) {
    fmt::print(stderr, "{}: {}\n", sinew::to_string(status), loop.last_error());
    return EXIT_FAILURE;
  }
  while (!robot.succeeded(instruction) && robot.now() < 30s && !loop.halted()) (void)loop.run_for(instruction, 100ms);

  const auto statistics = loop.trace().statistics();
  fmt::print("{} after {:.1f} s\n{} ticks at 500 Hz, {} missed\n", robot.succeeded(instruction) ? "done" : "not done",
             sinew::to_seconds(robot.now()), statistics.ticks, loop.missed_ticks());
  print("timeline and filter", statistics.duration);
  for (std::size_t i = 0; i < sinew::kSafetyEvents; ++i)
    if (const auto event = static_cast<sinew::SafetyEvent>(i); loop.safety().count(event) > 0)
      fmt::print("  {:<16} {}\n", sinew::to_string(event), loop.safety().count(event));

  loop.stop();
  (void)loop.run_for(instruction, 500ms);
  const auto again = sinew::replay(log, loop.limits(), loop.motion().options());
  fmt::print("stopped: {}, at rest {}\n{} ticks replayed, {} differ\n", sinew::to_string(loop.safety().mode()),
             loop.motion().filter().at_rest(), again.ticks, again.different);
  return robot.succeeded(instruction) && again.different == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
} catch (const sinew::Error& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 2;
}
