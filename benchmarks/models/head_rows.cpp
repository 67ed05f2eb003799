// SPDX-License-Identifier: Apache-2.0
// M7: the flow-matching head alone, from hidden states to a chunk in four steps.
#include <fmt/format.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "models/suite.hpp"
#include "models/work.hpp"
#include "sinew/backend/cpu/cpu_ops.hpp"
#include "sinew/io/json.hpp"
#include "sinew/nn/heads/flow_dit.hpp"
#include "sinew/nn/sampler.hpp"
#ifdef SINEW_BENCH_TORCH
#include "sinew/backend/torch/torch_ops.hpp"
#endif

namespace sinew::bench {

namespace {

template <nn::TensorOps Ops>
class HeadCase {
 public:
  HeadCase(const std::filesystem::path& directory, Ops ops) : inputs_(directory), ops_(std::move(ops)) {
    const Json json = Json::read_file(directory / "config.json");
    Weights weights = Weights::open(directory);
    dit_.emplace(nn::Loader<Ops>(ops_, weights, "action_model."),
                 nn::FlowDitConfig::parse(JsonCursor(json, "config.json").at("action_head")));
    const auto& c = dit_->config();
    for (const auto bucket : nn::flow_buckets(c.steps, c.buckets)) moments_.push_back(&dit_->moment(ops_, bucket));
    chunk_.resize(static_cast<std::size_t>(c.horizon * c.action_dim));
  }

  void run(std::size_t entry) {
    auto scope = ops_.scope();
    const auto& c = dit_->config();
    const auto hidden = inputs_.floats(entry, "hidden");
    dit_->read_context(ops_, ops_.upload(hidden, Shape{1, static_cast<std::int64_t>(hidden.size()) / c.context_width, c.context_width}),
                       context_);
    const auto state = dit_->encode_state(ops_, ops_.upload(inputs_.floats(entry, "state"), Shape{1, 1, c.state_dim}));
    const auto x = ops_.copy(ops_.upload(inputs_.floats(entry, "noise"), Shape{1, c.horizon, c.action_dim}));
    nn::sample_flow(ops_, x, c.steps, FlowDirection::noise_at_zero, [&](const auto& actions, std::int64_t k) {
      return dit_->velocity(ops_, &state, actions, *moments_[static_cast<std::size_t>(k)], context_);
    });
    ops_.download(x, chunk_);
  }
  [[nodiscard]] ModelWork work() {
    return {.run = [this](std::size_t entry) { run(entry); },
            .result = [this] { return std::span<const float>(chunk_); },
            .entries = inputs_.entries(),
            .tolerance = 2e-3};
  }
  [[nodiscard]] double operations() const { return head_operations(dit_->config(), static_cast<double>(inputs_.shape(0, "hidden")[0])); }

 private:
  Inputs inputs_;
  Ops ops_;
  std::optional<nn::FlowDit<Ops>> dit_;
  std::vector<const typename nn::FlowDit<Ops>::Moment*> moments_;
  typename nn::FlowDit<Ops>::Context context_;
  std::vector<float> chunk_;
};

void add_rows(ModelSuite& suite, const std::string& name, const Claim& cpu, const Claim& torch) {
  const auto directory = suite.directory(name, std::array{cpu, torch});
  if (!directory) return;
  {
    HeadCase<CpuOps> ours(*directory, CpuOps());
    Claim claim = cpu;
    const double rate = best_product_rate();
    claim.note = fmt::format("products alone: {:.2f} ms at {:.0f} GFLOP/s", ours.operations() / rate * 1e3, rate / 1e9);
    suite.compare(claim, ours.work());
  }
#ifdef SINEW_BENCH_TORCH
  HeadCase<TorchOps> ours(*directory, TorchOps());
  suite.compare(torch, ours.work());
#endif
}

}  // namespace

void head_rows(ModelSuite& suite) {
  add_rows(suite, "head_small",
           {.id = "M7/192x6/cpu",
            .what = "flow-matching head, width 192, 6 layers, 4 steps, CPU backend",
            .unit = "ms",
            .scale = 1e3,
            .least_ratio = 2,
            .baseline = "head_small"},
           {.id = "M7/192x6/torch", .what = "the same, torch backend", .unit = "ms", .scale = 1e3, .baseline = "head_small"});
  add_rows(suite, "head_large",
           {.id = "M7/1024x16/cpu",
            .what = "flow-matching head, width 1024, 16 layers, 4 steps, CPU backend",
            .unit = "ms",
            .scale = 1e3,
            .least_ratio = 1.1,
            .baseline = "head_large"},
           {.id = "M7/1024x16/torch", .what = "the same, torch backend", .unit = "ms", .scale = 1e3, .baseline = "head_large"});
}

}  // namespace sinew::bench
