// SPDX-License-Identifier: Apache-2.0
// How patches enter a vision tower: their embedding, and what depends on their places alone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/core/patch_grid.hpp"
#include "sinew/nn/layers.hpp"
#include "sinew/nn/models/rotary.hpp"

namespace sinew::nn {

/// Whether the frames of every patch `[channels, frames, cell]` are the same, as they are for single images.
[[nodiscard]] bool frames_equal(std::span<const float> pixels, std::int64_t frames, std::int64_t cell) noexcept;
/// `[outputs, channels, frames, cell]` added up over the frames: the weight for patches whose frames are equal.
[[nodiscard]] std::vector<float> sum_frames(std::span<const float> weight, std::int64_t frames, std::int64_t cell);

/// The places of patches, and the bounds of what attends to itself.
struct PatchPlaces {
  std::vector<std::int64_t> rows_columns;  ///< [patches, 2], in the order of pixel_values: blocks of merge x merge
  std::vector<std::int64_t> bounds;        ///< 0, the end of each frame of each image
};
/// Throws Error for a grid that is not positive or no multiple of `merge`, and for more patches than 2^24.
[[nodiscard]] PatchPlaces patch_places(std::span<const PatchGrid> grids, std::int64_t merge);
/// `[patches, width]` of a square table `[side side, width]`, interpolated (bilinear, corners aligned) to each image's grid.
[[nodiscard]] std::vector<float> interpolate_positions(std::span<const float> table, std::int64_t width, std::span<const PatchGrid> grids,
                                                       const PatchPlaces& places);

/// A convolution whose steps do not overlap, as a linear layer.
template <TensorOps Ops>
class PatchEmbed {
 public:
  using Tensor = typename Ops::Tensor;
  static constexpr std::int64_t kChannels = 3;

  /// Reads `proj.weight [hidden, 3, temporal_patch, patch, patch]` and, unless told otherwise, `proj.bias`.
  template <class Vision>
  PatchEmbed(const Loader<Ops>& loader, const Vision& config, bool bias = true)
      : frames_(config.temporal_patch), cell_(config.patch * config.patch) {
    if (bias) bias_ = loader.parameter("proj.bias", Shape{config.hidden});
    auto weight = loader.floats("proj.weight", Shape{config.hidden, kChannels, frames_, config.patch, config.patch});
    summed_ = loader.ops().matrix(row_source(sum_frames(weight, frames_, cell_), config.hidden, kChannels * cell_));
    full_ = loader.ops().matrix(row_source(std::move(weight), config.hidden, kChannels * frames_ * cell_));
  }
  /// `[patches, hidden]`. A still image's frames are equal: one product of one frame.
  Tensor operator()(Ops& ops, std::span<const float> pixels) const {
    const std::int64_t values = kChannels * frames_ * cell_, patches = static_cast<std::int64_t>(pixels.size()) / values;
    const Tensor x = ops.upload(pixels, Shape{patches * kChannels, frames_ * cell_});
    const auto* const bias = bias_ ? &*bias_ : nullptr;
    if (!frames_equal(pixels, frames_, cell_)) return ops.linear(ops.reshape(x, Shape{patches, values}), full_, bias, Activation::none);
    auto scope = ops.scope();
    const Tensor one = ops.reshape(ops.copy(ops.slice(x, 1, 0, cell_)), Shape{patches, kChannels * cell_});
    return scope.keep(ops.linear(one, summed_, bias, Activation::none));
  }

 private:
  std::int64_t frames_;
  std::int64_t cell_;  // pixels of a patch
  std::optional<typename Ops::Parameter> bias_;
  typename Ops::Matrix full_, summed_;
};

/// What was made for sets of grids: the last eight that were used. Cameras keep theirs.
template <class Table>
class GridMemo {
 public:
  /// What `make()` gave for these grids, now or before. Valid until the next call.
  template <class Make>
  const Table& of(std::span<const PatchGrid> grids, Make make) {
    const auto found = std::ranges::find_if(entries_, [&](const Entry& entry) { return std::ranges::equal(entry.grids, grids); });
    if (found != entries_.end()) {
      std::rotate(found, found + 1, entries_.end());  // the least recently used one is in front
      return entries_.back().table;
    }
    if (entries_.size() == kRemembered) entries_.erase(entries_.begin());
    return entries_.emplace_back(Entry{.grids = {grids.begin(), grids.end()}, .table = make()}).table;
  }

 private:
  struct Entry {
    std::vector<PatchGrid> grids;
    Table table;
  };
  static constexpr std::size_t kRemembered = 8;
  std::vector<Entry> entries_;
};

/// What a vision tower with learned positions needs to know of a set of grids.
template <TensorOps Ops>
class PatchTables {
 public:
  struct Table {
    std::vector<std::int64_t> bounds;
    typename Ops::Parameter positions;  ///< [patches, hidden]
    typename Ops::Parameter cos;        ///< [patches, head_dim]
    typename Ops::Parameter sin;
  };

  PatchTables(std::vector<float> positions, std::int64_t hidden, std::int64_t head_dim, std::int64_t merge)
      : positions_(std::move(positions)), hidden_(hidden), head_dim_(head_dim), merge_(merge) {}

  /// Valid until the next call.
  const Table& of(Ops& ops, std::span<const PatchGrid> grids) {
    return tables_.of(grids, [&] {
      const PatchPlaces places = patch_places(grids, merge_);
      const std::int64_t patches = places.bounds.back();
      RotaryTable rotary;
      fill_patch_rotary(places.rows_columns, head_dim_, rotary);
      const Shape rotary_shape{patches, head_dim_};
      return Table{.bounds = places.bounds,
                   .positions = ops.parameter(interpolate_positions(positions_, hidden_, grids, places), Shape{patches, hidden_}),
                   .cos = ops.parameter(rotary.cos, rotary_shape),
                   .sin = ops.parameter(rotary.sin, rotary_shape)};
    });
  }

 private:
  std::vector<float> positions_;
  std::int64_t hidden_;
  std::int64_t head_dim_;
  std::int64_t merge_;
  GridMemo<Table> tables_;
};

}  // namespace sinew::nn
