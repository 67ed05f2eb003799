// SPDX-License-Identifier: Apache-2.0
// What the parts of bench_action share: rows of ours against a library in Python. Each group of rows is a file with a function below.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "bench.hpp"
#include "observation/baselines.hpp"

namespace sinew::bench {

/// Id, words and unit of a row, what it is compared with, and how much faster it must be.
struct ActionClaim {
  std::string id;  ///< also that of its baseline, in baselines.py
  std::string what;
  std::string unit;
  double scale = 1;  ///< s to the unit
  std::optional<double> least_ratio;
  std::optional<double> most;  ///< in `unit`
  std::string note;
};

/// Runs the product on one entry of a pool, and says whether what it made of the last one is what the baseline makes of it.
struct ActionWork {
  std::function<void(std::size_t entry)> run;
  std::function<bool(std::span<const std::byte> theirs)> agrees;
  std::size_t entries = 1;
};

/// The run: report and baselines.
class ActionSuite {
 public:
  ActionSuite(Report& report, Baselines& baselines) : report_(report), baselines_(baselines) {}

  [[nodiscard]] Report& report() { return report_; }
  [[nodiscard]] Baselines& baselines() { return baselines_; }
  /// Adds a row of which every entry's result must agree with the baseline's.
  void compare(const ActionClaim& claim, const ActionWork& work);

 private:
  Report& report_;
  Baselines& baselines_;
};

void fast_rows(ActionSuite& suite);
void space_rows(ActionSuite& suite);

}  // namespace sinew::bench
