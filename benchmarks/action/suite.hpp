// SPDX-License-Identifier: Apache-2.0
// What the parts of bench_action share: rows of ours against a library in Python. Each group of rows is a file with a function below.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>

#include "bench.hpp"
#include "claim.hpp"
#include "observation/baselines.hpp"

namespace sinew::bench {

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
  /// Adds a row, compared with the baseline of its id, of which every entry's result must agree with the baseline's.
  void compare(const Claim& claim, const ActionWork& work);

 private:
  Report& report_;
  Baselines& baselines_;
};

/// "0 heap calls in 16 chunks": of every entry, after the first call. `things` is what an entry is.
[[nodiscard]] std::string heap_note(const ActionWork& work, const char* things);

void fast_rows(ActionSuite& suite);
void space_rows(ActionSuite& suite);

}  // namespace sinew::bench
