// SPDX-License-Identifier: Apache-2.0
// Qwen3-VL: vision tower with deepstack, text model with interleaved multi-section rotary positions.
// Form: transformers 5.23 `modeling_qwen3_vl.py`.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "sinew/core/patch_grid.hpp"
#include "sinew/nn/layers.hpp"
#include "sinew/nn/models/patch_tables.hpp"
#include "sinew/nn/models/qwen3_vl_config.hpp"
#include "sinew/nn/models/rotary.hpp"
#include "sinew/nn/models/vision_language.hpp"

namespace sinew::nn {

/// Patches to the text model's tokens.
template <TensorOps Ops>
class Qwen3Vision {
 public:
  using Tensor = typename Ops::Tensor;

  Qwen3Vision(const Loader<Ops>& loader, const Qwen3VlConfig::Vision& config)
      : config_(config),
        embed_(loader.part("patch_embed"), config),
        tables_(loader.floats("pos_embed.weight", Shape{config.positions, config.hidden}), config.hidden, config.hidden / config.heads,
                config.merge),
        merger_(load_merger(loader.part("merger"), config.hidden)) {
    for (std::int64_t i = 0; i < config.depth; ++i) {
      const Loader<Ops> block = loader.part("blocks", i);
      blocks_.push_back({.norm1 = block.layer_norm("norm1", config.hidden),
                         .qkv = block.linear("attn.qkv", 3 * config.hidden, config.hidden),
                         .proj = block.linear("attn.proj", config.hidden, config.hidden),
                         .norm2 = block.layer_norm("norm2", config.hidden),
                         .fc1 = block.linear("mlp.linear_fc1", config.intermediate, config.hidden),
                         .fc2 = block.linear("mlp.linear_fc2", config.hidden, config.intermediate)});
    }
    const std::int64_t merged = config.hidden * config.merge * config.merge;
    for (std::size_t i = 0; i < config.deepstack.size(); ++i)
      deepstack_.push_back(load_merger(loader.part("deepstack_merger_list", static_cast<std::int64_t>(i)), merged));
  }

  /// `pixels [patches, channels temporal patch patch]` of all images. Gives `[tokens, out_hidden]`, and the same of each deepstack layer.
  Tensor operator()(Ops& ops, std::span<const float> pixels, std::span<const PatchGrid> grids, std::vector<Tensor>& deep) {
    const auto& table = tables_.of(ops, grids);
    const std::int64_t heads = config_.heads, dim = config_.hidden / heads;
    const Attention attention{.scale = 1 / std::sqrt(static_cast<float>(dim)), .mask = {.segments = table.bounds}};
    const Tensor cos = ops.view(table.cos), sin = ops.view(table.sin);
    const Tensor x = ops.add(embed_(ops, pixels), ops.view(table.positions));  // [patches, hidden]
    const std::int64_t patches = x.size(0);
    deep.clear();
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      const Block& block = blocks_[i];
      {
        auto scope = ops.scope();
        const Tensor qkv = ops.reshape(block.qkv(ops, block.norm1(ops, x)), Shape{patches, 3 * heads, dim});
        const Tensor q = ops.rope(ops.slice(qkv, 1, 0, heads), cos, sin);
        const Tensor k = ops.rope(ops.slice(qkv, 1, heads, 2 * heads), cos, sin);
        block.proj.add_into(ops, x, ops.attention(q, k, ops.slice(qkv, 1, 2 * heads, 3 * heads), attention));
        block.fc2.add_into(ops, x, block.fc1(ops, block.norm2(ops, x), Activation::gelu_tanh));
      }
      if (deep.size() < deepstack_.size() && config_.deepstack[deep.size()] == static_cast<std::int64_t>(i)) {
        auto scope = ops.scope();
        const Tensor rows = ops.reshape(x, merged_shape(x));
        deep.push_back(scope.keep(deepstack_[deep.size()].mlp(ops, deepstack_[deep.size()].norm(ops, rows))));
      }
    }
    auto scope = ops.scope();
    return scope.keep(merger_.mlp(ops, ops.reshape(merger_.norm(ops, x), merged_shape(x))));
  }

