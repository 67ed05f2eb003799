// SPDX-License-Identifier: Apache-2.0
// The order of patches in a vision tower whose blocks attend within windows (Qwen2.5-VL).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sinew/core/patch_grid.hpp"

namespace sinew::nn {

/// Cells, each `merge x merge` patches that become one token, window by window: windows row by row over a frame, the cells of one row by
/// row, less of them at the right and lower edge. Form: transformers 5.23 `vision_utils.py`, get_vision_window_index.
struct WindowOrder {
  std::vector<std::int64_t> cells;   ///< which cell, counted as pixel_values lists them, stands at each place
  std::vector<std::int64_t> places;  ///< where each cell stands
  std::vector<std::int64_t> bounds;  ///< 0, the end of each window, in patches
};

/// `window`: cells per side of one, at least 1. For grids that patch_places accepts.
[[nodiscard]] WindowOrder window_order(std::span<const PatchGrid> grids, std::int64_t merge, std::int64_t window);

}  // namespace sinew::nn
