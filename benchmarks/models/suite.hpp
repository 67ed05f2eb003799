// SPDX-License-Identifier: Apache-2.0
// What the parts of bench_models share: models that the Python child writes with random weights, run here and there on the same inputs.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bench.hpp"
#include "claim.hpp"
#include "observation/baselines.hpp"
#include "sinew/core/patch_grid.hpp"
#include "sinew/io/safetensors.hpp"
#include "sinew/nn/models/vision_language.hpp"

namespace sinew::bench {

/// Runs ours on one entry of a pool; `result` is what it made of the last one.
struct ModelWork {
  std::function<void(std::size_t entry)> run;
  std::function<std::span<const float>()> result;
  std::size_t entries = 1;
  double tolerance = 0;  ///< largest difference from the baseline's numbers, in units of their root mean square
  int repetitions = 0;   ///< for calls of seconds: so many instead of bench.hpp's 31
};

/// The run.
class ModelSuite {
 public:
  ModelSuite(Report& report, Baselines& baselines) : report_(report), baselines_(baselines) {}

  [[nodiscard]] Report& report() { return report_; }
  [[nodiscard]] Baselines& baselines() { return baselines_; }
  /// The directory that the child made for these rows; nothing when none of them runs, or when the child cannot: then they are added
  /// without numbers.
  [[nodiscard]] std::optional<std::filesystem::path> directory(const std::string& name, std::span<const Claim> claims);
  /// Lets the child forget its large model.
  void free_baselines();
  /// Whether one of these rows runs and this machine has the GPU that it needs; without one they are added without numbers.
  [[nodiscard]] bool has_device(std::span<const Claim> claims);
  /// Adds a row, compared with the baseline `claim.baseline`; every entry's result is compared.
  void compare(const Claim& claim, const ModelWork& work);

 private:
  void absent(const Claim& claim);

  Report& report_;
  Baselines& baselines_;
};

/// Inputs of a pool that the child wrote: `<entry>.<name>`.
class Inputs {
 public:
  explicit Inputs(const std::filesystem::path& directory);
  [[nodiscard]] std::size_t entries() const noexcept { return entries_; }
  [[nodiscard]] std::span<const float> floats(std::size_t entry, const std::string& name) const;
  [[nodiscard]] std::span<const std::int64_t> integers(std::size_t entry, const std::string& name) const;
  [[nodiscard]] const std::vector<std::int64_t>& shape(std::size_t entry, const std::string& name) const;
  [[nodiscard]] nn::VisionLanguageInput prompt(std::size_t entry) const;

 private:
  SafetensorsFile file_;
  std::size_t entries_ = 0;
  std::vector<std::vector<PatchGrid>> grids_;
};

/// Bytes per second of reading memory in one thread: the best of several sums over 256 MB.
[[nodiscard]] double read_bandwidth();

void policy_rows(ModelSuite& suite);
void act_rows(ModelSuite& suite);
void head_rows(ModelSuite& suite);
void other_head_rows(ModelSuite& suite);
void backbone_rows(ModelSuite& suite);
void linear_layer_rows(ModelSuite& suite);
void file_rows(ModelSuite& suite, const std::string& program);
/// `bench_models --load DIR`: loads and runs once, prints seconds, peak bytes and a checksum; a process of its own, whose peak is that of
/// loading.
int load_once(const std::string& directory);

}  // namespace sinew::bench
