// SPDX-License-Identifier: Apache-2.0
// The robots of bench_kinematics: where their descriptions are, what the baselines get of them, and random configurations.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kinematics/baseline.hpp"
#include "sinew/kinematics/chain.hpp"

namespace sinew::bench {

/// An arm: a path between two links of a description.
struct Arm {
  std::string name;  ///< the variant in the ids of rows
  std::string file;  ///< below the robots of example-robot-data, or "models/robots/..." of this repository
  std::string base;
  std::string tip;
};

/// Arms of K1-K6, K8, K9: one per common structure.
[[nodiscard]] std::span<const Arm> single_arms();
/// Every arm of six joints or more that is at hand, and one of five, for the inverse.
[[nodiscard]] std::span<const Arm> all_arms();
/// Whole robots: `base` is the root, `tip` empty.
[[nodiscard]] std::span<const Arm> whole_robots();

/// Text of the description; nothing when its package or file is not there.
[[nodiscard]] std::optional<std::string> read_description(const Arm& arm);

/// Links at the ends of the tree that move.
[[nodiscard]] std::vector<std::string> childless_links(const std::string& text);

/// Length of the chain, m: bounds the distance of the tip from the first joint. 0 for whole robots.
[[nodiscard]] double reach_of(const BaselineRobot& robot);

/// What the baselines are made from. The text is cut down to the chain, without shapes, with an inertia for every link (MuJoCo insists)
/// and with continuous joints called revolute, so that every library takes the same angles.
[[nodiscard]] BaselineRobot baseline_robot(const std::string& text, const Arm& arm, const std::vector<std::string>& joint_names);

/// splitmix64: the same numbers on every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  double uniform(double low, double high) {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return low + (high - low) * static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1.0p-53;
  }

 private:
  std::uint64_t state_;
};

/// `count` random configurations inside the limits, `[count, dof]`; joints without limits within a turn.
[[nodiscard]] std::vector<double> random_configurations(const Chain<>& chain, std::size_t count, std::uint64_t seed);

}  // namespace sinew::bench
