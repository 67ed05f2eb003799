// SPDX-License-Identifier: Apache-2.0
// StarVLA's QwenPI and QwenPI_v3: block i of a flow-matching DiT attends to the hidden states of one layer of the vision-language model,
// the last block to those behind its last norm. Form: starVLA/starVLA @ 0ed0aad LayerwiseFM_ActionHeader.py, framework/VLM4A/QwenPI.py and
// QwenPI_v3.py.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/nn/heads/flow_dit.hpp"
#include "sinew/nn/heads/flow_inputs.hpp"
#include "sinew/nn/heads/layerwise_dit_config.hpp"
#include "sinew/nn/parts.hpp"
#include "sinew/nn/sampler.hpp"

namespace sinew::nn {

/// The transformer with a projection of the hidden states in front of each block, where their width is another.
template <TensorOps Ops>
class LayerwiseDit {
 public:
  using Tensor = typename Ops::Tensor;
  using Moment = typename FlowDit<Ops>::Moment;
  using DitContext = typename FlowDit<Ops>::Context;
  using Finished = typename FlowDit<Ops>::Finished;

  /// Reads what FlowDit reads and `project_layers.{i}.{0,1}.*`.
  LayerwiseDit(const Loader<Ops>& loader, const LayerwiseDitConfig& config) : dit_(loader, config.dit) {
    for (std::int64_t i = 0; config.projects() && i < config.dit.layers; ++i) {
      const Loader<Ops> projection = loader.part("project_layers", i);
      if (dit_.attends_to_context(i))
        projections_.emplace_back(projection.layer_norm("0", config.context_width, 1e-5F),
                                  projection.linear("1", config.dit.width, config.context_width));
      else
        projection.ignore("");
    }
  }

  [[nodiscard]] FlowDit<Ops>& dit() noexcept { return dit_; }
  /// Hidden states `[b, tokens, context_width]` of the `i`-th block that attends to them, as it reads them.
  Tensor project(Ops& ops, std::size_t i, const Tensor& hidden) const {
    if (projections_.empty()) return hidden;
    return projections_[i].second(ops, projections_[i].first(ops, hidden));
  }
  /// Keys and values of every block; `hidden_of(i)` gives block i's hidden states `[b, tokens, context_width]`.
  template <class HiddenOf>
  void read_context(Ops& ops, const HiddenOf& hidden_of, DitContext& context) const {
    dit_.begin_context(context);
    for (std::int64_t i = 0; i < dit_.config().layers; ++i)
      if (dit_.attends_to_context(i)) dit_.read_context(ops, i, project(ops, context.blocks.size(), hidden_of(i)), context);
  }

 private:
  FlowDit<Ops> dit_;
  std::vector<std::pair<LayerNorm<Ops>, Linear<Ops>>> projections_;  // of the blocks that attend to the context
};

/// Reads FlowInputs; writes `actions f32 [horizon, action_dim]`. In mode "simulated_delay" the action encoder is told of the prefix's rows
/// that they are in the last bucket; the blocks are told the time of the others.
template <TensorOps Ops>
class LayerwiseDitPolicy {
 public:
  using Tensor = typename Ops::Tensor;
  using Config = LayerwiseDitConfig;

  /// Throws Error when the state that is offered, or the backbone, is not what the head was trained on, and for a real-time mode that needs
  /// gradients on operations that have none.
  LayerwiseDitPolicy(const Loader<Ops>& loader, const Config& config, const HeadInputs& inputs)
      : model_(loader, config),
        mode_(config.realtime.mode),
        inputs_("layerwise_dit", {config.dit.horizon, config.dit.action_dim, config.dit.state_dim}, inputs.offered, config.realtime) {
    require_prefix_mode<Ops>(mode_);
    const auto require = [](bool condition, std::string_view what, const std::string& expected, std::int64_t got) {
      if (!condition) fail(ErrorCode::invalid_argument, {"layerwise_dit", what, expected, fmt::format("{}", got), ""});
    };
    require(config.context_width == inputs.hidden_size, "context_width", fmt::format("the backbone's {}", inputs.hidden_size),
            config.context_width);
    require(config.dit.layers <= inputs.depth, "layers", fmt::format("at most the backbone's {}", inputs.depth), config.dit.layers);
    spec_ = {.inputs = inputs_.inputs(),
             .outputs = {{"actions", DType::f32, Shape{config.dit.horizon, config.dit.action_dim}}},
             .optional_inputs = inputs_.optional_inputs()};
    const std::int64_t first_depth = inputs.depth + 1 - config.dit.layers;
    for (std::int64_t i = 0; i + 1 < config.dit.layers; ++i)
      if (model_.dit().attends_to_context(i)) spec_.depths.push_back(first_depth + i);
    for (const std::int64_t bucket : flow_buckets(config.dit.steps, config.dit.buckets))
      moments_.push_back(&model_.dit().moment(loader.ops(), bucket));
    finished_ = &model_.dit().moment(loader.ops(), config.dit.buckets - 1);
  }

  [[nodiscard]] const HeadSpec& spec() const noexcept { return spec_; }

  void act(Ops& ops, const Context<Ops>& prompt, const TensorMap& in, TensorMap& out) {
    auto& dit = model_.dit();
    const auto& c = dit.config();
    std::size_t next = 0;
    model_.read_context(
        ops,
        [&](std::int64_t block) {
          const Tensor& hidden = block + 1 < c.layers ? prompt.states[next++] : prompt.hidden;
          return ops.reshape(hidden, Shape{1, hidden.size(0), hidden.size(1)});
        },
        context_);
    std::optional<Tensor> state;
    if (const auto values = inputs_.state(in); !values.empty())
      state = dit.encode_state(ops, ops.upload(values, Shape{1, static_cast<std::int64_t>(values.size()) / c.state_dim, c.state_dim}));
    const Tensor x = ops.copy(ops.upload(inputs_.noise(in), Shape{1, c.horizon, c.action_dim}));
    const auto prefix = inputs_.prefix(in);
    const std::int64_t done = prefix && mode_ == PrefixMode::overwrite ? prefix->delay : 0;
    const auto velocity = [&](const Tensor& actions, std::int64_t k) {
      return dit.velocity(ops, state ? &*state : nullptr, actions, *moments_[static_cast<std::size_t>(k)], context_,
                          {.rows = done, .moment = finished_});
    };
    if (prefix)
      sample_flow(ops, x, c.steps, FlowDirection::noise_at_zero, velocity, *prefix, inputs_.buffers());
    else
      sample_flow(ops, x, c.steps, FlowDirection::noise_at_zero, velocity);
    ops.download(x, out["actions"].template as<float>());
  }
  void reset() noexcept { inputs_.reset(); }

 private:
  LayerwiseDit<Ops> model_;
  PrefixMode mode_;
  FlowInputs inputs_;
  HeadSpec spec_;
  typename FlowDit<Ops>::Context context_;
  std::vector<const typename FlowDit<Ops>::Moment*> moments_;
  const typename FlowDit<Ops>::Moment* finished_ = nullptr;
};

}  // namespace sinew::nn
