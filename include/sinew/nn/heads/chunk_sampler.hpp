// SPDX-License-Identifier: Apache-2.0
// What heads that sample a flow have in common: the optional inputs noise, seed, prefix and prefix_delay, and the steps.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "sinew/core/random.hpp"
#include "sinew/core/tensor_map.hpp"
#include "sinew/nn/parts.hpp"
#include "sinew/nn/sampler.hpp"

namespace sinew::nn {

/// Whether a caller gave an optional input.
[[nodiscard]] inline bool present(const TensorMap& in, std::string_view name) noexcept {
  const auto* const tensor = in.find(name);
  return tensor != nullptr && *tensor && tensor->shape()[0] > 0;
}

/// Noise to `actions f32 [horizon, dim]`. Without noise and seed, call k after a reset draws from seed k.
class ChunkSampler {
 public:
  ChunkSampler(std::int64_t horizon, std::int64_t dim)
      : horizon_(horizon), dim_(dim), buffers_(horizon, dim), noise_(static_cast<std::size_t>(horizon * dim)) {}

  /// The output, and what may steer it.
  void declare(HeadSpec& spec) const {
    const Shape chunk{horizon_, dim_};
    spec.outputs.push_back({"actions", DType::f32, chunk});
    for (const TensorSpec& input : {TensorSpec{"noise", DType::f32, chunk}, TensorSpec{"seed", DType::i64, Shape{1}},
                                    TensorSpec{"prefix", DType::f32, chunk}, TensorSpec{"prefix_delay", DType::i64, Shape{1}}})
      spec.optional_inputs.push_back(input);
  }
  /// `velocity(x [1, horizon, dim], k)` at each step. The result lives in the caller's scope.
  template <TensorOps Ops, class Velocity>
  typename Ops::Tensor sample(Ops& ops, const TensorMap& in, std::int64_t steps, FlowDirection direction, const Velocity& velocity) {
    const auto x = ops.copy(ops.upload(draw(in), Shape{1, horizon_, dim_}));
    if (present(in, "prefix")) {
      const FlowPrefix prefix = read_prefix(in);
      buffers_.fill(prefix);
      sample_flow(ops, x, steps, direction, velocity, prefix, buffers_);
    } else {
      sample_flow(ops, x, steps, direction, velocity);
    }
    return x;
  }
  void reset() noexcept { calls_ = 0; }

 private:
  std::span<const float> draw(const TensorMap& in) {
    const std::uint64_t call = calls_++;
    if (present(in, "noise")) return in["noise"].as<float>();
    const std::uint64_t seed = present(in, "seed") ? static_cast<std::uint64_t>(in["seed"].as<std::int64_t>()[0]) : call;
    Random(seed).normal(noise_);
    return noise_;
  }
  static FlowPrefix read_prefix(const TensorMap& in) {
    const auto& prefix = in["prefix"];
    FlowPrefix read{.chunk = {prefix.as<float>(), static_cast<int>(prefix.shape()[0]), static_cast<int>(prefix.shape()[1])}};
    if (present(in, "prefix_delay"))
      read.delay = static_cast<int>(std::clamp<std::int64_t>(in["prefix_delay"].as<std::int64_t>()[0], 0, read.chunk.rows));
    return read;
  }

  std::int64_t horizon_, dim_;
  PrefixBuffers buffers_;
  std::vector<float> noise_;
  std::uint64_t calls_ = 0;
};

}  // namespace sinew::nn
