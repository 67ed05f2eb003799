// SPDX-License-Identifier: Apache-2.0
// The flow-matching DiT of GR00T N1 as StarVLA's QwenGR00T trains it: a sequence of state, learned and noisy action tokens attends in turns
// to the vision-language model's hidden states and to itself, and gives the velocity of the actions. Form: starVLA/starVLA @ 0ed0aad
// GR00T_ActionHeader.py, flow_matching_head/cross_attention_dit.py.
#pragma once

#include <cmath>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "sinew/nn/heads/flow_dit_config.hpp"
#include "sinew/nn/heads/flow_parts.hpp"
#include "sinew/nn/layers.hpp"

namespace sinew::nn {

/// Times run from 0, noise, to 1, actions. Everything that depends on the time alone is computed once for each time and kept.
template <TensorOps Ops>
class FlowDit {
 public:
  using Tensor = typename Ops::Tensor;
  using Config = FlowDitConfig;

  /// What one time of the flow adds: found by `moment`.
  struct Moment {
    std::int64_t bucket = 0;
    typename Ops::Parameter time_embedding;               ///< [width], behind the encoder
    typename Ops::Parameter action_bias;                  ///< [width]: the action encoder's second layer on the time
    std::vector<typename Ops::Parameter> scales, shifts;  ///< [width] of each block's first norm, then of the output's
  };
  /// Action tokens at the front that are no longer noisy: the action encoder is told another time for them, the blocks are not.
  struct Finished {
    std::int64_t rows = 0;
    const Moment* moment = nullptr;
  };
  /// What the hidden states of a prompt give: keys and values of the blocks that attend to them, `[b, tokens, heads, dim]`.
  struct Context {
    std::vector<std::pair<Tensor, Tensor>> blocks;
    std::vector<std::uint8_t> valid;  ///< [b, tokens], set after read_context; empty: all are seen
  };

  /// Reads `model.*`, `state_encoder.*`, `action_encoder.*`, `action_decoder.*`, `future_tokens`, `position_embedding`. With an output
  /// width of 0 the decoder reads the last block, and the projection that a checkpoint may have is ignored.
  FlowDit(const Loader<Ops>& loader, const Config& config) : config_(config) {
    const Loader<Ops> model = loader.part("model"), timestep = model.part("timestep_encoder.timestep_embedder");
    const std::int64_t w = config.width;
    time1_.emplace(timestep.linear("linear_1", w, kTimeWaves));
    time2_.emplace(timestep.linear("linear_2", w, w));
    for (std::int64_t i = 0; i < config.layers; ++i) blocks_.push_back(load_block(model.part("transformer_blocks", i), i));
    if (config.output_width > 0) {
      output_norm_.emplace(model.linear("proj_out_1", 2 * w, w));
      output_.emplace(model.linear("proj_out_2", config.output_width, w));
    } else {
      model.ignore("proj_out_");
    }
    if (config.state_dim > 0)
      state_encoder_.emplace(Mlp<Ops>::load(loader.part("state_encoder"), {config.state_dim, config.mlp_width, w}));
    else
      loader.ignore("state_encoder.");
    const std::int64_t decoded = config.output_width > 0 ? config.output_width : w;
    decoder_.emplace(Mlp<Ops>::load(loader.part("action_decoder"), {decoded, config.mlp_width, config.action_dim}));
    action_encoder_.emplace(loader.part("action_encoder"), config.action_dim, w);
    if (config.future_tokens > 0) future_.emplace(loader.parameter("future_tokens.weight", Shape{config.future_tokens, w}));
    const auto table = loader.floats("position_embedding.weight", Shape{config.positions, w});
    positions_.emplace(
        loader.ops().parameter(std::span(table).first(static_cast<std::size_t>(config.horizon * w)), Shape{config.horizon, w}));
  }

  [[nodiscard]] const Config& config() const noexcept { return config_; }
  [[nodiscard]] bool attends_to_context(std::int64_t block) const noexcept { return !config_.interleave_self_attention || block % 2 == 0; }

