// SPDX-License-Identifier: Apache-2.0
// The action head of Qwen-VLA (arXiv 2605.30280v2): a single-stream DiT over [projected hidden states, noisy actions], adaLN on the time,
// multi-section rotary positions in line with the backbone, a zero-padded action tensor with a mask; tau runs from 1, noise, to 0. Code and
// weights are not public: the form is that of python/sinew/train/qwen_vla.py, which trains it.
//
// The published budget (blocks of 70.8M, time 2.8M, hidden states 3.9M, action projections 4.9M, output adaLN 4.7M) is met by width 1536:
// attention 4 w^2, adaLN 6 w^2 (shift, scale and gate of two sub-layers), SwiGLU of 10240, two-layer projections, 256 waves of time.
//
// Not published, chosen here (options are in qwen_vla_dit_config.hpp):
// - `joint`, as the report's words are: the prompt's tokens attend to the actions and are told the time, so that nothing of theirs can be
//   kept between steps. Without it they attend to themselves and are told time 0, and their keys and values are computed once;
// - actions stand behind the prompt, one position each on all three axes; norms of queries and keys (`qk_norm`) as in the backbone; heads;
// - masked numbers go in and come out as 0; a row of which none counts is hidden from the others;
// - no state token: a state is in the prompt, if anywhere.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/nn/heads/chunk_sampler.hpp"
#include "sinew/nn/heads/dit_parts.hpp"
#include "sinew/nn/heads/qwen_vla_dit_config.hpp"
#include "sinew/nn/models/rotary.hpp"
#include "sinew/nn/models/vision_language.hpp"
#include "sinew/nn/parts.hpp"

namespace sinew::nn {

/// Reads `mask f32 [horizon, action_dim]` of 0 and 1 where it is given, and the optional inputs of ChunkSampler; writes
/// `actions f32 [horizon, action_dim]`.
template <TensorOps Ops>
class QwenVlaDit {
 public:
  using Tensor = typename Ops::Tensor;
  using Config = QwenVlaConfig;

  /// Throws Error when the width of the hidden states is not what the head was trained on.
  QwenVlaDit(const Loader<Ops>& loader, const Config& config, const HeadInputs& inputs)
      : config_(config), image_token_(inputs.image_token), merge_(inputs.merge), sampler_(config.horizon, config.action_dim) {
    require_width("qwen_vla_dit", config.context_width, inputs);
    const std::int64_t w = config.width;
    context_.emplace(loader.linear("context", w, config.context_width));
    const auto time = SiluMlp<Ops>::load(loader.part("time"), {kTimeWaves, w, w});
    encoder_.emplace(SiluMlp<Ops>::load(loader.part("action_encoder"), {config.action_dim, w, w}));
    decoder_.emplace(SiluMlp<Ops>::load(loader.part("action_decoder"), {w, w, config.action_dim}));
    std::vector<Linear<Ops>> modulations;
    for (std::int64_t i = 0; i < config.layers; ++i) {
      const Loader<Ops> part = loader.part("blocks", i);
      modulations.push_back(part.linear("modulation", kParts * w, w));
      blocks_.push_back(load_block(part));
    }
    const auto output = loader.linear("output_modulation", 2 * w, w);
    tell_times(loader.ops(), time, modulations, output);
    // Last: until here the file has confirmed every size.
    const TensorSpec* const ids = find_spec(inputs.offered, "input_ids");
    most_tokens_ = ids == nullptr ? 1 : ids->capacity[0];
    rotary_.emplace(config.rotary_dim, config.rope_theta, config.mrope_section, SectionLayout::interleaved, most_tokens_ + config.horizon);
    for (std::int64_t i = 0; !config.joint && i < config.layers; ++i)
      caches_.push_back({loader.ops().cache(most_tokens_ + config.horizon, config.heads, w / config.heads),
                         loader.ops().cache(most_tokens_ + config.horizon, config.heads, w / config.heads)});
    mask_.resize(static_cast<std::size_t>(config.horizon * config.action_dim));
    sampler_.declare(spec_);
    spec_.optional_inputs.push_back({"mask", DType::f32, Shape{config.horizon, config.action_dim}});
  }
  [[nodiscard]] const HeadSpec& spec() const noexcept { return spec_; }

