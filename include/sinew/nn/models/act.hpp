// SPDX-License-Identifier: Apache-2.0
// ACT: cameras and joint values to a chunk of actions. Form: LeRobot 0.4.4 `policies/act/modeling_act.py`; the latent of the variational
// objective is zero, as at its inference.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/core/tensor_map.hpp"
#include "sinew/core/tensor_spec.hpp"
#include "sinew/nn/layers.hpp"
#include "sinew/nn/models/act_config.hpp"
#include "sinew/nn/models/act_images.hpp"
#include "sinew/nn/models/resnet.hpp"
#include "sinew/nn/parts.hpp"

namespace sinew::nn {

/// PyTorch's MultiheadAttention: queries and keys of inputs with positions, values of inputs without.
template <TensorOps Ops>
class ActAttention {
 public:
  using Tensor = typename Ops::Tensor;

  ActAttention(const Loader<Ops>& loader, std::int64_t width, std::int64_t heads)
      : heads_(heads),
        parts_(loader.split_linear("in_proj_weight", "in_proj_bias", {width, width, width}, width)),
        out_(loader.linear("out_proj", width, width)) {}

  /// Adds to `x [n, width]` what it sees of `values [m, width]`.
  void add_into(Ops& ops, const Tensor& x, const Tensor& queries, const Tensor& keys, const Tensor& values) const {
    const auto split = [&](std::size_t part, const Tensor& rows) {
      return ops.reshape(parts_[part](ops, rows), Shape{rows.size(0), heads_, rows.size(1) / heads_});
    };
    const Tensor q = split(0, queries), k = split(1, keys), v = split(2, values);
    out_.add_into(ops, x, ops.attention(q, k, v, {.scale = 1 / std::sqrt(static_cast<float>(q.size(2)))}));
  }

 private:
  std::int64_t heads_;
  std::vector<Linear<Ops>> parts_;  // of queries, keys, values
  Linear<Ops> out_;
};

/// A layer of the encoder, or of the decoder: attention to itself, there attention to the encoder's output too, two linear layers. Norms
/// come before each or behind it.
template <TensorOps Ops>
class ActLayer {
 public:
  using Tensor = typename Ops::Tensor;
  /// What a decoder looks at: the encoder's output, and the same with its positions.
  struct Memory {
    Tensor values, keys;
  };

  ActLayer(const Loader<Ops>& loader, const ActConfig& config, bool decoder)
      : pre_norm_(config.pre_norm),
        activation_(config.activation),
        self_(loader.part("self_attn"), config.width, config.heads),
        fc1_(loader.linear("linear1", config.feedforward, config.width)),
        fc2_(loader.linear("linear2", config.width, config.feedforward)) {
    if (decoder) cross_.emplace(loader.part("multihead_attn"), config.width, config.heads);
    for (int i = 1; i <= (decoder ? 3 : 2); ++i) norms_.push_back(loader.layer_norm(fmt::format("norm{}", i), config.width, 1e-5F));
  }

  /// Writes `x [n, width]`; `positions` belong to its rows.
  void run(Ops& ops, const Tensor& x, const Tensor& positions, const Memory* memory = nullptr) const {
    std::size_t norm = 0;
    step(ops, x, norms_[norm++], [&](const Tensor& y) {
      const Tensor placed = ops.add(y, positions);
      self_.add_into(ops, x, placed, placed, y);
    });
    if (cross_)
      step(ops, x, norms_[norm++], [&](const Tensor& y) { cross_->add_into(ops, x, ops.add(y, positions), memory->keys, memory->values); });
    step(ops, x, norms_[norm], [&](const Tensor& y) { fc2_.add_into(ops, x, fc1_(ops, y, activation_)); });
  }

 private:
  template <class Add>
  void step(Ops& ops, const Tensor& x, const LayerNorm<Ops>& norm, const Add& add) const {
    auto scope = ops.scope();
    add(pre_norm_ ? norm(ops, x) : x);
    if (!pre_norm_) ops.copy_into(x, norm(ops, x));
  }

  bool pre_norm_;
  Activation activation_;
  ActAttention<Ops> self_;
  std::optional<ActAttention<Ops>> cross_;
  Linear<Ops> fc1_, fc2_;
  std::vector<LayerNorm<Ops>> norms_;
};

/// Reads `image.<camera>`, `f32 [3, height, width]` normalised or `u8 [height, width, 3]` with statistics in the configuration, and
/// `state f32 [n]`: the robot's, then the environment's. Writes `actions f32 [horizon, action_dim]`.
template <TensorOps Ops>
class Act {
 public:
  using Tensor = typename Ops::Tensor;
  using Config = ActConfig;

  /// Throws Error when what the encoder offers is not what the model was trained on.
  Act(const Loader<Ops>& loader, const Config& config, const HeadInputs& inputs)
      : config_(config),
        images_(config, inputs.offered),
        latent_(loader.parameter("encoder_latent_input_proj.bias", Shape{config.width})),
        head_(loader.linear("action_head", config.action_dim, config.width)) {
    ignore_training(loader);
    if (!config.cameras.empty()) {
      backbone_.emplace(loader.part("backbone"), config.blocks);
      projection_.emplace(loader.linear("encoder_img_feat_input_proj", config.width, ResNet<Ops>::kOutputs));
    }
    if (config.state_dim > 0) state_.emplace(loader.linear("encoder_robot_state_input_proj", config.width, config.state_dim));
    if (config.environment_dim > 0)
      environment_.emplace(loader.linear("encoder_env_state_input_proj", config.width, config.environment_dim));
    for (std::int64_t i = 0; i < config.encoder_layers; ++i) encoder_.emplace_back(loader.part("encoder.layers", i), config, false);
    for (std::int64_t i = 0; i < config.decoder_layers; ++i) decoder_.emplace_back(loader.part("decoder.layers", i), config, true);
    if (config.pre_norm) encoder_norm_.emplace(loader.layer_norm("encoder.norm", config.width, 1e-5F));
    decoder_norm_.emplace(loader.layer_norm("decoder.norm", config.width, 1e-5F));
    load_positions(loader);
    spec_.inputs = images_.specs();
    if (const std::int64_t dim = config.state_dim + config.environment_dim; dim > 0) spec_.inputs.push_back(state_spec(inputs, dim));
    spec_.outputs = {{"actions", DType::f32, Shape{config.horizon, config.action_dim}}};
  }