 private:
  struct Block {
    LayerNorm<Ops> norm1;
    Linear<Ops> qkv, proj;
    LayerNorm<Ops> norm2;
    Linear<Ops> fc1, fc2;
  };
  /// Neighbouring patches become one token. The main merger normalises patches, those of deepstack what they merged.
  struct Merger {
    LayerNorm<Ops> norm;
    Linear<Ops> fc1, fc2;
    Tensor mlp(Ops& ops, const Tensor& rows) const { return fc2(ops, fc1(ops, rows, Activation::gelu)); }
  };
  Merger load_merger(const Loader<Ops>& loader, std::int64_t norm_width) const {
    const std::int64_t merged = config_.hidden * config_.merge * config_.merge;
    return {.norm = loader.layer_norm("norm", norm_width),
            .fc1 = loader.linear("linear_fc1", merged, merged),
            .fc2 = loader.linear("linear_fc2", config_.out_hidden, merged)};
  }
  [[nodiscard]] Shape merged_shape(const Tensor& x) const {
    const std::int64_t cells = config_.merge * config_.merge;
    return {x.size(0) / cells, cells * config_.hidden};
  }

  Qwen3VlConfig::Vision config_;
  PatchEmbed<Ops> embed_;
  PatchTables<Ops> tables_;
  std::vector<Block> blocks_;
  Merger merger_;
  std::vector<Merger> deepstack_;
};

/// The whole model. One object serves one sequence at a time.
template <TensorOps Ops>
class Qwen3Vl {
 public:
  using Tensor = typename Ops::Tensor;
  using Config = Qwen3VlConfig;

  /// Reads `visual.*`, `language_model.*` and, for `options.logits`, `lm_head.*` unless that is tied.
  Qwen3Vl(const Loader<Ops>& loader, const Config& config, const SequenceOptions& options)
      : config_(config), options_(options), vision_(loader.part("visual"), config.vision) {
    const auto& t = config.text;
    const Loader<Ops> text = loader.part("language_model");
    embed_ = text.table("embed_tokens.weight", t.vocab, t.hidden);
    for (std::int64_t i = 0; i < t.layers; ++i) {
      const Loader<Ops> layer = text.part("layers", i), attention = layer.part("self_attn"), mlp = layer.part("mlp");
      layers_.push_back({.norm1 = layer.parameter("input_layernorm.weight", Shape{t.hidden}),
                         .qkv = attention.stacked_linear(
                             {{"q_proj", t.heads * t.head_dim}, {"k_proj", t.kv_heads * t.head_dim}, {"v_proj", t.kv_heads * t.head_dim}},
                             t.hidden, false),
                         .q_norm = attention.parameter("q_norm.weight", Shape{t.head_dim}),
                         .k_norm = attention.parameter("k_norm.weight", Shape{t.head_dim}),
                         .out = attention.linear("o_proj", t.hidden, t.heads * t.head_dim, false),
                         .norm2 = layer.parameter("post_attention_layernorm.weight", Shape{t.hidden}),
                         .gate_up = mlp.stacked_linear({{"gate_proj", t.intermediate}, {"up_proj", t.intermediate}}, t.hidden, false),
                         .down = mlp.linear("down_proj", t.hidden, t.intermediate, false)});
      if (options.cached)
        caches_.push_back(
            {ops(loader).cache(options.max_tokens, t.kv_heads, t.head_dim), ops(loader).cache(options.max_tokens, t.kv_heads, t.head_dim)});
    }
    // Last: until here the file has confirmed every size.
    rotary_.emplace(t.head_dim, t.rope_theta, t.rope_sections, options.max_tokens);
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
    for (auto& cache : caches_) cache.first.length = cache.second.length = 0;
  }

