// SPDX-License-Identifier: Apache-2.0
// What the Qwen-VL generations have in common: a vision tower, and a text model with multi-section rotary positions.
// Form: transformers 5.23 `modeling_qwen3_vl.py`, `modeling_qwen2_5_vl.py`.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "sinew/nn/layers.hpp"
#include "sinew/nn/models/decoder_parts.hpp"
#include "sinew/nn/models/rotary.hpp"
#include "sinew/nn/models/text_config.hpp"
#include "sinew/nn/models/vision_language.hpp"

namespace sinew::nn {

/// A vision tower in front of a stack of layers: attention over all tokens before, then a gated MLP, each behind an RMS norm and added to
/// its input. `Vision` is made of a loader and `config.vision`; called with ops, pixels, grids and a list, it gives the images' tokens
/// `[tokens, hidden]`, and in the list what is added to them behind the first layers. One object serves one sequence at a time.
template <TensorOps Ops, class Vision, class Configuration>
class VisionLanguageModel {
 public:
  using Tensor = typename Ops::Tensor;
  using Config = Configuration;

  /// Reads `visual.*`, `language_model.*` and, for `options.logits`, `lm_head.*` unless that is tied.
  VisionLanguageModel(const Loader<Ops>& loader, const Config& config, const SequenceOptions& options)
      : config_(config), options_(options), vision_(loader.part("visual"), config.vision) {
    const auto& t = config.text;
    const Loader<Ops> text = loader.part("language_model");
    embed_ = text.table("embed_tokens.weight", t.vocab, t.hidden);
    for (std::int64_t i = 0; i < t.layers; ++i) {
      const Loader<Ops> layer = text.part("layers", i), attention = layer.part("self_attn");
      layers_.push_back(
          {.norm = layer.parameter("input_layernorm.weight", Shape{t.hidden}),
           .qkv = attention.stacked_linear(
               {{"q_proj", t.heads * t.head_dim}, {"k_proj", t.kv_heads * t.head_dim}, {"v_proj", t.kv_heads * t.head_dim}}, t.hidden,
               t.form.qkv_bias),
           .q_norm = head_norm(attention, "q_norm.weight"),
           .k_norm = head_norm(attention, "k_norm.weight"),
           .out = attention.linear("o_proj", t.hidden, t.heads * t.head_dim, false),
           .mlp = {layer, layer.parameter("post_attention_layernorm.weight", Shape{t.hidden}), t.hidden, t.intermediate, t.eps}});
      if (options.cached) caches_.emplace_back(loader.ops(), options.max_tokens, t.kv_heads, t.head_dim);
    }
    // Last: until here the file has confirmed every size.
    rotary_.emplace(t.head_dim, t.rope_theta, t.rope_sections, t.form.sections, options.max_tokens);
    norm_.emplace(text.parameter("norm.weight", Shape{t.hidden}));
    if (options.logits && !t.tied)
      head_.emplace(loader.matrix("lm_head.weight", t.vocab, t.hidden));
    else
      loader.ignore("lm_head.");
  }

  [[nodiscard]] const Config& config() const noexcept { return config_; }
  [[nodiscard]] std::int64_t hidden_size() const noexcept { return config_.text.hidden; }
  [[nodiscard]] std::int64_t vocab_size() const noexcept { return config_.text.vocab; }
  [[nodiscard]] std::int64_t depth() const noexcept { return config_.text.layers; }
  [[nodiscard]] std::int64_t image_token() const noexcept { return config_.image_token; }
  [[nodiscard]] std::int64_t merge() const noexcept { return config_.vision.merge; }

