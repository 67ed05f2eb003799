// SPDX-License-Identifier: Apache-2.0
// Noise to a chunk, for heads that sample a flow: the optional inputs noise, seed, prefix and prefix_delay, and the steps.
#pragma once

#include <cstdint>

#include "sinew/core/tensor_map.hpp"
#include "sinew/nn/heads/flow_inputs.hpp"
#include "sinew/nn/parts.hpp"
#include "sinew/nn/sampler.hpp"

namespace sinew::nn {

/// Noise to `actions f32 [horizon, dim]`. Without noise and seed, call k after a reset draws from seed k.
class ChunkSampler {
 public:
  ChunkSampler(std::int64_t horizon, std::int64_t dim) : horizon_(horizon), dim_(dim), inputs_("chunk", {horizon, dim, 0}, {}) {}

  /// The output, and what may steer it.
  void declare(HeadSpec& spec) const {
    spec.outputs.push_back({"actions", DType::f32, Shape{horizon_, dim_}});
    for (const TensorSpec& input : inputs_.optional_inputs()) spec.optional_inputs.push_back(input);
  }
  /// `velocity(x [1, horizon, dim], k)` at each step. The result lives in the caller's scope.
  template <TensorOps Ops, class Velocity>
  typename Ops::Tensor sample(Ops& ops, const TensorMap& in, std::int64_t steps, FlowDirection direction, const Velocity& velocity) {
    const auto x = ops.copy(ops.upload(inputs_.noise(in), Shape{1, horizon_, dim_}));
    if (const auto prefix = inputs_.prefix(in))
      sample_flow(ops, x, steps, direction, velocity, *prefix, inputs_.buffers());
    else
      sample_flow(ops, x, steps, direction, velocity);
    return x;
  }
  void reset() noexcept { inputs_.reset(); }

 private:
  std::int64_t horizon_, dim_;
  FlowInputs inputs_;
};

}  // namespace sinew::nn
