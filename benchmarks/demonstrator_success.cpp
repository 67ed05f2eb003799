// SPDX-License-Identifier: Apache-2.0
// How often the demonstrator solves random layouts through the whole path: cameras, encoder, chunks, inverse kinematics,
// timeline, command filter, physics. Prints success by instruction with a 95 % Wilson interval.
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/io/json.hpp"
#include "sinew/kinematics/chain.hpp"
#include "sinew/runtime/control_loop.hpp"
#include "sinew/runtime/policy.hpp"
#include "sinew/sim/demonstrator.hpp"
#include "sinew/sim/instruction.hpp"
#include "sinew/sim/mujoco_robot.hpp"

namespace {

using namespace sinew;

struct Options {
  int episodes = 200;
  std::uint64_t seed = 0;
  double control_rate = 100;   // Hz
  double inference_rate = 10;  // Hz
  double time_limit = 15;      // s of an episode
  std::string json;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : nullptr;
    if (value != nullptr && name == "--episodes")
      options.episodes = std::atoi(value);
    else if (value != nullptr && name == "--seed")
      options.seed = std::strtoull(value, nullptr, 10);
    else if (value != nullptr && name == "--json")
      options.json = value;
    else if (value != nullptr && name == "--control-rate")
      options.control_rate = std::strtod(value, nullptr);
    else if (value != nullptr && name == "--inference-rate")
      options.inference_rate = std::strtod(value, nullptr);
    else {
      fmt::print(stderr, "usage: {} [--episodes N] [--seed S] [--json FILE] [--control-rate HZ] [--inference-rate HZ]\n", argv[0]);
      std::exit(2);
    }
  }
  return options;
}

/// Successes among trials.
struct Tally {
  int successes = 0;
  int trials = 0;
  double seconds = 0;  // of successful episodes, summed

  /// Wilson score interval at 95 %.
  [[nodiscard]] std::pair<double, double> interval() const {
    constexpr double kZ = 1.959963984540054;
    if (trials == 0) return {0, 1};
    const double n = trials;
    const double p = successes / n;
    const double centre = (p + kZ * kZ / (2 * n)) / (1 + kZ * kZ / n);
    const double half = kZ / (1 + kZ * kZ / n) * std::sqrt(p * (1 - p) / n + kZ * kZ / (4 * n * n));
    return {std::max(0.0, centre - half), std::min(1.0, centre + half)};
  }
  void add(bool success, double duration) {
    ++trials;
    if (success) ++successes, seconds += duration;
  }
};

void print(std::string_view name, const Tally& tally) {
  const auto [low, high] = tally.interval();
  fmt::print("{:<40} {:>3} / {:<3}  {:5.1f} %  [{:.1f}, {:.1f}]  {:.2f} s\n", name, tally.successes, tally.trials,
             100.0 * tally.successes / std::max(1, tally.trials), 100 * low, 100 * high, tally.seconds / std::max(1, tally.successes));
}

Json to_json(std::string_view name, const Tally& tally) {
  const auto [low, high] = tally.interval();
  return Json(Json::Object{{"instruction", std::string(name)},
                           {"successes", static_cast<std::int64_t>(tally.successes)},
                           {"episodes", static_cast<std::int64_t>(tally.trials)},
                           {"wilson_low", low},
                           {"wilson_high", high},
                           {"mean_seconds", tally.seconds / std::max(1, tally.successes)}});
}

/// Largest distance between a joint's target and its measured position over an episode, rad.
double worst_tracking(const ControlTrace& trace) {
  double worst = 0;
  for (std::size_t i = 0; i < trace.command().size(); ++i)
    worst = std::max(worst, std::abs(trace.command()[i] - trace.measured()[i]) * (i % sim::kRobotJoints < sim::kArmJoints));
  return worst;
}

int run(const Options& options) {
  auto robot = sim::MujocoRobot::tabletop({.seed = options.seed});
  BackendRegistry registry;
  sim::add_demonstrator(registry, robot);
  Policy policy = Policy::load(SINEW_DEMONSTRATOR_DIRECTORY, registry);
  ControlLoop loop(robot, policy,
                   {.control_rate = options.control_rate,
                    .inference_rate = options.inference_rate,
                    .chain = Chain<>::from_urdf(robot.urdf(), "link0", "tool")});

  const auto instructions = sim::known_instructions();
  std::vector<Tally> tallies(instructions.size());
  Tally all;
  double tracking = 0;
  for (int episode = 0; episode < options.episodes; ++episode) {
    const std::size_t which = static_cast<std::size_t>(episode) % instructions.size();
    const std::uint64_t seed = options.seed + static_cast<std::uint64_t>(episode);
    robot.reset(seed);
    const Time start = robot.now();
    Status status = loop.reset();
    while (status == Status::ok && !robot.succeeded(instructions[which]) && to_seconds(robot.now() - start) < options.time_limit)
      status = loop.run_for(instructions[which], std::chrono::milliseconds(100));
    const bool success = robot.succeeded(instructions[which]);
    if (!success) fmt::print("seed {}: \"{}\" not done: {} {}\n", seed, instructions[which], to_string(status), loop.last_error());
    tallies[which].add(success, to_seconds(robot.now() - start));
    all.add(success, to_seconds(robot.now() - start));
    tracking = std::max(tracking, worst_tracking(loop.trace()));
  }
  Json::Array rows;
  for (std::size_t i = 0; i < instructions.size(); ++i) {
    print(instructions[i], tallies[i]);
    rows.push_back(to_json(instructions[i], tallies[i]));
  }
  print("all", all);
  fmt::print("worst distance of an arm joint from its command: {:.4f} rad\n", tracking);
  if (!options.json.empty()) {
    std::ofstream(options.json) << to_text(Json(Json::Object{{"episodes", static_cast<std::int64_t>(options.episodes)},
                                                             {"seed", static_cast<std::int64_t>(options.seed)},
                                                             {"control_rate", options.control_rate},
                                                             {"inference_rate", options.inference_rate},
                                                             {"all", to_json("all", all)},
                                                             {"by_instruction", Json(std::move(rows))}}))
                                << '\n';
  }
  return all.successes >= 0.97 * all.trials ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(parse(argc, argv));
  } catch (const Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return EXIT_FAILURE;
  }
}
