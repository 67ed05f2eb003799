// SPDX-License-Identifier: Apache-2.0
// The waypoint head of Qwen-RobotNav (arXiv 2606.18112v3): four linear layers with GELU between them, from the last hidden states of
// Qwen3-VL to eight waypoints (x, y, heading), each divided by the data set's 99th percentile.
//
// Not published, chosen here: which token is read (`read`: the prompt's last one, or the mean of all), GELU with erf, no bound on the
// outputs. Code and weights are not public: the form is that of python/sinew/train/robotnav.py, which trains it.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <vector>

#include "sinew/nn/heads/robotnav_mlp_config.hpp"
#include "sinew/nn/layers.hpp"
#include "sinew/nn/parts.hpp"

namespace sinew::nn {

/// Writes `actions f32 [waypoints, 3]`: a card's part "waypoint" multiplies by its scale, the 99th percentiles. Reads `layers.i`.
template <TensorOps Ops>
class RobotNavMlp {
 public:
  using Tensor = typename Ops::Tensor;
  using Config = RobotNavConfig;

  /// Throws Error when the width of the hidden states is not what the head was trained on.
  RobotNavMlp(const Loader<Ops>& loader, const Config& config, const HeadInputs& inputs)
      : config_(config), zeros_(static_cast<std::size_t>(config.context_width), 0.0F) {
    require_width("robotnav_mlp", config.context_width, inputs);
    for (std::int64_t i = 0; i < config.layers; ++i)
      layers_.push_back(loader.linear(fmt::format("layers.{}", i),
                                      i + 1 < config.layers ? config.hidden : config.waypoints * Config::kNumbers,
                                      i == 0 ? config.context_width : config.hidden));
    spec_.outputs = {{"actions", DType::f32, Shape{config.waypoints, Config::kNumbers}}};
  }
  [[nodiscard]] const HeadSpec& spec() const noexcept { return spec_; }

  void act(Ops& ops, const Context<Ops>& context, const TensorMap& /*in*/, TensorMap& out) {
    auto scope = ops.scope();
    Tensor x = read(ops, context.hidden);
    for (std::size_t i = 0; i < layers_.size(); ++i) x = layers_[i](ops, x, i + 1 < layers_.size() ? Activation::gelu : Activation::none);
    ops.download(x, out["actions"].template as<float>());
  }
  void reset() noexcept {}

 private:
  /// `[1, width]` of `hidden [tokens, width]`.
  Tensor read(Ops& ops, const Tensor& hidden) const {
    const std::int64_t tokens = hidden.size(0), width = hidden.size(1);
    if (config_.read == TokenReading::last) return ops.slice(hidden, 0, tokens - 1, tokens);
    // A query of zeros looks at all tokens alike.
    const Tensor each = ops.reshape(hidden, Shape{tokens, std::int64_t{1}, width});
    return ops.attention(ops.upload(zeros_, Shape{std::int64_t{1}, std::int64_t{1}, width}), each, each, {.scale = 1});
  }

  Config config_;
  std::vector<Linear<Ops>> layers_;
  std::vector<float> zeros_;
  HeadSpec spec_;
};

}  // namespace sinew::nn
