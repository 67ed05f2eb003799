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
#include "sinew/nn/models/vision_language_model.hpp"

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

/// Backbone `qwen3_vl`.
template <TensorOps Ops>
using Qwen3Vl = VisionLanguageModel<Ops, Qwen3Vision<Ops>, Qwen3VlConfig>;

}  // namespace sinew::nn
