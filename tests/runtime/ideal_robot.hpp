// SPDX-License-Identifier: Apache-2.0
// Two joints that do what they are told, on a clock that the test moves, and on the system's.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "sinew/runtime/robot.hpp"

namespace sinew::testing {

/// Two joints that are wherever they are told to be; time passes only in wait_until.
struct IdealRobot {
  sinew::VirtualClock clock;
  std::vector<double> q{0.1, -0.2};
  std::vector<std::vector<double>> commands;
  sinew::JointLimits joint_limits{{"a", "b"}, {-1.5, -1.5}, {1.5, 1.5}, {1, 1}, {5, 5}, {100, 100}};
  bool camera_works = true;
  bool accepts = true;
  bool stopped = false;
  std::uint64_t id = 0;

  IdealRobot() { commands.reserve(100000); }
  Time now() const noexcept { return clock.now(); }
  Status wait_until(Time time) noexcept {
    if (time > clock.now()) clock.set(time);
    return Status::ok;
  }
  Status observe(std::string_view instruction, sinew::Observation& observation) noexcept {
    if (!camera_works) return Status::timeout;
    if (observation.channels.empty()) observation.channels.push_back({"joint_position", "rad", {0, 0}, {}});
    observation.channels[0].values = q;
    observation.channels[0].stamp = observation.time = clock.now();
    observation.instruction.assign(instruction);
    observation.id = ++id;
    return Status::ok;
  }
  Status positions(std::span<double> out) const noexcept {
    std::copy(q.begin(), q.end(), out.begin());
    return Status::ok;
  }
  Status command(std::span<const double> target) noexcept {
    if (!accepts) return Status::out_of_range;
    q.assign(target.begin(), target.end());
    commands.emplace_back(target.begin(), target.end());
    return Status::ok;
  }
  void stop() noexcept { stopped = true; }
  const sinew::JointLimits& limits() const noexcept { return joint_limits; }
};
static_assert(sinew::Robot<IdealRobot>);

/// The ideal robot on the system's clock; its state may be read from another thread.
struct RealRobot {
  sinew::SteadyClock clock;
  std::array<std::atomic<double>, 2> q{0.1, -0.2};
  std::vector<std::vector<double>> commands;
  std::vector<Time> times;
  sinew::JointLimits joint_limits{{"a", "b"}, {-1.5, -1.5}, {1.5, 1.5}, {1, 1}, {5, 5}, {100, 100}};
  Time observing{};
  std::atomic<bool> stopped{false};
  std::uint64_t id = 0;

  Time now() const noexcept { return clock.now(); }
  Status wait_until(Time time) noexcept {
    std::this_thread::sleep_until(std::chrono::steady_clock::time_point(time));
    return Status::ok;
  }
  Status observe(std::string_view instruction, sinew::Observation& observation) noexcept {
    std::this_thread::sleep_for(observing);
    if (observation.channels.empty()) observation.channels.push_back({"joint_position", "rad", {0, 0}, {}});
    for (std::size_t i = 0; i < 2; ++i) observation.channels[0].values[i] = q[i].load();
    observation.channels[0].stamp = observation.time = clock.now();
    observation.instruction.assign(instruction);
    observation.id = ++id;
    return Status::ok;
  }
  Status positions(std::span<double> out) const noexcept {
    for (std::size_t i = 0; i < 2; ++i) out[i] = q[i].load();
    return Status::ok;
  }
  Status command(std::span<const double> target) noexcept {
    for (std::size_t i = 0; i < 2; ++i) q[i].store(target[i]);
    commands.emplace_back(target.begin(), target.end());
    times.push_back(clock.now());
    return Status::ok;
  }
  void stop() noexcept { stopped = true; }
  const sinew::JointLimits& limits() const noexcept { return joint_limits; }
};
static_assert(sinew::Robot<RealRobot>);

}  // namespace sinew::testing
