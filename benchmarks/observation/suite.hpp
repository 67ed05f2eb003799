// SPDX-License-Identifier: Apache-2.0
// What the parts of bench_observation share: pools of inputs that both sides see, and rows of ours against a library in Python.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench.hpp"
#include "claim.hpp"
#include "observation/baselines.hpp"
#include "sinew/core/image.hpp"
#include "sinew/core/isa.hpp"

namespace sinew::bench {

inline constexpr std::size_t kPool = 4;  ///< observations of two cameras

/// Two frames of one moment.
using FramePair = std::array<Image, 2>;

/// The two views, for a processor.
[[nodiscard]] std::array<ImageView, 2> views(const FramePair& pair);

/// Runs the product and keeps the result of the last run in sight.
struct Work {
  std::function<void(std::size_t entry)> run;  ///< on one entry of the pool
  std::function<std::span<const std::byte>()> result;
  std::size_t entries = kPool;
};

/// The run: report, baselines, and inputs, made when first asked for.
class Suite {
 public:
  Suite(Report& report, Baselines& baselines) : report_(report), baselines_(baselines) {}

  [[nodiscard]] Report& report() { return report_; }
  [[nodiscard]] Baselines& baselines() { return baselines_; }
  /// The pool of random frames of this size; the child reads the same.
  [[nodiscard]] const std::vector<FramePair>& frames(int height, int width);
  /// A tokenizer.json: the Qwen vocabulary, or when `why_small()` is not empty one of bytes alone.
  [[nodiscard]] const std::filesystem::path& vocabulary();
  [[nodiscard]] const std::string& why_small() const { return why_small_; }

  /// Adds a row of which every entry's result must have the baseline's bytes.
  void compare(const Claim& claim, const Work& work);
  /// The same for each instruction set of vectors below the best, without a bound.
  void compare_isas(const Claim& claim, const Work& work);

 private:
  Report& report_;
  Baselines& baselines_;
  std::map<std::pair<int, int>, std::vector<FramePair>> frames_;
  std::filesystem::path vocabulary_;
  std::string why_small_;
};

/// `run` on the pool's entries in turn.
[[nodiscard]] inline Run in_turn(const Work& work) { return in_turn(work.run, work.entries); }

template <class T>
std::span<const std::byte> bytes_of(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}

void image_rows(Suite& suite);
void memory_rows(Suite& suite);
void tokenizer_rows(Suite& suite);
void encoder_rows(Suite& suite);

}  // namespace sinew::bench
