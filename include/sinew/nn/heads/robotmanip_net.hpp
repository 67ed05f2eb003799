// SPDX-License-Identifier: Apache-2.0
// The transformer of Qwen-RobotManip's action head: what robotmanip_dit.hpp samples with, and what was chosen in it.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "sinew/nn/heads/dit_parts.hpp"
#include "sinew/nn/heads/robotmanip_dit_config.hpp"

namespace sinew::nn {

/// How heads of tokens turn: their first values by the time, their last ones by the camera. What is absent turns nothing.
template <TensorOps Ops>
struct TokenTurns {
  using Tensor = typename Ops::Tensor;
  std::optional<Tensor> cos, sin, back;          ///< [n, values that turn by the time]; back: -sin
  std::optional<Tensor> query, pose, inverse{};  ///< [n, 4, 4], RelativeCameras::Form
};

/// The transformer of `robotmanip_dit`: embeddings of its tokens, blocks, and the velocity of the flow.
template <TensorOps Ops>
class RobotManipNet {
 public:
  using Tensor = typename Ops::Tensor;
  using Config = RobotManipConfig;
  enum Kind : std::uint8_t { left, right, learned };  ///< of tokens of the sequence
  static constexpr std::int64_t kKinds = 3;

  /// Keys and values of a block `[tokens, heads, dim]`, computed once for all steps.
  using KeysValues = std::pair<Tensor, Tensor>;

  RobotManipNet(const Loader<Ops>& loader, const Config& config) : config_(config) {
    const std::int64_t w = config.width, in = Config::kToken;
    time_.emplace(SiluMlp<Ops>::load(loader.part("time"), {kTimeWaves, w, w}));
    codes_ = loader.floats("end_effector.weight", Shape{Config::kEndEffectors, w});
    known_ = loader.floats("camera_known.weight", Shape{std::int64_t{2}, w});
    if (config.state) state_encoder_.emplace(SiluMlp<Ops>::load(loader.part("state_encoder"), {in, w, w}));
    action_encoder_.emplace(SiluMlp<Ops>::load(loader.part("action_encoder"), {in, w, w}));
    if (config.queries > 0) queries_.emplace(loader.parameter("queries.weight", Shape{config.queries, w}));
    for (std::int64_t i = 0; i < config.layers; ++i) blocks_.push_back(load_block(loader.part("blocks", i), i));
    output_modulation_.emplace(loader.linear("output_modulation", 2 * w, w));
    output_.emplace(loader.linear("output", in, w));
    step_size_ = static_cast<std::size_t>(kKinds * (config.layers * parts() + 2) * w);
    table_.resize(step_size_ * static_cast<std::size_t>(config.steps));
    condition_.resize(static_cast<std::size_t>(kKinds * w));
    time_embedding_.resize(static_cast<std::size_t>(w));
  }

  [[nodiscard]] const Config& config() const noexcept { return config_; }
  [[nodiscard]] std::int64_t layers() const noexcept { return config_.layers; }
  [[nodiscard]] static bool sees_images(std::int64_t block) noexcept { return block % 2 == 0; }

  /// What the norms are told at every step, for end effectors of these codes, with or without known cameras. Kept until others come.
  void condition(Ops& ops, const std::array<std::int64_t, 2>& codes, bool cameras_known) {
    if (key_ == std::pair(codes, cameras_known)) return;
    const auto w = static_cast<std::size_t>(config_.width);
    for (std::int64_t k = 0; k < config_.steps; ++k) {
      auto scope = ops.scope();
      ops.download(embed_time(ops, *time_, static_cast<double>(k) / static_cast<double>(config_.steps)), time_embedding_);
      for (std::size_t kind = 0; kind < kKinds; ++kind)
        for (std::size_t i = 0; i < w; ++i) {
          const float code = kind == learned ? 0 : codes_[static_cast<std::size_t>(codes[kind]) * w + i];  // they are of no end effector
          condition_[kind * w + i] = time_embedding_[i] + code + known_[(cameras_known ? w : 0) + i];
        }
      const Tensor condition = ops.activate(ops.upload(condition_, Shape{kKinds, config_.width}), Activation::silu);
      for (std::int64_t i = 0; i < config_.layers; ++i)
        ops.download(blocks_[static_cast<std::size_t>(i)].modulation(ops, condition), table(k, i, parts()));
      ops.download((*output_modulation_)(ops, condition), table(k, config_.layers, 2));
    }
    key_ = std::pair(codes, cameras_known);
  }
  /// Tokens `[n, width]` of `state [n, 40]`.
  Tensor encode_state(Ops& ops, const Tensor& state) const { return (*state_encoder_)(ops, state); }
  /// Of block `index`, of `hidden [tokens, context_width]`.
  KeysValues keys_values(Ops& ops, std::int64_t index, const Tensor& hidden, const TokenTurns<Ops>& turns) const {
    const std::int64_t heads = config_.heads;
    const Tensor both = ops.reshape(blocks_[static_cast<std::size_t>(index)].cross_kv(ops, hidden),
                                    Shape{hidden.size(0), 2 * heads, config_.width / heads});
    return {turned(ops, ops.slice(both, 1, 0, heads), turns.cos, turns.sin, turns.pose),
            turned_values(ops, ops.slice(both, 1, heads, 2 * heads), turns.cos, turns.sin, turns.pose)};
  }
  /// Kinds of the tokens of a sequence with `states` moments: of each the left and the right one, the same of the actions, the learned
  /// ones.
  void set_sequence(std::int64_t states) {
    if (states == states_) return;
    states_ = states;
    kinds_.clear();
    for (std::int64_t i = 0; i < 2 * (states + config_.horizon); ++i) kinds_.push_back(i % 2 == 0 ? left : right);
    for (std::int64_t i = 0; i < config_.queries; ++i) kinds_.push_back(learned);
    for (std::int64_t part = 0; part < kMostParts; ++part) {
      rows_[static_cast<std::size_t>(part)].clear();
      for (const Kind kind : kinds_) rows_[static_cast<std::size_t>(part)].push_back(kind * parts() + part);
    }
    for (std::int64_t part = 0; part < 2; ++part) {
      output_rows_[static_cast<std::size_t>(part)].clear();
      for (std::int64_t i = 0; i < 2 * config_.horizon; ++i) output_rows_[static_cast<std::size_t>(part)].push_back(i % 2 * 2 + part);
    }
  }
  [[nodiscard]] std::span<const Kind> kinds() const noexcept { return kinds_; }

