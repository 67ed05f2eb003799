// SPDX-License-Identifier: Apache-2.0
// FlowDit as the head of a policy: hidden states, state and noise to a normalised chunk.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/core/tensor_map.hpp"
#include "sinew/core/tensor_spec.hpp"
#include "sinew/nn/heads/chunk_sampler.hpp"
#include "sinew/nn/heads/flow_dit.hpp"
#include "sinew/nn/parts.hpp"

namespace sinew::nn {

/// Reads `state f32 [state_dim]` or `[moments, state_dim]` where the encoder offers it, and the optional inputs of ModelSpec; writes
/// `actions f32 [horizon, action_dim]`. Without noise and seed, call k after a reset draws from seed k.
/// Without a state among what the encoder offers it acts without a state token, as StarVLA's policies do that were trained so.
template <TensorOps Ops>
class FlowDitPolicy {
 public:
  using Tensor = typename Ops::Tensor;

  using Config = FlowDitConfig;

  /// Throws Error when the state that is offered, or the width of the hidden states, is not what the head was trained on.
  FlowDitPolicy(const Loader<Ops>& loader, const FlowDitConfig& config, const HeadInputs& inputs)
      : dit_(loader, config), sampler_(config.horizon, config.action_dim) {
    require_width("flow_dit", config.context_width, inputs);
    const TensorSpec* const state = find_spec(inputs.offered, "state");
    if (state != nullptr && config.state_dim > 0) {
      if (state->dtype != DType::f32 || state->capacity.rank() == 0 || state->capacity.rank() > 2 ||
          state->capacity[state->capacity.rank() - 1] != config.state_dim)
        fail(ErrorCode::invalid_argument, {"flow_dit", "input 'state'", fmt::format("f32 [{}]", config.state_dim), to_string(*state), ""});
      spec_.inputs.push_back(*state);
    }
    sampler_.declare(spec_);
    for (const std::int64_t bucket : flow_buckets(config.steps, config.buckets)) moments_.push_back(&dit_.moment(loader.ops(), bucket));
  }

  [[nodiscard]] const HeadSpec& spec() const noexcept { return spec_; }

  void act(Ops& ops, const Context<Ops>& prompt, const TensorMap& in, TensorMap& out) {
    const auto& c = dit_.config();
    const Tensor& hidden = prompt.hidden;
    dit_.read_context(ops, ops.reshape(hidden, Shape{1, hidden.size(0), hidden.size(1)}), context_);
    std::optional<Tensor> state;
    if (!spec_.inputs.empty()) {
      const Shape& shape = in["state"].shape();
      if (shape[shape.rank() - 1] != c.state_dim)
        fail(ErrorCode::invalid_argument, {"flow_dit", "input 'state'", fmt::format("rows of {}", c.state_dim), to_string(shape), ""});
      const auto values = in["state"].template as<float>();
      const auto moments = static_cast<std::int64_t>(values.size()) / c.state_dim;
      state = dit_.encode_state(ops, ops.upload(values, Shape{1, moments, c.state_dim}));
    }
    const auto velocity = [&](const Tensor& actions, std::int64_t k) {
      return dit_.velocity(ops, state ? &*state : nullptr, actions, *moments_[static_cast<std::size_t>(k)], context_);
    };
    const Tensor x = sampler_.sample(ops, in, c.steps, FlowDirection::noise_at_zero, velocity);
    ops.download(x, out["actions"].template as<float>());
  }
  void reset() noexcept { sampler_.reset(); }

 private:
  FlowDit<Ops> dit_;
  HeadSpec spec_;
  typename FlowDit<Ops>::Context context_;
  std::vector<const typename FlowDit<Ops>::Moment*> moments_;
  ChunkSampler sampler_;
};

}  // namespace sinew::nn
