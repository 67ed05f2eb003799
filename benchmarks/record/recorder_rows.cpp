// SPDX-License-Identifier: Apache-2.0
// R1: three cameras and a state at 1 kHz beside a robot: processor time, and how long a call takes.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "camera_load.hpp"
#include "record/suite.hpp"

namespace sinew::bench {
namespace {

double quantile(std::vector<double>& samples, double share) {
  std::sort(samples.begin(), samples.end());
  return samples[static_cast<std::size_t>(share * static_cast<double>(samples.size() - 1))];
}

/// Whether PyPI's mcap finds every record of the file, and every byte of the frames.
bool agrees(Baselines& baselines, const LoadResult& load) {
  if (!baselines.open("R1/check")) return false;
  const auto found = baselines.result("R1/check", 0);
  std::int64_t counts[2] = {};
  if (found.size() != sizeof counts) return false;
  std::memcpy(counts, found.data(), sizeof counts);
  const auto frames = static_cast<std::int64_t>(load.frame_adds.size());
  return counts[0] == static_cast<std::int64_t>(load.state_adds.size()) + frames && counts[1] == CameraLoad::kCameras * frames;
}

Row add_row(const char* id, const char* what, std::vector<double>& samples) {
  constexpr double kBound = 20;  // us
  Row row{.id = id, .what = what, .unit = "us"};
  row.ours = 1e6 * quantile(samples, 0.999);
  row.ours_p99 = 1e6 * quantile(samples, 0.99);
  row.ours_worst = 1e6 * samples.back();
  row.bound = fmt::format("≤ {:g} us", kBound);
  row.pass = row.ours <= kBound;
  row.n = static_cast<int>(samples.size());
  row.note = fmt::format("median {:.2f}", 1e6 * quantile(samples, 0.5));
  return row;
}

}  // namespace

void recorder_rows(Report& report, Baselines& baselines) {
  if (!report.wants("R1/")) return;
  const AllCores cores;  // the recorder's thread may run on another than the caller's, as it does on a robot
  CameraLoad load;
  constexpr int kSeconds = 20;
  LoadResult idle = load.run(5);
  LoadResult ours = load.run(kSeconds, baselines.folder() / "recording.mcap");
  const bool checked = ours.complete && agrees(baselines, ours);
  LoadResult copied = load.run(5, baselines.folder() / "copied.mcap", false);

  const double rest = quantile(idle.cpu, 0.5);
  Row core{.id = "R1/core", .what = "3 JPEG cameras 640 x 480 at 50 Hz and a state at 1 kHz, one second: processor time", .unit = "ms"};
  core.ours = 1e3 * (quantile(ours.cpu, 0.5) - rest);
  core.ours_p99 = 1e3 * (quantile(ours.cpu, 0.99) - rest);
  core.ours_worst = 1e3 * (ours.cpu.back() - rest);
  core.bound = "≤ 50 ms";
  core.pass = core.ours <= 50;
  core.checked = checked;
  core.n = static_cast<int>(ours.cpu.size());
  core.note =
      fmt::format("JPEGs of {} kB, {:.1f} MB/s; {} dropped; the loop alone takes {:.1f} ms", ours.frame_bytes / 1000,
                  1e-6 * static_cast<double>(ours.frame_bytes) * CameraLoad::kCameras * CameraLoad::kFrameRate, ours.dropped, 1e3 * rest);
  if (const auto name = baselines.open("R1/core")) {
    const Sampler sampler = baselines.sampler("R1/core");
    std::vector<double> samples;
    for (int i = 0; i < 31; ++i) samples.push_back(sampler(1));
    core.baseline = *name;
    core.theirs = 1e3 * quantile(samples, 0.5);
    core.ratio = *core.theirs / core.ours;
  }
  report.add(core);

  std::vector<double> all = ours.state_adds;
  all.insert(all.end(), ours.frame_adds.begin(), ours.frame_adds.end());
  Row add = add_row("R1/add", "add(), p99.9 of all calls", all);
  add.note += fmt::format("; {} heap calls after the first second", ours.heap_calls);
  add.pass = *add.pass && ours.heap_calls == 0;
  add.checked = checked;
  report.add(add);
  for (auto* samples : {&ours.frame_adds, &copied.frame_adds}) {
    const bool copies = samples == &copied.frame_adds;
    Row frames =
        add_row(copies ? "R1/add_copied" : "R1/add_exchanged",
                copies ? "add() of three JPEGs that are copied, p99.9" : "add() of three JPEGs that are exchanged, p99.9", *samples);
    frames.bound.clear();  // a thousand calls: their p99.9 is the second worst
    frames.pass.reset();
    frames.checked = copies ? copied.complete : checked;
    report.add(frames);
  }
}

}  // namespace sinew::bench
