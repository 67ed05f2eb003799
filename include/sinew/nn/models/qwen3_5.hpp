// SPDX-License-Identifier: Apache-2.0
// Qwen3.5 (dense): the vision tower of Qwen3-VL without deepstack, and a text model most of whose layers are gated delta nets.
// Form: transformers 5.23 `modeling_qwen3_5.py`.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "sinew/nn/models/decoder_parts.hpp"
#include "sinew/nn/models/gated_delta_net.hpp"
#include "sinew/nn/models/qwen3_5_config.hpp"
#include "sinew/nn/models/qwen3_vl.hpp"

namespace sinew::nn {

/// The weight of a norm that is stored without its one.
template <TensorOps Ops>
typename Ops::Parameter centred_norm(const Loader<Ops>& loader, std::string_view name, std::int64_t width) {
  auto weight = loader.floats(name, Shape{width});
  for (float& w : weight) w += 1;
  return loader.ops().parameter(weight, Shape{width});
}

/// Attention with norms of queries and keys, of whose heads a part turns, and a gate on what it gives.
template <TensorOps Ops>
class GatedAttention {
 public:
  using Tensor = typename Ops::Tensor;

  /// Reads `q_proj` (of each head its query, then its gate), `k_proj`, `v_proj`, `q_norm`, `k_norm` and `o_proj`.
  GatedAttention(const Loader<Ops>& loader, const TextConfig& text)
      : heads_(text.heads),
        kv_heads_(text.kv_heads),
        dim_(text.head_dim),
        eps_(text.eps),
        in_(loader.stacked_linear({{"q_proj", 2 * heads_ * dim_}, {"k_proj", kv_heads_ * dim_}, {"v_proj", kv_heads_ * dim_}}, text.hidden,
                                  false)),
        q_norm_(centred_norm(loader, "q_norm.weight", dim_)),
        k_norm_(centred_norm(loader, "k_norm.weight", dim_)),
        out_(loader.linear("o_proj", text.hidden, heads_ * dim_, false)) {}

  /// `residual += out(...)` of the tokens x `[n, hidden]`, which follow those in `cache`, if there is one.
  void add_into(Ops& ops, const Tensor& residual, const Tensor& x, const Tensor& cos, const Tensor& sin, KeyValueCache<Ops>* cache) const {
    const std::int64_t n = x.size(0), queries = 2 * heads_ * dim_, keys = kv_heads_ * dim_;
    const Tensor in = in_(ops, x);
    const Tensor both = ops.reshape(ops.slice(in, 1, 0, queries), Shape{n, heads_, 2 * dim_});
    const auto kv = [&](std::int64_t i) {
      return ops.reshape(ops.slice(in, 1, queries + i * keys, queries + (i + 1) * keys), Shape{n, kv_heads_, dim_});
    };
    const Tensor q = ops.rope(ops.rms_norm(ops.slice(both, 2, 0, dim_), q_norm_, eps_), cos, sin);
    Tensor k = ops.rope(ops.rms_norm(kv(0), k_norm_, eps_), cos, sin), v = kv(1);
    const std::int64_t before = cache == nullptr ? 0 : cache->extend(ops, k, v);
    const Attention attention{.scale = 1 / std::sqrt(static_cast<float>(dim_)), .mask = {.causal = true, .offset = before}};
    const Tensor seen = ops.attention(q, k, v, attention);
    const Tensor gate = ops.activate(ops.copy(ops.slice(both, 2, dim_, 2 * dim_)), Activation::sigmoid);
    out_.add_into(ops, residual, ops.multiply(seen, ops.reshape(gate, seen.shape())));
  }

 private:
  std::int64_t heads_, kv_heads_, dim_;
  float eps_;
  Linear<Ops> in_;
  typename Ops::Parameter q_norm_, k_norm_;
  Linear<Ops> out_;
};

/// The whole model. One object serves one sequence at a time.
template <TensorOps Ops>
class Qwen35 {
 public:
  using Tensor = typename Ops::Tensor;
  using Config = Qwen35Config;

  /// Reads `visual.*`, `language_model.*` and, for `options.logits`, `lm_head.*` unless that is tied; `mtp.*` is not needed.
  Qwen35(const Loader<Ops>& loader, const Config& config, const SequenceOptions& options)
      : config_(config), options_(options), vision_(loader.part("visual"), config.vision) {
    const auto& t = config.text;
    const Loader<Ops> text = loader.part("language_model");
    embed_ = text.table("embed_tokens.weight", t.vocab, t.hidden);
    for (std::int64_t i = 0; i < t.layers; ++i) {
      const Loader<Ops> layer = text.part("layers", i);
      layers_.push_back(
          {.norm = centred_norm(layer, "input_layernorm.weight", t.hidden),
           .mixer = load_mixer(layer, config.attends[static_cast<std::size_t>(i)] != 0),
           .mlp = {layer, centred_norm(layer, "post_attention_layernorm.weight", t.hidden), t.hidden, t.intermediate, t.eps}});
    }
    // Last: until here the file has confirmed every size.
    for (const Layer& layer : layers_) make_memory(loader.ops(), layer);
    rotary_.emplace(config.rotary, t.rope_theta, t.rope_sections, t.form.sections, options.max_tokens);
    norm_.emplace(centred_norm(text, "norm.weight", t.hidden));
    if (options.logits && !t.tied)
      head_.emplace(loader.matrix("lm_head.weight", t.vocab, t.hidden));
    else
      loader.ignore("lm_head.");
    loader.ignore("mtp.");
  }