  /// The velocity of `actions [2 horizon, 40]` at step `k`. `seen [n]`: 0 hides a token of the sequence from the others.
  Tensor velocity(Ops& ops, std::int64_t k, const Tensor* state, const Tensor& actions, std::span<const KeysValues> context,
                  const TokenTurns<Ops>& turns, std::span<const std::uint8_t> seen) const {
    auto scope = ops.scope();
    const Tensor x = sequence(ops, state, (*action_encoder_)(ops, actions));
    for (std::int64_t i = 0; i < config_.layers; ++i) block_into(ops, x, i, k, context[static_cast<std::size_t>(i)], turns, seen);
    const Tensor tokens = ops.slice(x, 0, 2 * states_, 2 * (states_ + config_.horizon));  // of the others nobody asks
    const Tensor rows = ops.upload(table(k, config_.layers, 2), Shape{2 * kKinds, config_.width});
    const Tensor h = modulated(ops, tokens, ops.gather_rows(rows, output_rows_[0]), ops.gather_rows(rows, output_rows_[1]));
    return scope.keep((*output_)(ops, h));
  }

 private:
  static constexpr float kEps = 1e-6F;
  static constexpr std::int64_t kMostParts = 9;  // shift, scale, gate of three sub-layers

  struct Block {
    Linear<Ops> modulation, qkv, self_out, cross_q, cross_kv, cross_out;
    SwiGlu<Ops> mlp;
  };
  Block load_block(const Loader<Ops>& loader, std::int64_t /*index*/) const {
    const std::int64_t w = config_.width;
    const Loader<Ops> self = loader.part("self_attention"), cross = loader.part("cross_attention");
    return {.modulation = loader.linear("modulation", parts() * w, w),
            .qkv = self.stacked_linear({{"q", w}, {"k", w}, {"v", w}}, w),
            .self_out = self.linear("out", w, w),
            .cross_q = cross.linear("q", w, w),
            .cross_kv = cross.stacked_linear({{"k", w}, {"v", w}}, config_.context_width),
            .cross_out = cross.linear("out", w, w),
            .mlp = SwiGlu<Ops>::load(loader.part("mlp"), w, config_.mlp_width)};
  }
  [[nodiscard]] std::int64_t parts() const noexcept { return config_.gates ? 9 : 6; }
  /// What the norms of a block, or of the output, are told at a step: `[kinds, parts, width]`.
  std::span<float> table(std::int64_t step, std::int64_t block, std::int64_t parts_of) {
    const auto [from, count] = place(step, block, parts_of);
    return std::span(table_).subspan(from, count);
  }
  [[nodiscard]] std::span<const float> table(std::int64_t step, std::int64_t block, std::int64_t parts_of) const {
    const auto [from, count] = place(step, block, parts_of);
    return std::span(table_).subspan(from, count);
  }
  [[nodiscard]] std::pair<std::size_t, std::size_t> place(std::int64_t step, std::int64_t block, std::int64_t parts_of) const {
    const auto row = static_cast<std::size_t>(kKinds * config_.width);
    return {step_size_ * static_cast<std::size_t>(step) + row * static_cast<std::size_t>(block * parts()),
            row * static_cast<std::size_t>(parts_of)};
  }
  Tensor sequence(Ops& ops, const Tensor* state, const Tensor& actions) const {
    if (!queries_) return state == nullptr ? ops.copy(actions) : ops.concat(0, {*state, actions});
    const Tensor queries = ops.view(*queries_);
    return state == nullptr ? ops.concat(0, {actions, queries}) : ops.concat(0, {*state, actions, queries});
  }
  static Tensor modulated(Ops& ops, const Tensor& x, const Tensor& shift, const Tensor& scale) {
    const Tensor rows = ops.reshape(x, Shape{x.size(0), std::int64_t{1}, x.size(1)});
    return ops.reshape(ops.modulated_norm(rows, scale, shift, kEps), Shape{x.size(0), x.size(1)});
  }