  /// Keys and values of `hidden [b, tokens, context_width]`, once for all steps; they live in the caller's scope.
  void read_context(Ops& ops, const Tensor& hidden, Context& context) const {
    begin_context(context);
    for (std::int64_t i = 0; i < config_.layers; ++i)
      if (attends_to_context(i)) read_context(ops, i, hidden, context);
  }
  /// The same block by block, for hidden states of their own: those of each block that attends to the context, ascending.
  static void begin_context(Context& context) {
    context.blocks.clear();
    context.valid.clear();
  }
  void read_context(Ops& ops, std::int64_t block, const Tensor& hidden, Context& context) const {
    const Shape shape{hidden.size(0), hidden.size(1), 2 * config_.heads, config_.width / config_.heads};
    const Tensor kv = ops.reshape(blocks_[static_cast<std::size_t>(block)].kv(ops, hidden), shape);
    context.blocks.emplace_back(ops.slice(kv, 2, 0, config_.heads), ops.slice(kv, 2, config_.heads, 2 * config_.heads));
  }
  /// `state [b, n, state_dim]` to state tokens `[b, n, width]`.
  Tensor encode_state(Ops& ops, const Tensor& state) const { return (*state_encoder_)(ops, state); }
  /// `actions [b, n, action_dim]` to `[b, n, width]`, without positions.
  Tensor encode_actions(Ops& ops, const Tensor& actions, const Moment& moment) const {
    return (*action_encoder_)(ops, actions, moment.action_bias);
  }
  /// The sequence: state tokens, where there are some, learned tokens, actions with their positions.
  Tensor sequence(Ops& ops, const Tensor* state, const Tensor& actions, const Moment& moment, const Finished& finished = {}) const {
    const auto part = [&](std::int64_t begin, std::int64_t end, const Moment& at) {
      return encode_actions(ops, ops.slice(actions, 1, begin, end), at);
    };
    const std::int64_t done = finished.rows, n = actions.size(1);
    const Tensor encoded =
        done > 0 ? ops.concat(1, {part(0, done, *finished.moment), part(done, n, moment)}) : encode_actions(ops, actions, moment);
    const Tensor tokens = ops.add(encoded, ops.view(*positions_));
    const std::int64_t batch = actions.size(0);
    if (!future_) return state == nullptr ? tokens : ops.concat(1, {*state, tokens});
    const Tensor future = ops.expand(ops.view(*future_), batch);
    return state == nullptr ? ops.concat(1, {future, tokens}) : ops.concat(1, {*state, future, tokens});
  }
  /// One block; x `[b, n, width]` becomes its output.
  void block_into(Ops& ops, const Tensor& x, std::int64_t index, const Moment& moment, const Context& context) const {
    auto scope = ops.scope();
    const Block& block = blocks_[static_cast<std::size_t>(index)];
    const Tensor h = modulated(ops, x, static_cast<std::size_t>(index), moment, kBlockEps);
    const std::int64_t heads = config_.heads, dim = config_.width / heads, batch = x.size(0), tokens = x.size(1);
    Attention attention{.scale = 1 / std::sqrt(static_cast<float>(dim))};
    Tensor attended;
    if (attends_to_context(index)) {
      auto [k, v] = context.blocks[static_cast<std::size_t>(config_.interleave_self_attention ? index / 2 : index)];
      if (k.size(0) == 1 && batch > 1) {  // several draws from one prompt
        k = ops.expand(ops.reshape(k, Shape{k.size(1), heads, dim}), batch);
        v = ops.expand(ops.reshape(v, Shape{v.size(1), heads, dim}), batch);
      }
      attention.mask.valid = context.valid;
      attended = ops.attention(ops.reshape(block.q(ops, h), Shape{batch, tokens, heads, dim}), k, v, attention);
    } else {
      const Tensor qkv = ops.reshape(block.kv(ops, h), Shape{batch, tokens, 3 * heads, dim});
      const auto third = [&](std::int64_t i) { return ops.slice(qkv, 2, i * heads, (i + 1) * heads); };
      attended = ops.attention(third(0), third(1), third(2), attention);
    }
    block.out.add_into(ops, x, attended);
    block.ff2.add_into(ops, x, block.ff1(ops, ops.layer_norm(x, nullptr, nullptr, kBlockEps), Activation::gelu_tanh));
  }
  /// The transformer's output `[b, n, output_width]`, before the decoder.
  Tensor finish(Ops& ops, const Tensor& x, const Moment& moment) const {
    if (!output_) return x;
    return (*output_)(ops, modulated(ops, x, moment.scales.size() - 1, moment, kOutputEps));
  }
  Tensor decode(Ops& ops, const Tensor& x) const { return (*decoder_)(ops, x); }

