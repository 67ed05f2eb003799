// SPDX-License-Identifier: Apache-2.0
// FlowDit as the head of a policy: hidden states, state and noise to a normalised chunk.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/nn/heads/flow_dit.hpp"
#include "sinew/nn/heads/flow_inputs.hpp"
#include "sinew/nn/parts.hpp"

namespace sinew::nn {

/// Reads FlowInputs; writes `actions f32 [horizon, action_dim]`. Without a state among what the encoder offers it acts without a state
/// token, as StarVLA's policies do that were trained so.
template <TensorOps Ops>
class FlowDitPolicy {
 public:
  using Tensor = typename Ops::Tensor;
  using Config = FlowDitConfig;

  /// Throws Error when the state that is offered, or the width of the hidden states, is not what the head was trained on.
  FlowDitPolicy(const Loader<Ops>& loader, const FlowDitConfig& config, const HeadInputs& inputs)
      : dit_(loader, config), inputs_("flow_dit", {config.horizon, config.action_dim, config.state_dim}, inputs.offered) {
    if (config.context_width != inputs.hidden_size)
      fail(ErrorCode::invalid_argument, {"flow_dit", "context_width", fmt::format("the backbone's {}", inputs.hidden_size),
                                         fmt::format("{}", config.context_width), ""});
    spec_ = {.inputs = inputs_.inputs(),
             .outputs = {{"actions", DType::f32, Shape{config.horizon, config.action_dim}}},
             .optional_inputs = inputs_.optional_inputs()};
    for (const std::int64_t bucket : flow_buckets(config.steps, config.buckets)) moments_.push_back(&dit_.moment(loader.ops(), bucket));
  }

  [[nodiscard]] const HeadSpec& spec() const noexcept { return spec_; }

  void act(Ops& ops, const Context<Ops>& prompt, const TensorMap& in, TensorMap& out) {
    const auto& c = dit_.config();
    const Tensor& hidden = prompt.hidden;
    dit_.read_context(ops, ops.reshape(hidden, Shape{1, hidden.size(0), hidden.size(1)}), context_);
    std::optional<Tensor> state;
    if (const auto values = inputs_.state(in); !values.empty())
      state = dit_.encode_state(ops, ops.upload(values, Shape{1, static_cast<std::int64_t>(values.size()) / c.state_dim, c.state_dim}));
    const Tensor x = ops.copy(ops.upload(inputs_.noise(in), Shape{1, c.horizon, c.action_dim}));
    const auto velocity = [&](const Tensor& actions, std::int64_t k) {
      return dit_.velocity(ops, state ? &*state : nullptr, actions, *moments_[static_cast<std::size_t>(k)], context_);
    };
    if (const auto prefix = inputs_.prefix(in))
      sample_flow(ops, x, c.steps, FlowDirection::noise_at_zero, velocity, *prefix, inputs_.buffers());
    else
      sample_flow(ops, x, c.steps, FlowDirection::noise_at_zero, velocity);
    ops.download(x, out["actions"].template as<float>());
  }
  void reset() noexcept { inputs_.reset(); }

 private:
  FlowDit<Ops> dit_;
  FlowInputs inputs_;
  HeadSpec spec_;
  typename FlowDit<Ops>::Context context_;
  std::vector<const typename FlowDit<Ops>::Moment*> moments_;
};

}  // namespace sinew::nn