  void act(Ops& ops, const Context<Ops>& prompt, const TensorMap& in, TensorMap& out) {
    const Config& c = config_;
    const std::int64_t tokens = prompt.hidden.size(0);
    read_mask(in, tokens);
    place(*prompt.prompt);
    const Shape table{rotary_table_.rows(), rotary_table_.width}, chunk{std::int64_t{1}, c.horizon, c.action_dim};
    const Turn turn{ops.upload(rotary_table_.cos, table), ops.upload(rotary_table_.sin, table)};
    const Tensor context = (*context_)(ops, prompt.hidden), mask = ops.upload(mask_, chunk);
    if (!c.joint) read_context(ops, context, part_of(ops, turn, 0, tokens));
    const Turn behind = part_of(ops, turn, tokens, tokens + c.horizon);
    const auto velocity = [&](const Tensor& x, std::int64_t k) {
      const Tensor rows = ops.reshape(ops.multiply(x, mask), Shape{c.horizon, c.action_dim});
      const Tensor v = c.joint ? joint_velocity(ops, k, context, rows, turn) : velocity_behind(ops, k, rows, behind, tokens);
      return ops.multiply(ops.reshape(v, chunk), mask);
    };
    const Tensor x = sampler_.sample(ops, in, c.steps, FlowDirection::noise_at_one, velocity);
    ops.download(ops.multiply(x, mask), out["actions"].template as<float>());
  }
  void reset() noexcept { sampler_.reset(); }

 private:
  static constexpr std::int64_t kParts = 6;  // shift, scale, gate of attention and feed-forward
  static constexpr float kEps = 1e-6F;

  struct Block {
    Linear<Ops> qkv, out;
    std::optional<typename Ops::Parameter> q_norm, k_norm;
    SwiGlu<Ops> mlp;
  };
  struct Turn {
    Tensor cos, sin;  ///< [tokens, rotary_dim]
  };
  struct Heads {
    Tensor q, k, v;  ///< [tokens, heads, dim]
  };

  Block load_block(const Loader<Ops>& loader) const {
    const std::int64_t w = config_.width, dim = w / config_.heads;
    const Loader<Ops> attention = loader.part("attention");
    Block block{.qkv = attention.stacked_linear({{"q", w}, {"k", w}, {"v", w}}, w),
                .out = attention.linear("out", w, w),
                .q_norm = {},
                .k_norm = {},
                .mlp = SwiGlu<Ops>::load(loader.part("mlp"), w, config_.mlp_width)};
    if (config_.qk_norm) {
      block.q_norm.emplace(attention.parameter("q_norm.weight", Shape{dim}));
      block.k_norm.emplace(attention.parameter("k_norm.weight", Shape{dim}));
    }
    return block;
  }
  /// What the norms are told at each step, and, for a prompt that does not see the actions, at time 0: `[moments, layers kParts + 2,
  /// width]`.
  void tell_times(Ops& ops, const SiluMlp<Ops>& time, std::span<const Linear<Ops>> modulations, const Linear<Ops>& output) {
    const auto w = static_cast<std::size_t>(config_.width);
    for (std::int64_t k = 0; k <= config_.steps; ++k) {
      auto scope = ops.scope();
      const double tau = k < config_.steps ? flow_step(k, config_.steps, FlowDirection::noise_at_one).t : 0;
      const Tensor condition = ops.activate(embed_time(ops, time, tau), Activation::silu);
      const auto tell = [&](const Linear<Ops>& layer, std::size_t parts) {
        told_.resize(told_.size() + parts * w);
        ops.download(layer(ops, condition), std::span(told_).last(parts * w));
      };
      for (const auto& modulation : modulations) tell(modulation, kParts);
      tell(output, 2);
    }
  }
  /// `[1, width]`, part `index` of a block, or of the output behind the last one.
  Tensor told(Ops& ops, std::int64_t moment, std::int64_t block, std::int64_t index) const {
    const std::int64_t row = moment * (config_.layers * kParts + 2) + block * kParts + index;
    const auto w = static_cast<std::size_t>(config_.width);
    return ops.upload(std::span(told_).subspan(static_cast<std::size_t>(row) * w, w), Shape{std::int64_t{1}, config_.width});
  }

