// SPDX-License-Identifier: Apache-2.0
// M4, M5: Qwen3-VL-2B with random weights in bf16.
#include <fmt/format.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "models/suite.hpp"
#include "sinew/backend/cpu/cpu_models.hpp"
#include "sinew/nn/language_model.hpp"
#ifdef SINEW_BENCH_TORCH
#include "sinew/backend/torch/torch_models.hpp"
#endif

namespace sinew::bench {

namespace {

constexpr std::int64_t kMostTokens = 512;
constexpr int kRepetitions = 5;  // seconds each

template <nn::TensorOps Ops>
class BackboneCase {
 public:
  BackboneCase(const std::filesystem::path& directory, Ops ops, const nn::ModelRegistry<Ops>& models)
      : inputs_(directory), model_(std::move(ops), models, directory, "qwen3_vl", kMostTokens) {
    out_.resize(inputs_.prompt(0).ids.size() * static_cast<std::size_t>(model_.hidden_size()));
  }
  [[nodiscard]] ModelWork prefill() {
    return {.run = [this](std::size_t entry) { model_.hidden_states(inputs_.prompt(entry), out_); },
            .result = [this] { return std::span<const float>(out_); },
            .entries = inputs_.entries(),
            .tolerance = 0.5,  // two computations in bf16
            .repetitions = kRepetitions};
  }
  /// `count` tokens behind the prompt.
  void decode(std::int64_t count) { keep(model_.generate(inputs_.prompt(0), {.max_new_tokens = count})); }

 private:
  Inputs inputs_;
  nn::LanguageModel<Ops> model_;
  std::vector<float> out_;
};

/// Bytes of weights that one decoded token reads: the text model and the table of logits, in bf16.
double decoded_bytes() {
  constexpr double kHidden = 2048, kIntermediate = 6144, kAttention = 16 * 128, kKeys = 8 * 128, kLayers = 28, kVocab = 151936;
  return 2 * (kLayers * (kHidden * (2 * kAttention + 2 * kKeys) + 3 * kHidden * kIntermediate) + kVocab * kHidden);
}

template <class Case>
void add_decode(ModelSuite& suite, Case& ours, Claim claim) {
  if (!suite.report().wants(claim.id)) return;
  constexpr std::int64_t kMore = 4;
  const double bandwidth = read_bandwidth(), limit = decoded_bytes() / bandwidth;
  std::vector<double> times;
  const auto seconds = [&](std::int64_t count) { return warmed([&](int) { ours.decode(count); })(1); };
  for (int i = 0; i < kRepetitions; ++i) times.push_back((seconds(1 + kMore) - seconds(1)) / static_cast<double>(kMore));
  claim.most = 1.5 * limit * claim.scale;
  claim.note += fmt::format("reading {:.2f} GB of weights at {:.1f} GB/s: {:.0f} ms", decoded_bytes() / 1e9, bandwidth / 1e9, limit * 1e3);
  Row row = timed_row(claim, summarize(times), {}, "");
  row.checked = true;  // that decoding agrees with transformers is a test's matter (python/tests/test_nn.py)
  suite.report().add(std::move(row));
}

}  // namespace

void backbone_rows(ModelSuite& suite) {
  const Claim cpu{.id = "M4/cpu",
                  .what = "Qwen3-VL-2B in bf16, 2 images of 224 x 224 and 64 tokens, prefill, CPU backend",
                  .unit = "ms",
                  .scale = 1e3,
                  .least_ratio = 0.8,
                  .baseline = "prefill"};
  const Claim torch{
      .id = "M4/torch", .what = "the same, torch backend", .unit = "ms", .scale = 1e3, .least_ratio = 1.05, .baseline = "prefill"};
  const Claim cpu_token{.id = "M5/cpu", .what = "one decoded token of the same, CPU backend", .unit = "ms", .scale = 1e3};
  const Claim torch_token{.id = "M5/torch", .what = "one decoded token of the same, torch backend", .unit = "ms", .scale = 1e3};
  const std::array cuda{
      Claim{.id = "M4/cuda",
            .what = "the same prefill on a GPU, torch backend, replayed as graphs, against eager PyTorch there",
            .unit = "ms",
            .scale = 1e3,
            .baseline = "prefill_cuda"},
      Claim{.id = "M4/cuda/plain", .what = "the same, operation by operation", .unit = "ms", .scale = 1e3, .baseline = "prefill_cuda"}};
  const bool gpu = suite.has_device(cuda);
  std::vector<Claim> rows{cpu, torch, cpu_token, torch_token};
  if (gpu) rows.insert(rows.end(), cuda.begin(), cuda.end());
  const auto directory = suite.directory("large", rows);
  if (!directory) return;
  {
    BackboneCase<CpuOps> ours(*directory, CpuOps({.weights = DType::bf16}), cpu_models());
    suite.compare(cpu, ours.prefill());
    add_decode(suite, ours, cpu_token);
  }
#ifdef SINEW_BENCH_TORCH
  {
    BackboneCase<GraphOps> ours(*directory, GraphOps({.dtype = DType::bf16}), torch_models());
    suite.compare(torch, ours.prefill());
    add_decode(suite, ours, torch_token);
  }
  for (const Claim& claim : cuda) {
    if (!gpu) break;
    BackboneCase<GraphOps> there(*directory, GraphOps({.device = "cuda", .dtype = DType::bf16}, {.enabled = claim.id == "M4/cuda"}),
                                 torch_models());
    suite.compare(claim, there.prefill());
  }
#endif
  suite.free_baselines();
}

}  // namespace sinew::bench
