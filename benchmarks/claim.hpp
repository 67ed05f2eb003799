// SPDX-License-Identifier: Apache-2.0
// Rows of ours against a library in Python: what they claim, and two timings made into one.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "bench.hpp"

namespace sinew::bench {

/// Id, words and unit of a row; what it is compared with, and how fast it must be.
struct Claim {
  std::string id;
  std::string what;
  std::string unit;
  double scale = 1;  ///< s to the unit
  std::optional<double> least_ratio;
  std::string baseline;        ///< of baselines.py
  std::optional<double> most;  ///< in `unit`
  std::string note;
};

/// `run` on `entries` entries of a pool in turn; it must outlive the result.
[[nodiscard]] Run in_turn(const std::function<void(std::size_t entry)>& run, std::size_t entries);
/// A row of two timings, without what was checked.
[[nodiscard]] Row timed_row(const Claim& claim, const Timing& ours, const std::optional<Timing>& theirs, const std::string& baseline);

}  // namespace sinew::bench