  void read_mask(const TensorMap& in, std::int64_t tokens) {
    const std::int64_t dim = config_.action_dim;
    if (present(in, "mask")) {
      const auto given = in["mask"].template as<float>();
      if (given.size() != mask_.size() || std::ranges::any_of(given, [](float value) { return value != 0 && value != 1; }))
        fail(ErrorCode::invalid_argument, {"qwen_vla_dit", "input 'mask'", fmt::format("0 and 1, [{}, {}]", config_.horizon, dim),
                                           "other numbers, or of another shape", ""});
      std::ranges::copy(given, mask_.begin());
    } else {
      for (std::size_t i = 0; i < mask_.size(); ++i) {
        const auto place = static_cast<std::int64_t>(i);
        mask_[i] = place / dim < config_.rows && place % dim < config_.channels ? 1 : 0;
      }
    }
    seen_.assign(static_cast<std::size_t>(tokens), 1);
    for (std::int64_t row = 0; row < config_.horizon; ++row) {
      const auto of_row = std::span(mask_).subspan(static_cast<std::size_t>(row * dim), static_cast<std::size_t>(dim));
      seen_.push_back(std::ranges::any_of(of_row, [](float value) { return value != 0; }) ? 1 : 0);
    }
  }
  /// Positions of the prompt's tokens and, behind them, of the actions.
  void place(const VisionLanguageInput& prompt) {
    places_.find(prompt, image_token_, merge_, most_tokens_);
    const auto of_prompt = places_.positions();
    const std::size_t tokens = of_prompt.size() / 3, all = tokens + static_cast<std::size_t>(config_.horizon);
    positions_.resize(3 * all);
    for (std::size_t axis = 0; axis < 3; ++axis)
      for (std::size_t i = 0; i < all; ++i)
        positions_[axis * all + i] =
            i < tokens ? of_prompt[axis * tokens + i] : places_.next_position() + static_cast<std::int64_t>(i - tokens);
    rotary_->fill(positions_, rotary_table_);
  }
  static Turn part_of(Ops& ops, const Turn& turn, std::int64_t begin, std::int64_t end) {
    return {ops.slice(turn.cos, 0, begin, end), ops.slice(turn.sin, 0, begin, end)};
  }

  /// The norm of x `[n, width]` under a moment; `layer`: 0 attention, 1 feed-forward.
  Tensor modulated(Ops& ops, const Tensor& x, std::int64_t moment, std::int64_t block, std::int64_t layer) const {
    const std::int64_t n = x.size(0), w = config_.width;
    const Tensor shift = told(ops, moment, block, 3 * layer), scale = told(ops, moment, block, 3 * layer + 1);
    return ops.reshape(ops.modulated_norm(ops.reshape(x, Shape{std::int64_t{1}, n, w}), scale, shift, kEps), Shape{n, w});
  }
  void add(Ops& ops, const Tensor& x, const Tensor& y, std::int64_t moment, std::int64_t block, std::int64_t layer) const {
    const Tensor gate = ops.reshape(told(ops, moment, block, 3 * layer + 2), Shape{config_.width});
    ops.add_into(x, ops.multiply(ops.copy(ops.expand(gate, x.size(0))), y), 1);
  }
  Heads heads_of(Ops& ops, const Block& block, const Tensor& h, const Turn& turn) const {
    const std::int64_t n = h.size(0), heads = config_.heads;
    const Tensor qkv = ops.reshape(block.qkv(ops, h), Shape{n, 3 * heads, config_.width / heads});
    Tensor q = ops.slice(qkv, 1, 0, heads), k = ops.slice(qkv, 1, heads, 2 * heads);
    if (block.q_norm) {
      q = ops.rms_norm(q, *block.q_norm, kEps);
      k = ops.rms_norm(k, *block.k_norm, kEps);
    }
    return {ops.rope(q, turn.cos, turn.sin), ops.rope(k, turn.cos, turn.sin), ops.slice(qkv, 1, 2 * heads, 3 * heads)};
  }
  /// One block over x `[n, width]`. `see(heads)` gives the keys and values that it attends to.
  template <class See>
  void block_into(Ops& ops, const Tensor& x, std::int64_t index, std::int64_t moment, const Turn& turn, std::span<const std::uint8_t> seen,
                  const See& see) const {
    auto scope = ops.scope();
    const Block& block = blocks_[static_cast<std::size_t>(index)];
    const Heads heads = heads_of(ops, block, modulated(ops, x, moment, index, 0), turn);
    const auto [k, v] = see(heads);
    const float scale = 1 / std::sqrt(static_cast<float>(config_.width / config_.heads));
    add(ops, x, block.out(ops, ops.attention(heads.q, k, v, {.scale = scale, .mask = {.valid = seen}})), moment, index, 0);
    add(ops, x, block.mlp(ops, modulated(ops, x, moment, index, 1)), moment, index, 1);
  }
  Tensor decode(Ops& ops, const Tensor& tokens, std::int64_t moment) const {
    return (*decoder_)(ops, modulated(ops, tokens, moment, config_.layers, 0));
  }

