// SPDX-License-Identifier: Apache-2.0
// StarVLA's QwenOFT: the prompt ends with one placeholder for each action, and a residual network reads an action off the hidden state of
// each. Form: starVLA/starVLA @ 0ed0aad MLP_ActionHeader.py, framework/VLM4A/QwenOFT.py.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/nn/heads/oft_config.hpp"
#include "sinew/nn/layers.hpp"
#include "sinew/nn/parts.hpp"

namespace sinew::nn {

/// Layer norm, linear with ReLU, residual blocks, layer norm, linear.
template <TensorOps Ops>
class MlpResNet {
 public:
  using Tensor = typename Ops::Tensor;

  MlpResNet(const Loader<Ops>& loader, const OftConfig& config)
      : norm1_(loader.layer_norm("layer_norm1", config.context_width, kEps)),
        fc1_(loader.linear("fc1", config.width, config.context_width)),
        norm2_(loader.layer_norm("layer_norm2", config.width, kEps)),
        fc2_(loader.linear("fc2", config.action_dim, config.width)) {
    for (std::int64_t i = 0; i < config.blocks; ++i) {
      const Loader<Ops> block = loader.part("mlp_resnet_blocks", i).part("ffn");
      blocks_.emplace_back(block.layer_norm("0", config.width, kEps), block.linear("1", config.width, config.width));
    }
  }

  /// `x [n, context_width]` to `[n, width]`.
  Tensor begin(Ops& ops, const Tensor& x) const { return fc1_(ops, norm1_(ops, x), Activation::relu); }
  /// `x [n, width]` becomes the block's output.
  void block_into(Ops& ops, const Tensor& x, std::size_t index) const {
    const auto& [norm, linear] = blocks_[index];
    ops.add_into(x, linear(ops, norm(ops, x), Activation::relu), 1);
  }
  /// `x [n, width]` to `[n, action_dim]`.
  Tensor finish(Ops& ops, const Tensor& x) const { return fc2_(ops, norm2_(ops, x)); }
  /// `x [n, context_width]` to `[n, action_dim]`.
  Tensor operator()(Ops& ops, const Tensor& x) const {
    const Tensor h = begin(ops, x);
    for (std::size_t i = 0; i < blocks_.size(); ++i) block_into(ops, h, i);
    return finish(ops, h);
  }

 private:
  static constexpr float kEps = 1e-5F;

  LayerNorm<Ops> norm1_;
  Linear<Ops> fc1_;
  std::vector<std::pair<LayerNorm<Ops>, Linear<Ops>>> blocks_;
  LayerNorm<Ops> norm2_;
  Linear<Ops> fc2_;
};

/// Writes `actions f32 [horizon, action_dim]`, one for each of the last `horizon` placeholders of the prompt.
template <TensorOps Ops>
class Oft {
 public:
  using Config = OftConfig;

  /// Reads `model.*`. Throws Error when the backbone has another width, or no such token.
  Oft(const Loader<Ops>& loader, const Config& config, const HeadInputs& inputs) : config_(config), net_(loader.part("model"), config) {
    if (config.context_width != inputs.hidden_size)
      fail(ErrorCode::invalid_argument,
           {"oft", "context_width", fmt::format("the backbone's {}", inputs.hidden_size), fmt::format("{}", config.context_width), ""});
    if (config.placeholder >= inputs.vocab_size)
      fail(ErrorCode::invalid_argument, {"oft", "placeholder", fmt::format("one of the backbone's {} tokens", inputs.vocab_size),
                                         fmt::format("{}", config.placeholder), ""});
    spec_.outputs = {{"actions", DType::f32, Shape{config.horizon, config.action_dim}}};
    rows_.reserve(static_cast<std::size_t>(config.horizon));
  }

  [[nodiscard]] const HeadSpec& spec() const noexcept { return spec_; }

  void act(Ops& ops, const Context<Ops>& context, const TensorMap& /*in*/, TensorMap& out) {
    find_rows(context.prompt->ids);
    ops.download(net_(ops, ops.gather_rows(context.hidden, rows_)), out["actions"].template as<float>());
  }
  void reset() noexcept {}

 private:
  void find_rows(std::span<const std::int64_t> ids) {
    const auto wanted = static_cast<std::size_t>(config_.horizon);
    rows_.clear();
    for (std::size_t i = ids.size(); i-- > 0 && rows_.size() < wanted;)
      if (ids[i] == config_.placeholder) rows_.push_back(static_cast<std::int64_t>(i));
    if (rows_.size() < wanted)
      fail(ErrorCode::invalid_argument,
           {"oft", "placeholders of the prompt", fmt::format("at least {} tokens {}", wanted, config_.placeholder),
            fmt::format("{}", rows_.size()), "the prompt's chunk_size, or an instruction that was cut"});
    std::ranges::reverse(rows_);
  }

  Config config_;
  MlpResNet<Ops> net_;
  HeadSpec spec_;
  std::vector<std::int64_t> rows_;
};

}  // namespace sinew::nn