  [[nodiscard]] const HeadSpec& spec() const noexcept { return spec_; }

  void act(Ops& ops, const TensorMap& in, TensorMap& out) {
    auto scope = ops.scope();
    const Tensor positions = ops.view(*positions_);
    const Tensor x = ops.copy(positions);  // every row of it is written
    write_tokens(ops, in, x);
    for (const auto& layer : encoder_) layer.run(ops, x, positions);
    const Tensor memory = encoder_norm_ ? (*encoder_norm_)(ops, x) : x;
    const typename ActLayer<Ops>::Memory seen{.values = memory, .keys = ops.add(memory, positions)};
    const Tensor queries = ops.view(*queries_), y = ops.copy(ops.view(*zeros_));
    for (const auto& layer : decoder_) layer.run(ops, y, queries, &seen);
    ops.download(head_(ops, (*decoder_norm_)(ops, y)), out["actions"].template as<float>());
  }
  void reset() noexcept {}

 private:
  static void ignore_training(const Loader<Ops>& loader) {
    for (const char* prefix :
         {"vae_encoder", "encoder_latent_input_proj.weight", "normalize_inputs.", "normalize_targets.", "unnormalize_outputs."})
      loader.ignore(prefix);
  }
  static TensorSpec state_spec(const HeadInputs& inputs, std::int64_t dim) {
    const TensorSpec* const state = find_spec(inputs.offered, "state");
    if (state == nullptr || state->dtype != DType::f32 || state->capacity != Shape{dim})
      fail(ErrorCode::invalid_argument,
           {"act", "input 'state'", fmt::format("f32 [{}]", dim), state == nullptr ? "none" : to_string(*state), ""});
    return *state;
  }
  void load_positions(const Loader<Ops>& loader) {
    const std::int64_t width = config_.width, vectors = 1 + (config_.state_dim > 0 ? 1 : 0) + (config_.environment_dim > 0 ? 1 : 0);
    auto table = loader.floats("encoder_1d_feature_pos_embed.weight", Shape{vectors, width});
    for (const auto& camera : config_.cameras) {
      const auto map = sine_positions(feature_side(camera.height), feature_side(camera.width), width);
      table.insert(table.end(), map.begin(), map.end());
    }
    positions_.emplace(loader.ops().parameter(table, Shape{static_cast<std::int64_t>(table.size()) / width, width}));
    const Shape chunk{config_.horizon, width};
    queries_.emplace(loader.parameter("decoder_pos_embed.weight", chunk));
    zeros_.emplace(loader.ops().parameter(std::vector<float>(chunk.count()), chunk));
  }
  /// Halved five times, rounded up.
  static std::int64_t feature_side(std::int64_t side) noexcept { return (side + 31) / 32; }

  /// Latent, state, environment, then the pixels of each camera's feature map.
  void write_tokens(Ops& ops, const TensorMap& in, const Tensor& x) {
    std::int64_t row = 0;
    const auto write = [&](const Tensor& rows) {
      ops.copy_into(ops.slice(x, 0, row, row + rows.size(0)), rows);
      row += rows.size(0);
    };
    write(ops.reshape(ops.view(latent_), Shape{1, config_.width}));
    std::span<const float> values;
    if (state_ || environment_) values = in["state"].template as<float>();
    if (state_) write((*state_)(ops, ops.upload(values.first(static_cast<std::size_t>(config_.state_dim)), Shape{1, config_.state_dim})));
    if (environment_)
      write((*environment_)(ops,
                            ops.upload(values.last(static_cast<std::size_t>(config_.environment_dim)), Shape{1, config_.environment_dim})));
    for (std::size_t i = 0; i < config_.cameras.size(); ++i) {
      auto scope = ops.scope();
      const auto& camera = config_.cameras[i];
      const Tensor map = (*backbone_)(ops, ops.upload(images_.read(in, i), Shape{1, camera.height, camera.width, 3}));
      write((*projection_)(ops, ops.reshape(map, Shape{map.size(1) * map.size(2), map.size(3)})));
    }
  }

  Config config_;
  ActImages images_;
  typename Ops::Parameter latent_;  // of zeros
  Linear<Ops> head_;
  std::optional<ResNet<Ops>> backbone_;
  std::optional<Linear<Ops>> projection_, state_, environment_;
  std::vector<ActLayer<Ops>> encoder_, decoder_;
  std::optional<LayerNorm<Ops>> encoder_norm_, decoder_norm_;
  std::optional<typename Ops::Parameter> positions_;  // [tokens, width]
  std::optional<typename Ops::Parameter> queries_;    // [horizon, width]
  std::optional<typename Ops::Parameter> zeros_;
  HeadSpec spec_;
};

}  // namespace sinew::nn