 private:
  struct Layer {
    typename Ops::Parameter norm1;
    Linear<Ops> qkv;
    typename Ops::Parameter q_norm, k_norm;
    Linear<Ops> out;
    typename Ops::Parameter norm2;
    Linear<Ops> gate_up, down;
  };
  static Ops& ops(const Loader<Ops>& loader) noexcept { return loader.ops(); }

  Tensor run(Ops& ops, const Tensor& x, std::span<const std::int64_t> positions, std::span<const std::int64_t> depths,
             std::vector<Tensor>* states) {
    rotary_->fill(positions, table_);
    const Shape rows{table_.rows(), table_.width};
    const Tensor cos = ops.upload(table_.cos, rows), sin = ops.upload(table_.sin, rows);
    if (states != nullptr) states->clear();
    keep(ops, x, 0, depths, states);
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      run_layer(ops, x, i, cos, sin);
      keep(ops, x, static_cast<std::int64_t>(i) + 1, depths, states);  // as transformers reports it: without the deepstack features
      if (i < deep_.size()) ops.add_rows_into(x, places_.image_rows(), deep_[i]);
    }
    return ops.rms_norm(x, *norm_, config_.text.eps);
  }
  static void keep(Ops& ops, const Tensor& x, std::int64_t depth, std::span<const std::int64_t> depths, std::vector<Tensor>* states) {
    if (states != nullptr && states->size() < depths.size() && depths[states->size()] == depth) states->push_back(ops.copy(x));
  }
  void run_layer(Ops& ops, const Tensor& x, std::size_t index, const Tensor& cos, const Tensor& sin) {
    const Layer& layer = layers_[index];
    const auto& t = config_.text;
    auto scope = ops.scope();
    const Tensor qkv =
        ops.reshape(layer.qkv(ops, ops.rms_norm(x, layer.norm1, t.eps)), Shape{x.size(0), t.heads + 2 * t.kv_heads, t.head_dim});
    const Tensor q = ops.rope(ops.rms_norm(ops.slice(qkv, 1, 0, t.heads), layer.q_norm, t.eps), cos, sin);
    Tensor k = ops.rope(ops.rms_norm(ops.slice(qkv, 1, t.heads, t.heads + t.kv_heads), layer.k_norm, t.eps), cos, sin);
    Tensor v = ops.slice(qkv, 1, t.heads + t.kv_heads, t.heads + 2 * t.kv_heads);
    std::int64_t before = 0;
    if (!caches_.empty()) {
      auto& [keys, values] = caches_[index];
      before = keys.length;
      ops.append(keys, k);
      ops.append(values, v);
      k = ops.contents(keys);
      v = ops.contents(values);
    }
    const Attention attention{.scale = 1 / std::sqrt(static_cast<float>(t.head_dim)), .mask = {.causal = true, .offset = before}};
    layer.out.add_into(ops, x, ops.attention(q, k, v, attention));
    const Tensor gate_up = layer.gate_up(ops, ops.rms_norm(x, layer.norm2, t.eps));
    layer.down.add_into(ops, x,
                        ops.silu_mul(ops.slice(gate_up, 1, 0, t.intermediate), ops.slice(gate_up, 1, t.intermediate, 2 * t.intermediate)));
  }

  Config config_;
  SequenceOptions options_;
  Qwen3Vision<Ops> vision_;
  std::optional<InterleavedRotary> rotary_;
  typename Ops::Matrix embed_;
  std::vector<Layer> layers_;
  std::optional<typename Ops::Parameter> norm_;
  std::optional<typename Ops::Matrix> head_;
  std::vector<std::pair<typename Ops::Cache, typename Ops::Cache>> caches_;  // keys, values of each layer
  TokenPlaces places_;
  RotaryTable table_;
  std::vector<Tensor> deep_;
  std::int64_t next_position_ = 0;
};

}  // namespace sinew::nn
