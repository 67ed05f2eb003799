// SPDX-License-Identifier: Apache-2.0
// Multi-section rotary positions of the Qwen-VL generations: time, height and width of every token.
#pragma once

#include <cstdint>
#include <span>

#include "sinew/core/patch_grid.hpp"
#include "sinew/core/status.hpp"

namespace sinew {

/// Writes the positions of `ids` as `[3, n]`: axes time, height, width. A text token has the same running number on all three. The
/// tokens of image k, a run of `image_token`, have (p, p + row, p + column) over its merged grid, row by row; the number after the
/// run is p + max(rows, columns). Tokens with mask 0 are skipped and get 0. The same for Qwen2-VL, Qwen2.5-VL, Qwen3-VL and
/// Qwen3.5 on images (transformers 5.23, get_rope_index); how the sections are laid out over the frequencies is the model's matter.
/// `bad_shape`: lengths that do not match, an image token count other than the grids', a grid that is not positive or no multiple of
/// `merge`.
[[nodiscard]] Status multi_section_positions(std::span<const std::int64_t> ids, std::span<const std::int64_t> mask,
                                             std::int64_t image_token, std::span<const PatchGrid> grids, int merge,
                                             std::span<std::int64_t> positions) noexcept;

/// Tokens that an image of this grid takes in the text.
[[nodiscard]] std::size_t image_tokens(const PatchGrid& grid, int merge) noexcept;

}  // namespace sinew
