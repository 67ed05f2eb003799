// SPDX-License-Identifier: Apache-2.0
#include "models/suite.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <utility>

#include "sinew/core/error.hpp"
#ifdef SINEW_BENCH_TORCH
#include "sinew/backend/torch/torch_ops.hpp"
#endif

namespace sinew::bench {

namespace {

/// Few interleaved repetitions of long calls.
std::pair<Timing, std::optional<Timing>> time_long(const Sampler& ours, const Sampler& theirs, int repetitions) {
  std::vector<double> a, b;
  ours(1);
  if (theirs) theirs(1);
  for (int i = 0; i < repetitions; ++i) {
    a.push_back(ours(1));
    if (theirs) b.push_back(theirs(1));
  }
  return {summarize(a), theirs ? std::optional(summarize(b)) : std::nullopt};
}

/// Largest difference, in units of the root mean square of `theirs`.
double difference(std::span<const float> ours, std::span<const float> theirs) {
  if (ours.size() != theirs.size() || ours.empty()) return INFINITY;
  double squares = 0, most = 0;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    squares += static_cast<double>(theirs[i]) * static_cast<double>(theirs[i]);
    const double d = std::abs(static_cast<double>(ours[i]) - static_cast<double>(theirs[i]));
    if (!std::isfinite(d)) return INFINITY;
    most = std::max(most, d);
  }
  return most / std::sqrt(squares / static_cast<double>(ours.size()));
}

}  // namespace

std::optional<std::filesystem::path> ModelSuite::directory(const std::string& name, std::span<const Claim> claims) {
  if (std::ranges::none_of(claims, [this](const Claim& claim) { return report_.wants(claim.id); })) return std::nullopt;
  const auto path = baselines_.open("make:" + name);
  if (path) return *path;
  for (const Claim& claim : claims)
    if (report_.wants(claim.id)) absent(claim);
  return std::nullopt;
}

void ModelSuite::free_baselines() {
  if (baselines_.open("free")) baselines_.sampler("free")(1);
}

void ModelSuite::absent(const Claim& claim) {
  Row row = timed_row(claim, {}, {}, kAbsent);
  row.pass.reset();
  row.note += (row.note.empty() ? "" : "; ") + baselines_.why();
  report_.add(std::move(row));
}

bool ModelSuite::has_device(std::span<const Claim> claims) {
#ifdef SINEW_BENCH_TORCH
  try {
    (void)TorchOps({.device = "cuda"});
    return std::ranges::any_of(claims, [this](const Claim& claim) { return report_.wants(claim.id); });
  } catch (const Error&) {  // that is how it says that there is none
  }
#endif
  for (const Claim& claim : claims) {
    if (!report_.wants(claim.id)) continue;
    Row row = timed_row(claim, {}, {}, kAbsent);
    row.note = "no GPU on this machine: not measured";
    report_.add(std::move(row));
  }
  return false;
}

void ModelSuite::compare(const Claim& claim, const ModelWork& work) {
  if (!report_.wants(claim.id)) return;
  const auto name = claim.baseline.empty() ? std::nullopt : baselines_.open(claim.baseline);
  const Sampler ours = warmed(in_turn(work.run, work.entries)), theirs = name ? baselines_.sampler(claim.baseline) : Sampler();
  const auto [mine, other] =
      work.repetitions > 0 ? time_long(ours, theirs, work.repetitions) : time_pair(ours, theirs, report_.options().min_time);
  Row row = timed_row(claim, mine, other, name.value_or(claim.baseline.empty() ? "" : kAbsent));
  row.checked = name.has_value();
  if (!name && !claim.baseline.empty()) row.note += (row.note.empty() ? "" : "; ") + baselines_.why();
  double worst = 0;
  for (std::size_t entry = 0; name && entry < work.entries; ++entry) {
    work.run(entry);
    const auto bytes = baselines_.result(claim.baseline, entry);
    std::vector<float> numbers(bytes.size() / sizeof(float));
    std::memcpy(numbers.data(), bytes.data(), numbers.size() * sizeof(float));
    worst = std::max(worst, difference(work.result(), numbers));
  }
  if (name) {
    row.checked = worst <= work.tolerance;
    row.note += fmt::format("{}differs by {:.1g} of the root mean square", row.note.empty() ? "" : "; ", worst);
  }
  report_.add(std::move(row));
}

Inputs::Inputs(const std::filesystem::path& directory) : file_(directory / "inputs.safetensors") {
  const auto has = [this](const char* name) { return file_.tensors().contains(fmt::format("{}.{}", entries_, name)); };
  while (has("input_ids") || has("hidden") || has("state")) {
    auto& grids = grids_.emplace_back();
    if (file_.tensors().contains(fmt::format("{}.image_grid_thw", entries_))) {
      const auto sizes = integers(entries_, "image_grid_thw");
      for (std::size_t i = 0; i + 3 <= sizes.size(); i += 3)
        grids.push_back({static_cast<int>(sizes[i]), static_cast<int>(sizes[i + 1]), static_cast<int>(sizes[i + 2])});
    }
    ++entries_;
  }
}

std::span<const float> Inputs::floats(std::size_t entry, const std::string& name) const {
  return file_.values<float>(fmt::format("{}.{}", entry, name));
}
std::span<const std::int64_t> Inputs::integers(std::size_t entry, const std::string& name) const {
  return file_.values<std::int64_t>(fmt::format("{}.{}", entry, name));
}
const std::vector<std::int64_t>& Inputs::shape(std::size_t entry, const std::string& name) const {
  return file_.at(fmt::format("{}.{}", entry, name)).shape;
}
nn::VisionLanguageInput Inputs::prompt(std::size_t entry) const {
  return {.ids = integers(entry, "input_ids"), .pixels = floats(entry, "pixel_values"), .grids = grids_[entry]};
}

double read_bandwidth() {
  constexpr std::size_t kFloats = std::size_t{64} << 20;
  const std::vector<float> values(kFloats, 1.0F);
  double best = 0;
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    float sums[64] = {};
    for (std::size_t at = 0; at < kFloats; at += 64)
      for (std::size_t j = 0; j < 64; ++j) sums[j] += values[at + j];
    keep(sums);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    best = std::max(best, static_cast<double>(kFloats * sizeof(float)) / seconds.count());
  }
  return best;
}

}  // namespace sinew::bench
