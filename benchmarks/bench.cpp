// SPDX-License-Identifier: Apache-2.0
#include "bench.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "sinew/core/clock.hpp"
#include "sinew/io/json.hpp"

namespace sinew::bench {

namespace {

double seconds_of(const Run& run, int batch) {
  const SteadyClock clock;
  const Time start = clock.now();
  run(batch);
  return to_seconds(clock.now() - start);
}

/// Calls that take 20 us together. The least of three, or a pre-empted call would end the search too early.
int batch_for(const Sampler& sample) {
  const auto least = [&](int batch) { return std::min({sample(batch), sample(batch), sample(batch)}); };
  int batch = 1;
  while (batch < (1 << 20) && least(batch) < 20e-6) batch *= 2;
  return batch;
}

/// Median seconds of a fixed chain of dependent multiplications.
double calibration_loop() {
  std::vector<double> samples;
  for (int repetition = 0; repetition < 31; ++repetition) {
    samples.push_back(seconds_of(
        [](int) {
          volatile double start = 1.0000001;  // read anew: the chain cannot move out of the timed call
          double x = start;
          for (int i = 0; i < 400000; ++i) x = x * 1.0000001 + 1e-9;
          keep(x);
        },
        1));
  }
  return summarize(samples).median;
}

std::string first_line(const char* path, std::string_view prefix) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line))
    if (line.starts_with(prefix)) {
      const auto colon = line.find(':');
      return colon == std::string::npos || prefix.empty() ? line : line.substr(std::min(line.size(), colon + 2));
    }
  return "unknown";
}

std::string isa() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") ? "avx512" : __builtin_cpu_supports("avx2") ? "avx2" : "sse";
#else
  return "portable";
#endif
}

Json optional_number(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json row_json(const Row& row) {
  return Json(Json::Object{{"id", row.id},
                           {"what", row.what},
                           {"unit", row.unit},
                           {"ours", row.ours},
                           {"ours_p99", row.ours_p99},
                           {"ours_worst", row.ours_worst},
                           {"baseline", row.baseline},
                           {"theirs", optional_number(row.theirs)},
                           {"ratio", optional_number(row.ratio)},
                           {"bound", row.bound},
                           {"pass", row.pass ? Json(*row.pass) : Json(nullptr)},
                           {"checked", row.checked},
                           {"n", static_cast<std::int64_t>(row.n)},
                           {"note", row.note}});
}

}  // namespace

Options Options::parse(int argc, char** argv, const std::map<std::string, std::string*>& more) {
  Options options;
  std::string min_time;
  std::map<std::string, std::string*> known = {{"--json", &options.json}, {"--filter", &options.filter}, {"--min-time", &min_time}};
  known.insert(more.begin(), more.end());
  for (int i = 1; i < argc; i += 2) {
    const auto found = known.find(argv[i]);
    if (found == known.end() || i + 1 >= argc) {
      fmt::print(stderr, "usage: {} [--json FILE] [--filter TEXT] [--min-time SECONDS]", argv[0]);
      for (const auto& [name, value] : more) fmt::print(stderr, " [{} VALUE]", name);
      fmt::print(stderr, "\n");
      std::exit(2);
    }
    *found->second = argv[i + 1];
  }
  if (!min_time.empty()) options.min_time = std::strtod(min_time.c_str(), nullptr);
  return options;
}

Timing summarize(std::vector<double>& samples) {
  std::sort(samples.begin(), samples.end());
  const auto at = [&](double share) { return samples[static_cast<std::size_t>(share * static_cast<double>(samples.size() - 1))]; };
  return {at(0.5), at(0.99), samples.back(), static_cast<int>(samples.size())};
}

std::pair<Timing, std::optional<Timing>> time_pair(const Sampler& ours, const Sampler& theirs, double min_time) {
  const int batch = batch_for(ours);
  const int their_batch = theirs ? batch_for(theirs) : 0;
  std::vector<double> a;
  std::vector<double> b;
  double spent = 0;
  while (a.size() < 31 || spent < min_time) {
    const double ours_seconds = ours(batch);
    a.push_back(ours_seconds / batch);
    const double theirs_seconds = theirs ? theirs(their_batch) : 0;
    if (theirs) b.push_back(theirs_seconds / their_batch);
    spent += ours_seconds + theirs_seconds;
  }
  return {summarize(a), theirs ? std::optional(summarize(b)) : std::nullopt};
}

