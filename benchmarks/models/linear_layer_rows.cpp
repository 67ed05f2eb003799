// SPDX-License-Identifier: Apache-2.0
// M9: one linear layer of Qwen3.5, whole and without its projections.
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "models/suite.hpp"
#include "sinew/backend/cpu/cpu_ops.hpp"
#include "sinew/io/weights.hpp"
#include "sinew/nn/models/gated_delta_net.hpp"

namespace sinew::bench {

namespace {

constexpr nn::Qwen35Config::Linear kSizes{.key_heads = 16, .heads = 32, .key_dim = 128, .dim = 128, .taps = 4};
constexpr std::int64_t kHidden = 2560, kKept = 3;
constexpr std::int64_t kProjected = 2 * 16 * 128 + 2 * 32 * 128 + 2 * 32;

/// Tokens of an entry of the pool, behind a prompt of 64.
class LinearLayer {
 public:
  explicit LinearLayer(const std::filesystem::path& directory)
      : inputs_(directory),
        weights_(Weights::open(directory, {})),
        net_(nn::Loader<CpuOps>(ops_, weights_), kSizes, kHidden, 1e-6F),
        memory_(net_.make_memory(ops_)) {}

  /// `name`: the pool's tensor, tokens or what the projections make of them.
  [[nodiscard]] ModelWork work(const std::string& name) {
    const bool projected = inputs_.shape(0, name).back() == kProjected;
    out_.resize(static_cast<std::size_t>(inputs_.shape(0, name)[0] * (projected ? kSizes.heads * kSizes.dim : kHidden)));
    return {.run =
                [this, name, projected](std::size_t entry) {
                  auto scope = ops_.scope();
                  const std::int64_t rows = inputs_.shape(entry, name)[0];
                  restore(memory_.conv, inputs_.floats(entry, "conv"));
                  restore(memory_.rule, inputs_.floats(entry, "rule"));
                  const auto x = ops_.upload(inputs_.floats(entry, name), Shape{rows, projected ? kProjected : kHidden});
                  if (projected) return ops_.download(net_.mix(ops_, x, memory_), out_);
                  const auto residual = ops_.combine(0, x, 0, x);
                  net_.add_into(ops_, residual, x, memory_);
                  ops_.download(residual, out_);
                },
            .result = [this] { return std::span<const float>(out_); },
            .entries = inputs_.entries(),
            .tolerance = 1e-3};
  }

 private:
  static void restore(CpuState& state, std::span<const float> values) {
    std::memcpy(state.values.data(), values.data(), values.size_bytes());
  }

  Inputs inputs_;
  CpuOps ops_{CpuOptions{.weights = DType::f32}};
  Weights weights_;
  nn::GatedDeltaNet<CpuOps> net_;
  nn::GatedDeltaNet<CpuOps>::Memory memory_;
  std::vector<float> out_;
};

}  // namespace

void linear_layer_rows(ModelSuite& suite) {
  const auto row = [](const std::string& id, const std::string& what) {
    return Claim{.id = "M9/" + id, .what = what, .unit = "ms", .scale = 1e3, .least_ratio = 2, .baseline = "linear_" + id};
  };
  const std::array claims{
      row("step", "linear layer of Qwen3.5 (2560 wide, 16 and 32 heads of 128) in f32, one token; states restored on both sides"),
      row("chunk", "the same, 64 tokens"),
      row("step_mix", "the same without its projections, one token"),
      row("chunk_mix", "the same without its projections, 64 tokens"),
  };
  const auto directory = suite.directory("linear_layer", claims);
  if (!directory) return;
  LinearLayer ours(*directory);
  for (const Claim& claim : claims) suite.compare(claim, ours.work(claim.id.substr(3)));
}

}  // namespace sinew::bench