  [[nodiscard]] const Config& config() const noexcept { return config_; }
  [[nodiscard]] std::int64_t hidden_size() const noexcept { return config_.text.hidden; }
  [[nodiscard]] std::int64_t vocab_size() const noexcept { return config_.text.vocab; }
  [[nodiscard]] std::int64_t depth() const noexcept { return config_.text.layers; }
  [[nodiscard]] std::int64_t image_token() const noexcept { return config_.image_token; }
  [[nodiscard]] std::int64_t merge() const noexcept { return config_.vision.merge; }

  /// Hidden states behind the last norm `[n, hidden]`; a sequence begins. `depths`, ascending, asks for others as well: 0 is the
  /// embeddings, d what layer d - 1 gave; they come in `states`.
  Tensor prefill(Ops& ops, const VisionLanguageInput& input, std::span<const std::int64_t> depths = {},
                 std::vector<Tensor>* states = nullptr) {
    reset(ops);
    places_.find(input, config_.image_token, config_.vision.merge, options_.max_tokens);
    const Tensor x = ops.embedding(embed_, input.ids);
    if (!input.grids.empty()) ops.copy_rows_into(x, places_.image_rows(), vision_(ops, input.pixels, input.grids, deep_));
    next_position_ = places_.next_position();
    return run(ops, x, places_.positions(), depths, states);
  }
  /// The hidden state `[1, hidden]` of one more token, behind the last norm. Needs caches.
  Tensor step(Ops& ops, std::int64_t token) {
    const std::int64_t positions[3] = {next_position_, next_position_, next_position_};
    ++next_position_;
    return run(ops, ops.embedding(embed_, std::span(&token, 1)), positions, {}, nullptr);
  }
  /// Logits `[n, vocab]` of hidden states. Needs `options.logits`.
  Tensor logits(Ops& ops, const Tensor& hidden) const { return ops.linear(hidden, head_ ? *head_ : embed_, nullptr, Activation::none); }
  /// Forgets the sequence.
  void reset(Ops& ops) {
    for (auto& cache : caches_) cache.reset();
    for (auto& memory : memories_) GatedDeltaNet<Ops>::reset(ops, memory);
  }

 private:
  using Mixer = std::variant<GatedAttention<Ops>, GatedDeltaNet<Ops>>;
  struct Layer {
    typename Ops::Parameter norm;
    Mixer mixer;
    GatedMlp<Ops> mlp;
  };

  Mixer load_mixer(const Loader<Ops>& layer, bool attends) const {
    const auto& t = config_.text;
    if (attends) return GatedAttention<Ops>(layer.part("self_attn"), t);
    return GatedDeltaNet<Ops>(layer.part("linear_attn"), config_.linear, t.hidden, t.eps);
  }
  /// What the layer keeps of a sequence. A sequence that will not go on needs no keys and values, and one memory serves all layers.
  void make_memory(Ops& ops, const Layer& layer) {
    if (const auto* const net = std::get_if<GatedDeltaNet<Ops>>(&layer.mixer)) {
      if (options_.cached || memories_.empty()) memories_.push_back(net->make_memory(ops));
    } else if (options_.cached) {
      caches_.emplace_back(ops, options_.max_tokens, config_.text.kv_heads, config_.text.head_dim);
    }
  }

  Tensor run(Ops& ops, const Tensor& x, std::span<const std::int64_t> positions, std::span<const std::int64_t> depths,
             std::vector<Tensor>* states) {
    rotary_->fill(positions, table_);
    const Shape rows{table_.rows(), table_.width};
    const Tensor cos = ops.upload(table_.cos, rows), sin = ops.upload(table_.sin, rows);
    if (states != nullptr) states->clear();
    keep_depth(ops, x, 0, depths, states);
    std::size_t cache = 0, memory = 0;  // the next layer's
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      const Layer& layer = layers_[i];
      {
        auto scope = ops.scope();
        const Tensor normed = ops.rms_norm(x, layer.norm, config_.text.eps);
        if (const auto* const attention = std::get_if<GatedAttention<Ops>>(&layer.mixer)) {
          attention->add_into(ops, x, normed, cos, sin, options_.cached ? &caches_[cache++] : nullptr);
        } else {
          if (!options_.cached) GatedDeltaNet<Ops>::reset(ops, memories_[memory]);
          std::get<GatedDeltaNet<Ops>>(layer.mixer).add_into(ops, x, normed, memories_[memory]);
          memory += options_.cached ? 1 : 0;
        }
        layer.mlp.add_into(ops, x);
      }
      keep_depth(ops, x, static_cast<std::int64_t>(i) + 1, depths, states);
    }
    return ops.rms_norm(x, *norm_, config_.text.eps);
  }

  Config config_;
  SequenceOptions options_;
  Qwen3Vision<Ops> vision_;
  std::optional<SectionedRotary> rotary_;
  typename Ops::Matrix embed_;
  std::vector<Layer> layers_;
  std::optional<typename Ops::Parameter> norm_;
  std::optional<typename Ops::Matrix> head_;
  std::vector<KeyValueCache<Ops>> caches_;                     // of each layer with attention
  std::vector<typename GatedDeltaNet<Ops>::Memory> memories_;  // of each other layer, or one
  TokenPlaces places_;
  RotaryTable table_;
  std::vector<Tensor> deep_;  // none
  std::int64_t next_position_ = 0;
};

}  // namespace sinew::nn
