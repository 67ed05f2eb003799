// SPDX-License-Identifier: Apache-2.0
// A backend and a robot of one's own: two classes that inherit from nothing, through Policy and ControlLoop.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include <sinew/sinew.hpp>
#include <sinew/testing/backend_conformance.hpp>

using namespace std::chrono_literals;
using sinew::Status;

/// Stands for an engine: each step of a chunk goes a fifth of what is left of the way to 0.8 rad, or -0.8 unless told "left".
struct ReachBackend {
  sinew::ModelSpec model;
  const sinew::ModelSpec& spec() const noexcept { return model; }
  std::string_view last_error() const noexcept { return "an input is not what the encoder writes"; }  // the only way to fail
  Status infer(const sinew::TensorMap& in, sinew::TensorMap& out) noexcept {
    for (const auto& input : model.inputs)
      if (const Status status = sinew::check_tensor(input, in[input.name]); status != Status::ok) return status;
    const double goal = std::ranges::search(in["prompt"].as<std::uint8_t>(), std::string_view("left")).empty() ? -0.8 : 0.8;
    const auto state = in["state"].as<float>();       // [dof]
    const auto actions = out["actions"].as<float>();  // [horizon, dof]
    for (std::size_t i = 0; i < actions.size(); ++i)
      actions[i] = static_cast<float>(std::lerp(goal, state[i % state.size()], std::pow(0.8, i / state.size() + 1)));
    return Status::ok;
  }
};
static_assert(sinew::Backend<ReachBackend>);

/// Stands for a driver: two servos that lag 20 ms behind their targets, on a clock that goes on when the loop waits.
struct TwoJoints {
  sinew::Time clock{};
  std::vector<double> q{0, 0}, target{0, 0};
  sinew::JointLimits joint_limits{{"shoulder", "elbow"}, {-1.5, -1.5}, {1.5, 1.5}, {1, 1}, {5, 5}, {100, 100}};
  std::uint64_t observations = 0;
  sinew::Time now() const noexcept { return clock; }
  Status wait_until(sinew::Time time) noexcept {
    for (; clock < time; clock += 1ms)
      for (std::size_t i = 0; i < q.size(); ++i) q[i] += (target[i] - q[i]) / 20;
    return Status::ok;
  }
  Status observe(std::string_view instruction, sinew::Observation& seen) noexcept {
    seen.channels.assign(1, {"joint_position", "rad", q, clock});
    seen.instruction.assign(instruction);
    seen.time = clock;
    seen.id = ++observations;
    return Status::ok;
  }
  Status positions(std::span<double> out) const noexcept {
    std::ranges::copy(q, out.begin());
    return Status::ok;
  }
  Status command(std::span<const double> wanted) noexcept {
    target.assign(wanted.begin(), wanted.end());
    return Status::ok;
  }
  void stop() noexcept { target = q; }
  const sinew::JointLimits& limits() const noexcept { return joint_limits; }
};
static_assert(sinew::Robot<TwoJoints>);

int main(int, char** arguments) try {
  sinew::BackendRegistry registry;
  registry.add("reach", [](const sinew::BackendRequest& request) -> sinew::AnyBackend {
    ReachBackend backend{{"reach", request.offered, sinew::action_specs(request.card.action)}};
    for (const auto& violation : sinew::testing::check_backend(backend)) throw sinew::Error(sinew::ErrorCode::failed, violation);
    return backend;
  });
  auto policy = sinew::Policy::load(arguments[1], registry);
  TwoJoints robot;
  sinew::ControlLoop loop(robot, policy, {.control_rate = 200, .inference_rate = 10});
  const bool ran = loop.reset() == Status::ok && loop.run_for("go left", 4s) == Status::ok;
  fmt::print("{:.1f} s: {:.4f} rad {}\n", sinew::to_seconds(robot.now()), fmt::join(robot.q, " "), loop.last_error());
  return ran && std::hypot(robot.q[0] - 0.8, robot.q[1] - 0.8) < 1e-3 ? EXIT_SUCCESS : EXIT_FAILURE;
} catch (const sinew::Error& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 2;
}
