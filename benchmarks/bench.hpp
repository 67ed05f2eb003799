// SPDX-License-Identifier: Apache-2.0
// What every benchmark program shares: options, interleaved timing, and the result file described in docs/benchmarks.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sinew::bench {

/// `--json FILE`, `--filter TEXT`, `--min-time SECONDS`.
struct Options {
  std::string json;
  std::string filter;
  double min_time = 0.5;  ///< s that one row measures, at least

  /// Prints usage and exits on an unknown option. `more`: options of one program, by name, and where their values go.
  static Options parse(int argc, char** argv, const std::map<std::string, std::string*>& more = {});
};

/// One variant to time: `run` does the work `batch` times.
using Run = std::function<void(int batch)>;

/// Does the work `batch` times and says how many seconds that took: for work that another process does and times itself.
using Sampler = std::function<double(int batch)>;

/// Seconds per call of one variant.
struct Timing {
  double median = 0;
  double p99 = 0;
  double worst = 0;
  int repetitions = 0;
};

/// Median, percentile and worst of samples, which are sorted.
[[nodiscard]] Timing summarize(std::vector<double>& samples);

/// Times `ours` and, when given, `theirs` alternately (A B A B), warmed up, in batches of at least 20 us, for >= 31
/// repetitions and `min_time`. Percentiles are over batch means.
[[nodiscard]] std::pair<Timing, std::optional<Timing>> time_pair(const Run& ours, const Run& theirs, double min_time);
/// The same with each side timing itself.
[[nodiscard]] std::pair<Timing, std::optional<Timing>> time_pair(const Sampler& ours, const Sampler& theirs, double min_time);
/// Times `run`; a call shorter than a millisecond follows one that does not count, for another process had the core and its caches.
[[nodiscard]] Sampler warmed(Run run);

/// Row::baseline when the other implementation, or what both would need, is not at hand; the note says why.
inline constexpr const char* kAbsent = "absent";

/// One row of the result file; see docs/benchmarks.md for the fields.
struct Row {
  std::string id;
  std::string what;
  std::string unit;
  double ours = 0;
  double ours_p99 = 0;
  double ours_worst = 0;
  std::string baseline;
  std::optional<double> theirs;
  std::optional<double> ratio;
  std::string bound;
  std::optional<bool> pass;
  bool checked = false;
  int n = 0;
  std::string note;
};

/// Collects rows; prints each as it comes and writes the file at the end. Pins the process to one core and measures a
/// calibration loop at both ends, so that a noisy run is marked instead of hidden.
/// Lets this process, and those that it starts, run on all cores for as long as it lives; Report keeps it on one.
class AllCores {
 public:
  AllCores();
  ~AllCores();
  AllCores(const AllCores&) = delete;
  AllCores& operator=(const AllCores&) = delete;

 private:
  std::vector<std::byte> before_;
};

class Report {
 public:
  explicit Report(Options options);
  /// Whether `--filter` lets this row run.
  [[nodiscard]] bool wants(const std::string& id) const;
  void add(Row row);
  /// Writes the file when one was asked for; the value for main(): 1 when a row missed its bound or was not checked
  /// although it could have been, else 0.
  [[nodiscard]] int finish();
  [[nodiscard]] const Options& options() const { return options_; }

 private:
  Options options_;
  std::vector<Row> rows_;
  double calibration_;
  double load_;
};

/// Keeps `value` alive for the optimiser.
template <class T>
inline void keep(const T& value) {
  asm volatile("" : : "g"(&value) : "memory");
}

}  // namespace sinew::bench
