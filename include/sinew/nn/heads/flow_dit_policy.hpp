// SPDX-License-Identifier: Apache-2.0
// FlowDit as the head of a policy: hidden states, state and noise to a normalised chunk.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/core/random.hpp"
#include "sinew/core/tensor_map.hpp"
#include "sinew/core/tensor_spec.hpp"
#include "sinew/nn/heads/flow_dit.hpp"
#include "sinew/nn/parts.hpp"
#include "sinew/nn/sampler.hpp"

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
      : dit_(loader, config),
        buffers_(config.horizon, config.action_dim),
        noise_(static_cast<std::size_t>(config.horizon * config.action_dim)) {
    const Shape chunk{config.horizon, config.action_dim};
    if (config.context_width != inputs.hidden_size)
      fail(ErrorCode::invalid_argument, {"flow_dit", "context_width", fmt::format("the backbone's {}", inputs.hidden_size),
                                         fmt::format("{}", config.context_width), ""});
    const TensorSpec* const state = find_spec(inputs.offered, "state");
    if (state != nullptr && config.state_dim > 0) {
      if (state->dtype != DType::f32 || state->capacity.rank() == 0 || state->capacity.rank() > 2 ||
          state->capacity[state->capacity.rank() - 1] != config.state_dim)
        fail(ErrorCode::invalid_argument, {"flow_dit", "input 'state'", fmt::format("f32 [{}]", config.state_dim), to_string(*state), ""});
      spec_.inputs.push_back(*state);
    }
    spec_.outputs = {{"actions", DType::f32, chunk}};
    spec_.optional_inputs = {{"noise", DType::f32, chunk},
                             {"seed", DType::i64, Shape{1}},
                             {"prefix", DType::f32, chunk},
                             {"prefix_delay", DType::i64, Shape{1}}};
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
    const Tensor x = ops.copy(ops.upload(draw(in), Shape{1, c.horizon, c.action_dim}));
    const auto velocity = [&](const Tensor& actions, std::int64_t k) {
      return dit_.velocity(ops, state ? &*state : nullptr, actions, *moments_[static_cast<std::size_t>(k)], context_);
    };
    if (present(in, "prefix")) {
      const FlowPrefix prefix = read_prefix(in);
      buffers_.fill(prefix);
      sample_flow(ops, x, c.steps, FlowDirection::noise_at_zero, velocity, prefix, buffers_);
    } else {
      sample_flow(ops, x, c.steps, FlowDirection::noise_at_zero, velocity);
    }
    ops.download(x, out["actions"].template as<float>());
  }
  void reset() noexcept { calls_ = 0; }

 private:
  static bool present(const TensorMap& in, std::string_view name) noexcept {
    const auto* const tensor = in.find(name);
    return tensor != nullptr && tensor->shape()[0] > 0;
  }
  std::span<const float> draw(const TensorMap& in) {
    const std::uint64_t call = calls_++;
    if (present(in, "noise")) return in["noise"].template as<float>();
    const std::uint64_t seed = present(in, "seed") ? static_cast<std::uint64_t>(in["seed"].template as<std::int64_t>()[0]) : call;
    Random(seed).normal(noise_);
    return noise_;
  }
  FlowPrefix read_prefix(const TensorMap& in) const {
    const auto& prefix = in["prefix"];
    FlowPrefix read{.chunk = {prefix.template as<float>(), static_cast<int>(prefix.shape()[0]), static_cast<int>(prefix.shape()[1])}};
    if (present(in, "prefix_delay"))
      read.delay = static_cast<int>(std::clamp<std::int64_t>(in["prefix_delay"].template as<std::int64_t>()[0], 0, read.chunk.rows));
    return read;
  }

  FlowDit<Ops> dit_;
  HeadSpec spec_;
  typename FlowDit<Ops>::Context context_;
  std::vector<const typename FlowDit<Ops>::Moment*> moments_;
  PrefixBuffers buffers_;
  std::vector<float> noise_;
  std::uint64_t calls_ = 0;
};

}  // namespace sinew::nn