std::pair<Timing, std::optional<Timing>> time_pair(const Run& ours, const Run& theirs, double min_time) {
  const auto sampler = [](const Run& run) { return run ? Sampler([&](int batch) { return seconds_of(run, batch); }) : Sampler(); };
  return time_pair(sampler(ours), sampler(theirs), min_time);
}

Sampler warmed(Run run) {
  constexpr double kShort = 1e-3;  // s; longer calls warm up by themselves
  return [run = std::move(run), last = 0.0](int batch) mutable {
    if (last < kShort) run(1);
    const double seconds = seconds_of(run, batch);
    last = seconds / batch;
    return seconds;
  };
}

AllCores::AllCores() : before_(sizeof(cpu_set_t)) {
  auto* const set = reinterpret_cast<cpu_set_t*>(before_.data());
  sched_getaffinity(0, sizeof(cpu_set_t), set);
  cpu_set_t all;
  CPU_ZERO(&all);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) CPU_SET(cpu, &all);
  sched_setaffinity(0, sizeof all, &all);
}
AllCores::~AllCores() { sched_setaffinity(0, sizeof(cpu_set_t), reinterpret_cast<const cpu_set_t*>(before_.data())); }

Report::Report(Options options) : options_(std::move(options)) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(sched_getcpu(), &set);
  sched_setaffinity(0, sizeof set, &set);
  double load[1] = {-1};
  load_ = getloadavg(load, 1) == 1 ? load[0] : -1;
  calibration_ = calibration_loop();
}

bool Report::wants(const std::string& id) const { return options_.filter.empty() || id.find(options_.filter) != std::string::npos; }

void Report::add(Row row) {
  fmt::print("{:<28} {:>12.4g} {} (p99 {:.4g}, worst {:.4g}){}{}{}{}\n", row.id, row.ours, row.unit, row.ours_p99, row.ours_worst,
             row.theirs ? fmt::format("  {} {:.4g}", row.baseline, *row.theirs) : "",
             row.ratio ? fmt::format("  ratio {:.2f}", *row.ratio) : "",
             row.bound.empty() ? ""
                               : fmt::format("  bound {} {}", row.bound,
                                             !row.pass   ? "not judged"
                                             : *row.pass ? "met"
                                                         : "MISSED"),
             (row.checked || row.baseline == kAbsent ? "" : "  RESULT NOT CONFIRMED") + (row.note.empty() ? "" : "  " + row.note));
  if (!row.pass && !row.baseline.empty() && !row.theirs) fmt::print(stderr, "{}: no baseline: {}\n", row.id, row.note);
  rows_.push_back(std::move(row));
}

int Report::finish() {
  const double drift = std::abs(calibration_loop() / calibration_ - 1);
  bool all_pass = true;
  Json::Array rows;
  for (const auto& row : rows_) {
    all_pass = all_pass && row.pass.value_or(true) && (row.checked || row.baseline == kAbsent);
    rows.push_back(row_json(row));
  }
  if (drift > 0.05) fmt::print("noisy: the calibration loop drifted by {:.0f} % during the run\n", 100 * drift);
  if (!options_.json.empty()) {
    const Json machine(Json::Object{{"cpu", first_line("/proc/cpuinfo", "model name")},
                                    {"isa", isa()},
                                    {"cores", static_cast<std::int64_t>(std::thread::hardware_concurrency())},
                                    {"governor", first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "")},
                                    {"load_before", load_},
                                    {"calibration_drift", drift},
                                    {"noisy", drift > 0.05}});
    const Json build(
        Json::Object{{"compiler", "g++ " __VERSION__}, {"type", SINEW_BUILD_TYPE}, {"flags", SINEW_BUILD_FLAGS}, {"commit", SINEW_COMMIT}});
    std::ofstream(options_.json) << to_text(Json(Json::Object{{"machine", machine}, {"build", build}, {"rows", Json(std::move(rows))}}))
                                 << '\n';
  }
  return all_pass ? 0 : 1;
}

}  // namespace sinew::bench
