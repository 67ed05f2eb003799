// SPDX-License-Identifier: Apache-2.0
// A policy directory for tests: the reference backend on two joints, with quantile statistics that are easy to compute by hand.
#pragma once

#include <string>

#include "temporary_directory.hpp"

namespace sinew::testing {

/// The card of a two-joint policy: state [2] in [-1, 1] rad, horizon 3 at 10 Hz, joint positions in [-2, 2] rad.
inline std::string affine_card(const std::string& sha256) {
  return R"({
  "format_version": "1.0",
  "name": "two joints",
  "architecture": "affine",
  "backend": "reference",
  "dtype": "f32",
  "cameras": [],
  "prompt": {"name": "instruction", "fields": {}, "max_bytes": 64},
  "state": {
    "channels": [{"name": "joint_position", "unit": "rad", "size": 2, "rate": 100}],
    "normalization": {"mode": "quantile", "rule": "qwen", "key": "state"}
  },
  "action": {
    "decoder": "joint_absolute", "joint_names": ["a", "b"], "gripper_names": [], "tool_channel": "", "horizon": 3, "rate": 10,
    "normalization": {"mode": "quantile", "rule": "qwen", "key": "action"}
  },
  "statistics": {"file": "stats.json", "sha256": ")" +
         sha256 + R"("},
  "limits": null
})";
}

inline constexpr const char* kAffineStatistics =
    R"({"state": {"q01": [-1, -1], "q99": [1, 1]}, "action": {"q01": [-2, -2], "q99": [2, 2]}})";
inline constexpr const char* kAffineStatisticsSha256 = "7e0224e81d377bb48e791077d89bd32dda57078a8d7813a279183d5c36317c1a";

/// actions(step, joint) = 0.5 * state(joint) + 0.1 * step, all normalised.
inline constexpr const char* kAffineConfig = R"({"architecture": "affine",
  "weight": [[0.5, 0], [0, 0.5], [0.5, 0], [0, 0.5], [0.5, 0], [0, 0.5]], "bias": [0, 0, 0.1, 0.1, 0.2, 0.2]})";

/// Writes sinew.json, stats.json and config.json into `directory`.
inline void write_affine_policy(const TemporaryDirectory& directory) {
  directory.write("sinew.json", affine_card(kAffineStatisticsSha256));
  directory.write("stats.json", kAffineStatistics);
  directory.write("config.json", kAffineConfig);
}

}  // namespace sinew::testing