  /// Everything sees everything, at every step.
  Tensor joint_velocity(Ops& ops, std::int64_t k, const Tensor& context, const Tensor& actions, const Turn& turn) const {
    auto scope = ops.scope();
    const Tensor x = ops.concat(0, {context, (*encoder_)(ops, actions)});
    for (std::int64_t i = 0; i < config_.layers; ++i)
      block_into(ops, x, i, k, turn, seen_, [](const Heads& heads) { return std::pair(heads.k, heads.v); });
    return scope.keep(decode(ops, ops.slice(x, 0, context.size(0), x.size(0)), k));
  }
  /// Keys and values of the prompt, which sees itself alone, once for all steps.
  void read_context(Ops& ops, const Tensor& context, const Turn& turn) {
    auto scope = ops.scope();
    const Tensor x = ops.copy(context);
    for (std::int64_t i = 0; i < config_.layers; ++i)
      block_into(ops, x, i, config_.steps, turn, {}, [&](const Heads& heads) {
        auto& [keys, values] = caches_[static_cast<std::size_t>(i)];
        ops.truncate(keys, 0);
        ops.truncate(values, 0);
        ops.append(keys, heads.k);
        ops.append(values, heads.v);
        return std::pair(heads.k, heads.v);
      });
  }
  Tensor velocity_behind(Ops& ops, std::int64_t k, const Tensor& actions, const Turn& turn, std::int64_t tokens) {
    auto scope = ops.scope();
    const Tensor x = ops.copy((*encoder_)(ops, actions));
    for (std::int64_t i = 0; i < config_.layers; ++i)
      block_into(ops, x, i, k, turn, seen_, [&](const Heads& heads) {
        auto& [keys, values] = caches_[static_cast<std::size_t>(i)];
        ops.truncate(keys, tokens);
        ops.truncate(values, tokens);
        ops.append(keys, heads.k);
        ops.append(values, heads.v);
        return std::pair(ops.contents(keys), ops.contents(values));
      });
    return scope.keep(decode(ops, x, k));
  }

  Config config_;
  std::int64_t image_token_, merge_, most_tokens_ = 0;
  ChunkSampler sampler_;
  HeadSpec spec_;
  std::optional<Linear<Ops>> context_;
  std::optional<SiluMlp<Ops>> encoder_, decoder_;
  std::vector<Block> blocks_;
  std::vector<float> told_, mask_;
  std::optional<SectionedRotary> rotary_;
  std::vector<std::pair<typename Ops::Cache, typename Ops::Cache>> caches_;  // keys, values of each block; not joint
  TokenPlaces places_;
  std::vector<std::int64_t> positions_;
  RotaryTable rotary_table_;
  std::vector<std::uint8_t> seen_;
};

}  // namespace sinew::nn
