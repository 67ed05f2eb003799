// SPDX-License-Identifier: Apache-2.0
// How often the demonstrator solves random layouts through the whole path: cameras, encoder, chunks, inverse kinematics,
// timeline, command filter, physics. Prints success by instruction and by family with a 95 % Wilson interval and the median
// time.
#include <fmt/format.h>

#include <algorithm>
#include <array>
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
  int episodes = 630;  // 30 of each instruction
  std::uint64_t seed = 0;
  double control_rate = 100;   // Hz
  double inference_rate = 10;  // Hz
  double time_limit = 15;      // s of an episode
  int pixels = 128;            // a side of the frames, which the demonstrator does not look at
  std::string task;            // empty: all three families
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
    else if (value != nullptr && name == "--task")
      options.task = value;
    else if (value != nullptr && name == "--pixels")
      options.pixels = std::atoi(value);
    else if (value != nullptr && name == "--control-rate")
      options.control_rate = std::strtod(value, nullptr);
    else if (value != nullptr && name == "--inference-rate")
      options.inference_rate = std::strtod(value, nullptr);
    else {
      fmt::print(stderr,
                 "usage: {} [--episodes N] [--seed S] [--json FILE] [--control-rate HZ] [--inference-rate HZ] [--pixels N] [--task "
                 "put|stack|push]\n",
                 argv[0]);
      std::exit(2);
    }
  }
  return options;
}

/// Successes among trials.
struct Tally {
  int successes = 0;
  int trials = 0;
  std::vector<double> seconds;  // of successful episodes

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
    if (success) ++successes, seconds.push_back(duration);
  }
  [[nodiscard]] double median() const {
    std::vector<double> sorted = seconds;
    std::ranges::sort(sorted);
    return sorted.empty() ? 0 : sorted[sorted.size() / 2];
  }
};

void print(std::string_view name, const Tally& tally) {
  const auto [low, high] = tally.interval();
  fmt::print("{:<40} {:>3} / {:<3}  {:5.1f} %  [{:.1f}, {:.1f}]  {:.2f} s\n", name, tally.successes, tally.trials,
             100.0 * tally.successes / std::max(1, tally.trials), 100 * low, 100 * high, tally.median());
}

Json to_json(std::string_view name, const Tally& tally) {
  const auto [low, high] = tally.interval();
  return Json(Json::Object{{"instruction", std::string(name)},
                           {"successes", static_cast<std::int64_t>(tally.successes)},
                           {"episodes", static_cast<std::int64_t>(tally.trials)},
                           {"wilson_low", low},
                           {"wilson_high", high},
                           {"median_seconds", tally.median()}});
}

/// Largest distance between a joint's target and its measured position over an episode, rad.
double worst_tracking(const ControlTrace& trace) {
  double worst = 0;
  for (std::size_t i = 0; i < trace.command().size(); ++i)
    worst = std::max(worst, std::abs(trace.command()[i] - trace.measured()[i]) * (i % sim::kRobotJoints < sim::kArmJoints));
  return worst;
}

int run(const Options& options) {
  auto robot = sim::MujocoRobot::tabletop({.seed = options.seed, .camera_height = options.pixels, .camera_width = options.pixels});
  BackendRegistry registry;
  sim::add_demonstrator(registry, robot);
  Policy policy = Policy::load(SINEW_DEMONSTRATOR_DIRECTORY, registry);
  ControlLoop loop(robot, policy,
                   {.control_rate = options.control_rate,
                    .inference_rate = options.inference_rate,
                    .chain = Chain<>::from_urdf(robot.urdf(), "link0", "tool")});

  auto instructions = sim::known_instructions();
  std::erase_if(instructions, [&](const std::string& text) { return !text.starts_with(options.task); });
  if (instructions.empty()) fail(ErrorCode::invalid_argument, {"demonstrator_success", "--task", "put, stack or push", options.task, ""});
  std::vector<Tally> tallies(instructions.size());
  std::array<Tally, sim::kTasks> families;
  Tally all;
  double tracking = 0;
  for (int episode = 0; episode < options.episodes; ++episode) {
    const std::size_t which = static_cast<std::size_t>(episode) % instructions.size();
    const std::uint64_t seed = options.seed + static_cast<std::uint64_t>(episode);
    const sim::Instruction instruction = sim::parse_instruction(instructions[which]);
    robot.reset(seed, instruction);
    const Time start = robot.now();
    Status status = loop.reset();
    while (status == Status::ok && !robot.succeeded(instructions[which]) && to_seconds(robot.now() - start) < options.time_limit)
      status = loop.run_for(instructions[which], std::chrono::milliseconds(100));
    const bool success = robot.succeeded(instructions[which]);
    if (!success) fmt::print("seed {}: \"{}\" not done: {} {}\n", seed, instructions[which], to_string(status), loop.last_error());
    tallies[which].add(success, to_seconds(robot.now() - start));
    families[static_cast<std::size_t>(instruction.task)].add(success, to_seconds(robot.now() - start));
    all.add(success, to_seconds(robot.now() - start));
    tracking = std::max(tracking, worst_tracking(loop.trace()));
  }
  Json::Array rows;
  for (std::size_t i = 0; i < instructions.size(); ++i) {
    print(instructions[i], tallies[i]);
    rows.push_back(to_json(instructions[i], tallies[i]));
  }
  bool enough = true;
  for (std::size_t i = 0; i < families.size(); ++i) {
    print(sim::kTaskNames[i], families[i]);
    enough = enough && families[i].successes >= 0.97 * families[i].trials;
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
  return enough ? EXIT_SUCCESS : EXIT_FAILURE;
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
