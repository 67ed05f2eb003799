// SPDX-License-Identifier: Apache-2.0
// Gated delta net: attention whose memory of all earlier tokens is one matrix for each head.
// Form: transformers 5.23 `Qwen3_5GatedDeltaNet`; the rule is that of arXiv 2412.06464.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "sinew/nn/layers.hpp"
#include "sinew/nn/models/qwen3_5_config.hpp"

namespace sinew::nn {

/// A linear layer of Qwen3.5: a causal convolution, the gated delta rule and a gated norm.
template <TensorOps Ops>
class GatedDeltaNet {
 public:
  using Tensor = typename Ops::Tensor;

  /// What it remembers of a sequence: the convolution's last inputs, and the matrices.
  struct Memory {
    typename Ops::State conv;  ///< [taps - 1, q, k and v of all heads]
    typename Ops::State rule;  ///< [heads, key_dim, dim]
  };

  /// Reads `in_proj_qkv`, `in_proj_z`, `in_proj_b`, `in_proj_a`, `conv1d`, `A_log`, `dt_bias`, `norm` and `out_proj`. `eps` is that of the
  /// norm behind the rule.
  GatedDeltaNet(const Loader<Ops>& loader, const Qwen35Config::Linear& config, std::int64_t hidden, float eps)
      : config_(config),
        eps_(eps),
        keys_(config.key_heads * config.key_dim),
        values_(config.heads * config.dim),
        in_(loader.stacked_linear(
            {{"in_proj_qkv", 2 * keys_ + values_}, {"in_proj_z", values_}, {"in_proj_b", config.heads}, {"in_proj_a", config.heads}},
            hidden, false)),
        conv_(load_conv(loader)),
        rate_(load_rate(loader)),
        bias_(loader.parameter("dt_bias", Shape{config.heads})),
        query_scale_(scale(loader.ops(), -1.0)),
        key_scale_(scale(loader.ops(), -0.5)),
        norm_(loader.parameter("norm.weight", Shape{config.dim})),
        out_(loader.linear("out_proj", hidden, values_, false)) {}

  [[nodiscard]] Memory make_memory(Ops& ops) const {
    return {ops.state(Shape{config_.taps - 1, 2 * keys_ + values_}), ops.state(Shape{config_.heads, config_.key_dim, config_.dim})};
  }
  static void reset(Ops& ops, Memory& memory) {
    ops.clear(memory.conv);
    ops.clear(memory.rule);
  }

  /// `residual += out(...)` of the tokens x `[n, hidden]`, which follow those that `memory` has seen.
  void add_into(Ops& ops, const Tensor& residual, const Tensor& x, Memory& memory) const {
    out_.add_into(ops, residual, mix(ops, in_(ops, x), memory));
  }
  /// What lies between the projections: `[n, heads dim]` of their inputs' `[n, queries keys values, gate, beta, decay]`.
  Tensor mix(Ops& ops, const Tensor& in, Memory& memory) const {
    const std::int64_t n = in.size(0), mixed = 2 * keys_ + values_, gates = mixed + values_;
    const Tensor qkv = ops.causal_conv(memory.conv, ops.slice(in, 1, 0, mixed), conv_, Activation::silu);
    const Shape keys{n, config_.key_heads, config_.key_dim}, values{n, config_.heads, config_.dim};
    // x / sqrt(sum of squares + 1e-6) as a norm by the mean of squares; the rule's scale of queries, key_dim^-1/2, goes into its weight.
    const float eps = 1e-6F / static_cast<float>(config_.key_dim);
    const Tensor q = ops.rms_norm(ops.reshape(ops.slice(qkv, 1, 0, keys_), keys), query_scale_, eps);
    const Tensor k = ops.rms_norm(ops.reshape(ops.slice(qkv, 1, keys_, 2 * keys_), keys), key_scale_, eps);
    const Tensor v = ops.reshape(ops.slice(qkv, 1, 2 * keys_, mixed), values);
    const Tensor beta = ops.activate(ops.copy(ops.slice(in, 1, gates, gates + config_.heads)), Activation::sigmoid);
    const Tensor decay = ops.log_decay(ops.slice(in, 1, gates + config_.heads, gates + 2 * config_.heads), rate_, bias_);
    const Tensor seen = ops.reshape(ops.delta_rule(memory.rule, q, k, v, decay, beta), values);
    const Tensor normed = ops.reshape(ops.rms_norm(seen, norm_, eps_), Shape{n, values_});
    return ops.silu_mul(ops.slice(in, 1, mixed, gates), normed);
  }

 private:
  /// The stored weight [channels, 1, taps], by taps.
  typename Ops::Parameter load_conv(const Loader<Ops>& loader) const {
    const std::int64_t channels = 2 * keys_ + values_;
    const auto stored = loader.floats("conv1d.weight", Shape{channels, 1, config_.taps});
    std::vector<float> weight(stored.size());
    for (std::size_t i = 0; i < stored.size(); ++i) {
      const auto taps = static_cast<std::size_t>(config_.taps);
      weight[i % taps * static_cast<std::size_t>(channels) + i / taps] = stored[i];
    }
    return loader.ops().parameter(weight, Shape{config_.taps, channels});
  }
  typename Ops::Parameter load_rate(const Loader<Ops>& loader) const {
    auto rate = loader.floats("A_log", Shape{config_.heads});
    std::ranges::transform(rate, rate.begin(), [](float x) { return std::exp(x); });
    return loader.ops().parameter(rate, Shape{config_.heads});
  }
  typename Ops::Parameter scale(Ops& ops, double power) const {
    const std::vector<float> weight(static_cast<std::size_t>(config_.key_dim),
                                    static_cast<float>(std::pow(static_cast<double>(config_.key_dim), power)));
    return ops.parameter(weight, Shape{config_.key_dim});
  }

  Qwen35Config::Linear config_;
  float eps_;
  std::int64_t keys_, values_;  // of all heads
  Linear<Ops> in_;
  typename Ops::Parameter conv_, rate_, bias_, query_scale_, key_scale_, norm_;
  Linear<Ops> out_;
};

}  // namespace sinew::nn
