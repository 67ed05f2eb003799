// SPDX-License-Identifier: Apache-2.0
// What diffusion transformers have in common: small perceptrons, gated feed-forward layers, the embedding of time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sinew/nn/heads/flow_dit_config.hpp"
#include "sinew/nn/layers.hpp"

namespace sinew::nn {

/// Two linear layers with SiLU between: `layer1`, `layer2`.
template <TensorOps Ops>
struct SiluMlp {
  Linear<Ops> layer1, layer2;

  struct Sizes {
    std::int64_t in, hidden, out;
  };
  static SiluMlp load(const Loader<Ops>& loader, const Sizes& sizes) {
    return {.layer1 = loader.linear("layer1", sizes.hidden, sizes.in), .layer2 = loader.linear("layer2", sizes.out, sizes.hidden)};
  }
  typename Ops::Tensor operator()(Ops& ops, const typename Ops::Tensor& x) const { return layer2(ops, layer1(ops, x, Activation::silu)); }
};

/// SwiGLU: `down(silu(gate x) * up x)`.
template <TensorOps Ops>
struct SwiGlu {
  Linear<Ops> gate_up, down;
  std::int64_t width = 0;

  static SwiGlu load(const Loader<Ops>& loader, std::int64_t inputs, std::int64_t width) {
    return {.gate_up = loader.stacked_linear({{"gate", width}, {"up", width}}, inputs),
            .down = loader.linear("down", inputs, width),
            .width = width};
  }
  /// x `[n, inputs]`.
  typename Ops::Tensor operator()(Ops& ops, const typename Ops::Tensor& x) const {
    const auto both = gate_up(ops, x);
    return down(ops, ops.silu_mul(ops.slice(both, 1, 0, width), ops.slice(both, 1, width, 2 * width)));
  }
};

/// A time from 0 to 1 as `[1, width]`: 256 cosines and sines of a thousand times it, through a SiluMlp.
template <TensorOps Ops>
typename Ops::Tensor embed_time(Ops& ops, const SiluMlp<Ops>& mlp, double time) {
  const auto waves = timestep_projection(1000 * time, kTimeWaves);
  return mlp(ops, ops.upload(waves, Shape{std::int64_t{1}, kTimeWaves}));
}

}  // namespace sinew::nn
