// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/models/patch_tables.hpp"

#include <cmath>
#include <cstring>

namespace sinew::nn {

namespace {

constexpr std::int64_t kMostPatches = 1 << 24;

std::size_t as_size(std::int64_t value) noexcept { return static_cast<std::size_t>(value); }

}  // namespace

bool frames_equal(std::span<const float> pixels, std::int64_t frames, std::int64_t cell) noexcept {
  const std::size_t size = as_size(cell), step = as_size(frames * cell);
  for (std::size_t at = 0; at + step <= pixels.size(); at += step)
    for (std::size_t frame = 1; frame < as_size(frames); ++frame)
      if (std::memcmp(pixels.data() + at, pixels.data() + at + frame * size, size * sizeof(float)) != 0) return false;
  return true;
}

std::vector<float> sum_frames(std::span<const float> weight, std::int64_t frames, std::int64_t cell) {
  const std::size_t size = as_size(cell), step = as_size(frames * cell);
  std::vector<float> sum;
  sum.reserve(weight.size() / as_size(frames));
  for (std::size_t at = 0; at < weight.size(); at += step)
    for (std::size_t i = 0; i < size; ++i) {
      float value = 0;
      for (std::size_t frame = 0; frame < as_size(frames); ++frame) value += weight[at + frame * size + i];
      sum.push_back(value);
    }
  return sum;
}

PatchPlaces patch_places(std::span<const PatchGrid> grids, std::int64_t merge) {
  PatchPlaces places{.rows_columns = {}, .bounds = {0}};
  for (const auto& grid : grids) {
    if (grid.temporal < 1 || grid.height < 1 || grid.width < 1 || grid.height % merge != 0 || grid.width % merge != 0)
      fail(ErrorCode::invalid_argument, {"vision", "grid", fmt::format("positive multiples of {}", merge),
                                         fmt::format("{} x {} x {}", grid.temporal, grid.height, grid.width), ""});
    const std::int64_t cells = std::int64_t{grid.height} * grid.width;
    if (cells > kMostPatches || grid.temporal > kMostPatches / cells || places.bounds.back() + cells * grid.temporal > kMostPatches)
      fail(ErrorCode::limit, {"vision", "patches", fmt::format("at most {}", kMostPatches), "more", ""});
    for (int time = 0; time < grid.temporal; ++time) {
      for (std::int64_t top = 0; top < grid.height; top += merge)
        for (std::int64_t left = 0; left < grid.width; left += merge)
          for (std::int64_t row = top; row < top + merge; ++row)
            for (std::int64_t column = left; column < left + merge; ++column) {
              places.rows_columns.push_back(row);
              places.rows_columns.push_back(column);
            }
      places.bounds.push_back(places.bounds.back() + cells);
    }
  }
  return places;
}

std::vector<float> interpolate_positions(std::span<const float> table, std::int64_t width, std::span<const PatchGrid> grids,
                                         const PatchPlaces& places) {
  const auto side = static_cast<std::int64_t>(std::lround(std::sqrt(static_cast<double>(table.size()) / static_cast<double>(width))));
  std::vector<float> out(places.rows_columns.size() / 2 * as_size(width), 0);
  std::size_t patch = 0;
  for (const auto& grid : grids)
    for (std::size_t i = 0; i < grid.patches(); ++i, ++patch) {
      const auto place = [&](std::int64_t at, int size) {  // table row and how far behind it
        const double exact = static_cast<double>(at * (side - 1)) / std::max(size - 1, 1);
        const auto whole = static_cast<std::int64_t>(exact);
        return std::pair(whole, exact - static_cast<double>(whole));
      };
      const auto [row, down] = place(places.rows_columns[2 * patch], grid.height);
      const auto [column, right] = place(places.rows_columns[2 * patch + 1], grid.width);
      float* const to = out.data() + patch * as_size(width);
      for (const auto& [y, wy] : {std::pair(row, 1 - down), std::pair(std::min(row + 1, side - 1), down)})
        for (const auto& [x, wx] : {std::pair(column, 1 - right), std::pair(std::min(column + 1, side - 1), right)}) {
          const float* const from = table.data() + (y * side + x) * width;
          const auto weight = static_cast<float>(wy * wx);
          for (std::int64_t j = 0; j < width; ++j) to[j] += weight * from[j];
        }
    }
  return out;
}

}  // namespace sinew::nn