  /// The velocity `[b, horizon, action_dim]` of `actions` at a moment.
  Tensor velocity(Ops& ops, const Tensor* state, const Tensor& actions, const Moment& moment, const Context& context,
                  const Finished& finished = {}) const {
    auto scope = ops.scope();
    const Tensor x = sequence(ops, state, actions, moment, finished);
    for (std::int64_t i = 0; i < config_.layers; ++i) block_into(ops, x, i, moment, context);
    const Tensor tokens = ops.slice(x, 1, x.size(1) - config_.horizon, x.size(1));  // of the others nobody asks
    return scope.keep(decode(ops, finish(ops, tokens, moment)));
  }

  /// The moment of a bucket; computed when it is asked for the first time.
  const Moment& moment(Ops& ops, std::int64_t bucket) {
    for (const Moment& known : moments_)
      if (known.bucket == bucket) return known;
    return moments_.emplace_back(make_moment(ops, bucket));
  }

 private:
  static constexpr float kBlockEps = 1e-5F, kOutputEps = 1e-6F;

  struct Block {
    Linear<Ops> norm;  ///< time embedding to scale and shift
    Linear<Ops> q;     ///< of blocks that attend to the context
    Linear<Ops> kv;    ///< keys and values; with queries in front where the block attends to the sequence
    Linear<Ops> out, ff1, ff2;
  };

  Block load_block(const Loader<Ops>& loader, std::int64_t index) const {
    const std::int64_t w = config_.width;
    const Loader<Ops> attention = loader.part("attn1"), ff = loader.part("ff.net");
    Block block{.norm = loader.linear("norm1.linear", 2 * w, w),
                .q = {},
                .kv = {},
                .out = attention.linear("to_out.0", w, w),
                .ff1 = ff.linear("0.proj", 4 * w, w),
                .ff2 = ff.linear("2", w, 4 * w)};
    if (attends_to_context(index)) {
      block.q = attention.linear("to_q", w, w);
      block.kv = attention.stacked_linear({{"to_k", w}, {"to_v", w}}, config_.context_width);
    } else {
      block.kv = attention.stacked_linear({{"to_q", w}, {"to_k", w}, {"to_v", w}}, w);
    }
    return block;
  }
  static Tensor modulated(Ops& ops, const Tensor& x, std::size_t index, const Moment& moment, float eps) {
    const auto rows = [&](const typename Ops::Parameter& p) { return ops.expand(ops.view(p), x.size(0)); };
    return ops.modulated_norm(x, rows(moment.scales[index]), rows(moment.shifts[index]), eps);
  }
  Moment make_moment(Ops& ops, std::int64_t bucket) const {
    auto scope = ops.scope();
    const std::int64_t w = config_.width;
    std::vector<float> values(static_cast<std::size_t>(2 * w));
    const auto keep = [&](const Tensor& x) {
      const auto some = std::span(values).first(static_cast<std::size_t>(w));
      ops.download(x, some);
      return ops.parameter(some, Shape{w});
    };
    const auto projected = timestep_projection(static_cast<double>(bucket), kTimeWaves);
    const auto tau = sinusoid(static_cast<double>(bucket), w);
    const Tensor temb = (*time2_)(ops, (*time1_)(ops, ops.upload(projected, Shape{1, kTimeWaves}), Activation::silu));
    Moment moment{.bucket = bucket,
                  .time_embedding = keep(temb),
                  .action_bias = keep(action_encoder_->time_bias(ops, ops.upload(tau, Shape{1, w}))),
                  .scales = {},
                  .shifts = {}};
    const Tensor condition = ops.activate(temb, Activation::silu);
    for (const Block& block : blocks_) {  // scale, then shift
      const Tensor both = block.norm(ops, condition);
      moment.scales.push_back(keep(ops.slice(both, 1, 0, w)));
      moment.shifts.push_back(keep(ops.slice(both, 1, w, 2 * w)));
    }
    if (!output_norm_) return moment;
    const Tensor both = (*output_norm_)(ops, condition);  // here shift, then scale
    moment.shifts.push_back(keep(ops.slice(both, 1, 0, w)));
    moment.scales.push_back(keep(ops.slice(both, 1, w, 2 * w)));
    return moment;
  }

  Config config_;
  std::optional<Linear<Ops>> time1_, time2_;
  std::vector<Block> blocks_;
  std::optional<Linear<Ops>> output_norm_, output_;
  std::optional<Mlp<Ops>> state_encoder_, decoder_;
  std::optional<ActionEncoder<Ops>> action_encoder_;
  std::optional<typename Ops::Parameter> future_, positions_;
  std::deque<Moment> moments_;  // they stay where they are
};

}  // namespace sinew::nn
