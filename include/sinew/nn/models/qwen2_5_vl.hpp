// SPDX-License-Identifier: Apache-2.0
// Qwen2.5-VL: vision tower whose blocks attend within windows, text model with multi-section rotary positions in chunks.
// Form: transformers 5.23 `modeling_qwen2_5_vl.py`.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/core/patch_grid.hpp"
#include "sinew/nn/layers.hpp"
#include "sinew/nn/models/patch_tables.hpp"
#include "sinew/nn/models/qwen2_5_vl_config.hpp"
#include "sinew/nn/models/rotary.hpp"
#include "sinew/nn/models/vision_language_model.hpp"
#include "sinew/nn/models/window_order.hpp"

namespace sinew::nn {

/// Patches to the text model's tokens.
template <TensorOps Ops>
class Qwen2_5Vision {
 public:
  using Tensor = typename Ops::Tensor;

  Qwen2_5Vision(const Loader<Ops>& loader, const Qwen2_5VlConfig::Vision& config)
      : config_(config), embed_(loader.part("patch_embed"), config, false), merger_(load_merger(loader.part("merger"))) {
    for (std::int64_t i = 0; i < config.depth; ++i) {
      const Loader<Ops> block = loader.part("blocks", i), mlp = block.part("mlp");
      blocks_.push_back(
          {.full = std::ranges::find(config.full_attention, i) != config.full_attention.end(),
           .norm1 = block.parameter("norm1.weight", Shape{config.hidden}),
           .qkv = block.linear("attn.qkv", 3 * config.hidden, config.hidden),
           .proj = block.linear("attn.proj", config.hidden, config.hidden),
           .norm2 = block.parameter("norm2.weight", Shape{config.hidden}),
           .gate_up = mlp.stacked_linear({{"gate_proj", config.intermediate}, {"up_proj", config.intermediate}}, config.hidden),
           .down = mlp.linear("down_proj", config.hidden, config.intermediate)});
    }
  }

  /// `pixels [patches, channels temporal patch patch]` of all images. Gives `[tokens, out_hidden]`; nothing to `deep`.
  Tensor operator()(Ops& ops, std::span<const float> pixels, std::span<const PatchGrid> grids, std::vector<Tensor>& /*deep*/) {
    const Table& table = table_of(ops, grids);
    const Tensor cos = ops.view(table.cos), sin = ops.view(table.sin);
    const Tensor x = in_windows(ops, pixels, table);
    for (const Block& block : blocks_) run_block(ops, x, block, block.full ? table.frames : table.windows.bounds, cos, sin);
    auto scope = ops.scope();
    const Tensor rows = ops.reshape(ops.rms_norm(x, merger_.norm, kEps), cell_shape(x));
    return scope.keep(ops.gather_rows(merger_.fc2(ops, merger_.fc1(ops, rows, Activation::gelu)), table.windows.places));
  }

 private:
  static constexpr float kEps = 1e-6F;

  struct Block {
    bool full = false;  // attends over a whole frame
    typename Ops::Parameter norm1;
    Linear<Ops> qkv, proj;
    typename Ops::Parameter norm2;
    Linear<Ops> gate_up, down;
  };
  /// Neighbouring patches become one token.
  struct Merger {
    typename Ops::Parameter norm;
    Linear<Ops> fc1, fc2;
  };
  struct Table {
    std::vector<std::int64_t> frames;  // bounds
    WindowOrder windows;
    typename Ops::Parameter cos;  // [patches, head_dim], in the order of the windows
    typename Ops::Parameter sin;
  };

  Merger load_merger(const Loader<Ops>& loader) const {
    const std::int64_t merged = config_.hidden * config_.merge * config_.merge;
    return {.norm = loader.parameter("ln_q.weight", Shape{config_.hidden}),
            .fc1 = loader.linear("mlp.0", merged, merged),
            .fc2 = loader.linear("mlp.2", config_.out_hidden, merged)};
  }
  [[nodiscard]] Shape cell_shape(const Tensor& x) const {
    const std::int64_t patches = config_.merge * config_.merge;
    return {x.size(0) / patches, patches * config_.hidden};
  }
  const Table& table_of(Ops& ops, std::span<const PatchGrid> grids) {
    return tables_.of(grids, [&] {
      const PatchPlaces places = patch_places(grids, config_.merge);
      WindowOrder windows = window_order(grids, config_.merge, config_.window);
      std::vector<std::int64_t> ordered;
      ordered.reserve(places.rows_columns.size());
      const auto values = static_cast<std::ptrdiff_t>(2 * config_.merge * config_.merge);  // of a cell: rows and columns
      for (const auto cell : windows.cells) {
        const auto first = places.rows_columns.begin() + cell * values;
        ordered.insert(ordered.end(), first, first + values);
      }
      const std::int64_t head_dim = config_.hidden / config_.heads;
      RotaryTable rotary;
      fill_patch_rotary(ordered, head_dim, rotary);
      const Shape shape{rotary.rows(), head_dim};
      return Table{.frames = places.bounds,
                   .windows = std::move(windows),
                   .cos = ops.parameter(rotary.cos, shape),
                   .sin = ops.parameter(rotary.sin, shape)};
    });
  }
  /// Embedded patches `[patches, hidden]`, cells in the order of the windows.
  Tensor in_windows(Ops& ops, std::span<const float> pixels, const Table& table) const {
    auto scope = ops.scope();
    const Tensor patches = embed_(ops, pixels);
    if (patches.size(0) != table.frames.back())
      fail(ErrorCode::invalid_argument,
           {"vision", "patches", fmt::format("{}, as the grids say", table.frames.back()), fmt::format("{}", patches.size(0)), ""});
    return scope.keep(ops.reshape(ops.gather_rows(ops.reshape(patches, cell_shape(patches)), table.windows.cells), patches.shape()));
  }
  void run_block(Ops& ops, const Tensor& x, const Block& block, std::span<const std::int64_t> bounds, const Tensor& cos,
                 const Tensor& sin) const {
    const std::int64_t heads = config_.heads, dim = config_.hidden / heads, width = config_.intermediate;
    auto scope = ops.scope();
    const Tensor qkv = ops.reshape(block.qkv(ops, ops.rms_norm(x, block.norm1, kEps)), Shape{x.size(0), 3 * heads, dim});
    const Tensor q = ops.rope(ops.slice(qkv, 1, 0, heads), cos, sin);
    const Tensor k = ops.rope(ops.slice(qkv, 1, heads, 2 * heads), cos, sin);
    const Attention attention{.scale = 1 / std::sqrt(static_cast<float>(dim)), .mask = {.segments = bounds}};
    block.proj.add_into(ops, x, ops.attention(q, k, ops.slice(qkv, 1, 2 * heads, 3 * heads), attention));
    const Tensor gate_up = block.gate_up(ops, ops.rms_norm(x, block.norm2, kEps));
    block.down.add_into(ops, x, ops.silu_mul(ops.slice(gate_up, 1, 0, width), ops.slice(gate_up, 1, width, 2 * width)));
  }

  Qwen2_5VlConfig::Vision config_;
  PatchEmbed<Ops> embed_;
  GridMemo<Table> tables_;
  std::vector<Block> blocks_;
  Merger merger_;
};

/// Backbone `qwen2_5_vl`.
template <TensorOps Ops>
using Qwen2_5Vl = VisionLanguageModel<Ops, Qwen2_5Vision<Ops>, Qwen2_5VlConfig>;

}  // namespace sinew::nn