  /// Hidden states behind the last norm `[n, hidden]`. With caches, a sequence begins. `depths`, ascending, asks for others as well: 0 is
  /// the embeddings, d what layer d - 1 gave; they come in `states`.
  Tensor prefill(Ops& ops, const VisionLanguageInput& input, std::span<const std::int64_t> depths = {},
                 std::vector<Tensor>* states = nullptr) {
    reset();
    places_.find(input, config_.image_token, config_.vision.merge, options_.max_tokens);
    deep_.clear();
    const Tensor x = ops.embedding(embed_, input.ids);
    if (!input.grids.empty()) ops.copy_rows_into(x, places_.image_rows(), vision_(ops, input.pixels, input.grids, deep_));
    next_position_ = places_.next_position();
    return run(ops, x, places_.positions(), depths, states);
  }
  /// The hidden state `[1, hidden]` of one more token, behind the last norm. Needs caches.
  Tensor step(Ops& ops, std::int64_t token) {
    const std::int64_t positions[3] = {next_position_, next_position_, next_position_};
    ++next_position_;
    deep_.clear();
    return run(ops, ops.embedding(embed_, std::span(&token, 1)), positions, {}, nullptr);
  }
  /// Logits `[n, vocab]` of hidden states. Needs `options.logits`.
  Tensor logits(Ops& ops, const Tensor& hidden) const { return ops.linear(hidden, head_ ? *head_ : embed_, nullptr, Activation::none); }
  /// Forgets the sequence.
  void reset() noexcept {
    for (auto& cache : caches_) cache.reset();
  }

 private:
  struct Layer {
    typename Ops::Parameter norm;
    Linear<Ops> qkv;
    std::optional<typename Ops::Parameter> q_norm, k_norm;
    Linear<Ops> out;
    GatedMlp<Ops> mlp;
  };
  std::optional<typename Ops::Parameter> head_norm(const Loader<Ops>& attention, std::string_view name) const {
    if (!config_.text.form.qk_norm) return std::nullopt;
    return attention.parameter(name, Shape{config_.text.head_dim});
  }

  Tensor run(Ops& ops, const Tensor& x, std::span<const std::int64_t> positions, std::span<const std::int64_t> depths,
             std::vector<Tensor>* states) {
    rotary_->fill(positions, table_);
    const Shape rows{table_.rows(), table_.width};
    const Tensor cos = ops.upload(table_.cos, rows), sin = ops.upload(table_.sin, rows);
    if (states != nullptr) states->clear();
    keep_depth(ops, x, 0, depths, states);
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      run_layer(ops, x, i, cos, sin);
      keep_depth(ops, x, static_cast<std::int64_t>(i) + 1, depths, states);  // as transformers reports it: without the deepstack features
      if (i < deep_.size()) ops.add_rows_into(x, places_.image_rows(), deep_[i]);
    }
    return ops.rms_norm(x, *norm_, config_.text.eps);
  }
  void run_layer(Ops& ops, const Tensor& x, std::size_t index, const Tensor& cos, const Tensor& sin) {
    const Layer& layer = layers_[index];
    const auto& t = config_.text;
    auto scope = ops.scope();
    const Tensor qkv =
        ops.reshape(layer.qkv(ops, ops.rms_norm(x, layer.norm, t.eps)), Shape{x.size(0), t.heads + 2 * t.kv_heads, t.head_dim});
    const auto turned = [&](const Tensor& heads, const std::optional<typename Ops::Parameter>& norm) {
      return ops.rope(norm ? ops.rms_norm(heads, *norm, t.eps) : heads, cos, sin);
    };
    const Tensor q = turned(ops.slice(qkv, 1, 0, t.heads), layer.q_norm);
    Tensor k = turned(ops.slice(qkv, 1, t.heads, t.heads + t.kv_heads), layer.k_norm);
    Tensor v = ops.slice(qkv, 1, t.heads + t.kv_heads, t.heads + 2 * t.kv_heads);
    const std::int64_t before = caches_.empty() ? 0 : caches_[index].extend(ops, k, v);
    const Attention attention{.scale = 1 / std::sqrt(static_cast<float>(t.head_dim)), .mask = {.causal = true, .offset = before}};
    layer.out.add_into(ops, x, ops.attention(q, k, v, attention));
    layer.mlp.add_into(ops, x);
  }

  Config config_;
  SequenceOptions options_;
  Vision vision_;
  std::optional<SectionedRotary> rotary_;
  typename Ops::Matrix embed_;
  std::vector<Layer> layers_;
  std::optional<typename Ops::Parameter> norm_;
  std::optional<typename Ops::Matrix> head_;
  std::vector<KeyValueCache<Ops>> caches_;  // of each layer
  TokenPlaces places_;
  RotaryTable table_;
  std::vector<Tensor> deep_;
  std::int64_t next_position_ = 0;
};

}  // namespace sinew::nn