  void block_into(Ops& ops, const Tensor& x, std::int64_t index, std::int64_t k, const KeysValues& context, const TokenTurns<Ops>& turns,
                  std::span<const std::uint8_t> seen) const {
    auto scope = ops.scope();
    const Block& block = blocks_[static_cast<std::size_t>(index)];
    const Tensor told = ops.upload(table(k, index, parts()), Shape{kKinds * parts(), config_.width});
    const std::int64_t n = x.size(0), heads = config_.heads, dim = config_.width / heads, each = parts() / 3;
    const auto part = [&](std::int64_t i) { return ops.gather_rows(told, rows_[static_cast<std::size_t>(i)]); };
    const auto normed = [&](std::int64_t layer) { return modulated(ops, x, part(each * layer), part(each * layer + 1)); };
    const auto add = [&](std::int64_t layer, const Tensor& y) {
      ops.add_into(x, config_.gates ? ops.multiply(part(each * layer + 2), y) : y, 1);
    };
    const auto back = [&](const Tensor& y) {
      return ops.reshape(turned_values(ops, ops.reshape(y, Shape{n, heads, dim}), turns.cos, turns.back, turns.inverse),
                         Shape{n, config_.width});
    };
    Attention attention{.scale = 1 / std::sqrt(static_cast<float>(dim)), .mask = {.valid = seen}};
    {
      const Tensor qkv = ops.reshape(block.qkv(ops, normed(0)), Shape{n, 3 * heads, dim});
      const auto third = [&](std::int64_t i) { return ops.slice(qkv, 1, i * heads, (i + 1) * heads); };
      const Tensor q = turned(ops, third(0), turns.cos, turns.sin, turns.query),
                   k_ = turned(ops, third(1), turns.cos, turns.sin, turns.pose);
      const Tensor v = turned_values(ops, third(2), turns.cos, turns.sin, turns.pose);
      add(0, block.self_out(ops, back(ops.attention(q, k_, v, attention))));
    }
    {
      attention.mask = {};
      const Tensor q = turned(ops, ops.reshape(block.cross_q(ops, normed(1)), Shape{n, heads, dim}), turns.cos, turns.sin, turns.query);
      add(1, block.cross_out(ops, back(ops.attention(q, context.first, context.second, attention))));
    }
    add(2, block.mlp(ops, normed(2)));
  }
  using Maybe = std::optional<Tensor>;
  Tensor turned_values(Ops& ops, const Tensor& x, const Maybe& cos, const Maybe& sin, const Maybe& matrices) const {
    return config_.rotate_values ? turned(ops, x, cos, sin, matrices) : turned(ops, x, std::nullopt, std::nullopt, matrices);
  }
  /// x `[n, heads, dim]`.
  Tensor turned(Ops& ops, const Tensor& x, const Maybe& cos, const Maybe& sin, const Maybe& matrices) const {
    const std::int64_t dim = x.size(2), by_time = dim - config_.camera_dims;
    if (!matrices || config_.camera_dims == 0) return cos ? ops.rope(x, *cos, *sin) : x;
    const Tensor last = ops.transform(ops.slice(x, 2, by_time, dim), *matrices);
    if (by_time == 0) return last;
    const Tensor first = ops.slice(x, 2, 0, by_time);
    return ops.concat(2, {cos ? ops.rope(first, *cos, *sin) : first, last});
  }

  Config config_;
  std::optional<SiluMlp<Ops>> time_, state_encoder_, action_encoder_;
  std::vector<float> codes_, known_;
  std::optional<typename Ops::Parameter> queries_;
  std::vector<Block> blocks_;
  std::optional<Linear<Ops>> output_modulation_, output_;
  std::size_t step_size_ = 0;
  std::vector<float> table_, condition_, time_embedding_;
  std::optional<std::pair<std::array<std::int64_t, 2>, bool>> key_;
  std::int64_t states_ = -1;
  std::vector<Kind> kinds_;
  std::array<std::vector<std::int64_t>, kMostParts> rows_;
  std::array<std::vector<std::int64_t>, 2> output_rows_;
};

}  // namespace sinew::nn
