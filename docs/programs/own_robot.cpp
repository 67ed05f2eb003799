// SPDX-License-Identifier: Apache-2.0
// A robot of your own in C++: own_robot POLICY, a folder that own_policy.py has written.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <sinew/sinew.hpp>

namespace {

using namespace std::chrono_literals;

// docs: begin driver
/// Stands in for a driver: three servos that follow their targets with a lag.
struct Servos {
  sinew::Time time{};
  std::array<double, 3> position{0, 0, 0.02};
  std::array<double, 3> target{0, 0, 0.02};

  void sleep_until(sinew::Time until) noexcept {
    for (; time < until; time += 1ms)
      for (std::size_t i = 0; i < 3; ++i) position[i] += 0.05 * (target[i] - position[i]);
  }
};
// docs: end driver

// docs: begin robot
/// What sinew::ControlLoop asks of a robot. Nothing here throws.
class Arm {
 public:
  [[nodiscard]] sinew::Time now() const noexcept { return servos_.time; }
  [[nodiscard]] sinew::Status wait_until(sinew::Time time) noexcept {
    servos_.sleep_until(time);
    return sinew::Status::ok;
  }
  [[nodiscard]] sinew::Status observe(std::string_view instruction, sinew::Observation& observation) noexcept {
    if (observation.channels.empty()) observation.channels.push_back({"joint_position", "rad,m", {0, 0, 0}, {}});
    std::ranges::copy(servos_.position, observation.channels[0].values.begin());
    observation.channels[0].stamp = observation.time = now();
    observation.instruction.assign(instruction);
    observation.id = ++observations_;
    return sinew::Status::ok;
  }
  [[nodiscard]] sinew::Status positions(std::span<double> q) const noexcept {
    std::ranges::copy(servos_.position, q.begin());
    return sinew::Status::ok;
  }
  [[nodiscard]] sinew::Status command(std::span<const double> target) noexcept {  // within the limits already
    std::ranges::copy(target, servos_.target.begin());
    return sinew::Status::ok;
  }
  void stop() noexcept { servos_.target = servos_.position; }
  [[nodiscard]] const sinew::JointLimits& limits() const noexcept { return limits_; }

 private:
  Servos servos_;
  sinew::JointLimits limits_{.names = {"shoulder", "elbow", "gripper"},  // rad and m, and their derivatives; grippers last
                             .lower = {-1.6, -2.0, 0.0},
                             .upper = {1.6, 2.0, 0.08},
                             .velocity = {1.5, 1.5, 0.1},
                             .acceleration = {6.0, 6.0, 1.0},
                             .jerk = {120.0, 120.0, 20.0}};
  std::uint64_t observations_ = 0;
};
static_assert(sinew::Robot<Arm>);  // the whole contract, checked here
// docs: end robot

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) return 2;
  // docs: begin run
  Arm arm;
  auto policy = sinew::Policy::load(argv[1]);
  sinew::ControlLoop loop(arm, policy, {.control_rate = 200, .inference_rate = 5});
  fmt::print("{}", sinew::describe(loop.limits()));
  auto status = loop.reset();
  if (status == sinew::Status::ok) status = loop.run_for("go to the posture", 2s);
  fmt::print("{} {} after {:.2f} s, mode {}\n", sinew::to_string(status), loop.last_error(), sinew::to_seconds(arm.now()),
             sinew::to_string(loop.safety().mode()));
  // docs: end run
  return status == sinew::Status::ok ? EXIT_SUCCESS : EXIT_FAILURE;
} catch (const sinew::Error& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 2;
}
