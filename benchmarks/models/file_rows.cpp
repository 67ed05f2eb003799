// SPDX-License-Identifier: Apache-2.0
// M6, M8: files of weights.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "models/suite.hpp"
#include "sinew/backend/cpu/cpu_models.hpp"
#include "sinew/nn/language_model.hpp"

namespace sinew::bench {

namespace {

/// Bytes per second of reading the shards from the page cache with pread into one buffer.
double file_bandwidth(const std::filesystem::path& directory, double& bytes) {
  constexpr std::size_t kBand = std::size_t{4} << 20;
  std::vector<char> buffer(kBand);
  double best = 0;
  for (int pass = 0; pass < 3; ++pass) {
    bytes = 0;
    const auto start = std::chrono::steady_clock::now();
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
      if (!entry.path().filename().string().starts_with("model") || entry.path().extension() != ".safetensors") continue;
      const int file = open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
      for (off_t at = 0;;) {
        const ssize_t got = pread(file, buffer.data(), kBand, at);
        if (got <= 0) break;
        at += got;
        bytes += static_cast<double>(got);
      }
      close(file);
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    best = std::max(best, bytes / seconds.count());
  }
  return best;
}

/// Seconds to write fresh memory for the first time, on all cores: nobody who keeps weights in an order of its own avoids it.
double first_touch(std::size_t bytes) {
  const auto start = std::chrono::steady_clock::now();
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < cores; ++i)
    threads.emplace_back([=] {
      const CpuBuffer part(bytes / cores);
      for (std::size_t at = 0; at < bytes / cores; at += 4096) *const_cast<volatile std::byte*>(part.data() + at) = std::byte{1};
    });
  for (auto& thread : threads) thread.join();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

struct Loaded {
  double seconds = 0, load_seconds = 0, peak = 0;
};

Loaded load_elsewhere(const std::string& program, const std::filesystem::path& directory) {
  std::array<char, 256> line{};
  Loaded loaded;
  FILE* const child = popen(fmt::format("'{}' --load '{}'", program, directory.string()).c_str(), "r");
  if (child == nullptr || std::fgets(line.data(), line.size(), child) == nullptr ||
      std::sscanf(line.data(), "%lf %lf %lf", &loaded.seconds, &loaded.load_seconds, &loaded.peak) != 3)
    throw std::runtime_error("the process that loads gave no numbers");
  pclose(child);
  return loaded;
}

constexpr int kRepetitions = 3;  // of seconds each

void add_load_row(ModelSuite& suite, const std::string& program) {
  Claim claim{.id = "M6/load",
              .what = "4 GB checkpoint in shards: load and first prefill, CPU backend, bf16, all cores",
              .unit = "s",
              .scale = 1,
              .least_ratio = 1,
              .baseline = "load"};
  const auto directory = suite.directory("large", std::span(&claim, 1));
  if (!directory) return;
  const AllCores all;  // as a program that starts a policy would: both sides read and compute with all of them
  double bytes = 0;
  const double bandwidth = file_bandwidth(*directory, bytes);
  const double touch = first_touch(static_cast<std::size_t>(bytes));
  const auto name = suite.baselines().open(claim.baseline);
  std::vector<double> ours, theirs, loads;
  double peak = 0;
  for (int i = 0; i < kRepetitions; ++i) {
    const Loaded last = load_elsewhere(program, *directory);
    ours.push_back(last.seconds);
    loads.push_back(last.load_seconds);
    peak = std::max(peak, last.peak);
    if (!name) continue;
    suite.free_baselines();  // of the model before, outside of what is timed
    theirs.push_back(suite.baselines().sampler(claim.baseline)(1));
  }
  const double load = summarize(loads).median, share = bytes / load / bandwidth;
  claim.note = fmt::format(
      "load alone {:.2f} s, {:.0f} % of the {:.1f} GB/s that pread gives to one thread (bound 70 %); first touch of as much memory alone "
      "{:.2f} s; peak memory {:.2f} times the weights (bound 1.1)",
      load, share * 100, bandwidth / 1e9, touch, peak / bytes);
  Row row = timed_row(claim, summarize(ours), theirs.empty() ? std::nullopt : std::optional(summarize(theirs)), name.value_or(kAbsent));
  row.checked = name.has_value();
  if (row.pass) row.pass = *row.pass && share >= 0.7 && peak <= 1.1 * bytes;
  suite.report().add(std::move(row));
  suite.free_baselines();
}

void add_header_row(ModelSuite& suite) {
  const Claim claim{.id = "M8/header",
                    .what = "safetensors header of 1,000 tensors, every rule checked",
                    .unit = "us",
                    .scale = 1e6,
                    .least_ratio = 1,
                    .baseline = "header"};
  if (!suite.report().wants(claim.id)) return;
  const auto path = suite.baselines().folder() / "thousand.safetensors";
  const std::vector<std::byte> zeros(64 * 4);
  std::vector<SafetensorsTensor> tensors;
  for (int i = 0; i < 1000; ++i)
    tensors.push_back({fmt::format("model.language_model.layers.{}.self_attn.part_{}.weight", i / 10, i % 10), DType::f32, {8, 8}, zeros});
  write_safetensors(path, tensors);
  float count = 0;
  suite.compare(claim, {.run = [&](std::size_t) { count = static_cast<float>(SafetensorsFile(path).tensors().size()); },
                        .result = [&] { return std::span<const float>(&count, 1); }});
}

}  // namespace

void file_rows(ModelSuite& suite, const std::string& program) {
  add_header_row(suite);
  add_load_row(suite, program);
}

int load_once(const std::string& directory) {
  const auto start = std::chrono::steady_clock::now();
  nn::LanguageModel<CpuOps> model(
      CpuOps({.weights = DType::bf16, .threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()))}), cpu_models(),
      directory, "qwen3_vl", 512);
  const std::chrono::duration<double> load = std::chrono::steady_clock::now() - start;
  const Inputs inputs(directory);
  const auto prompt = inputs.prompt(0);
  std::vector<float> out(prompt.ids.size() * static_cast<std::size_t>(model.hidden_size()));
  model.hidden_states(prompt, out);
  const std::chrono::duration<double> all = std::chrono::steady_clock::now() - start;
  std::ifstream status("/proc/self/status");
  double peak = 0;
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) peak = std::strtod(line.c_str() + 6, nullptr) * 1024;
  std::printf("%.4f %.4f %.0f\n", all.count(), load.count(), peak);
  return 0;
}

}  // namespace sinew::bench
