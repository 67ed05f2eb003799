// SPDX-License-Identifier: Apache-2.0
#include "sinew/core/position_ids.hpp"

#include <algorithm>

namespace sinew {

std::size_t image_tokens(const PatchGrid& grid, int merge) noexcept {
  return grid.patches() / (static_cast<std::size_t>(merge) * static_cast<std::size_t>(merge));
}

Status multi_section_positions(std::span<const std::int64_t> ids, std::span<const std::int64_t> mask, std::int64_t image_token,
                               std::span<const PatchGrid> grids, int merge, std::span<std::int64_t> positions) noexcept {
  const std::size_t count = ids.size();
  if (mask.size() != count || positions.size() != 3 * count || merge < 1) return Status::bad_shape;
  std::int64_t next = 0;
  const auto put = [&](std::size_t at, std::int64_t time, std::int64_t height, std::int64_t width) {
    positions[at] = time;
    positions[count + at] = height;
    positions[2 * count + at] = width;
  };
  for (std::size_t at = 0; at < count;) {
    if (mask[at] == 0) {
      put(at++, 0, 0, 0);
    } else if (ids[at] != image_token) {
      put(at++, next, next, next);
      ++next;
    } else {
      if (grids.empty() || grids[0].temporal < 1 || grids[0].height < merge || grids[0].width < merge) return Status::bad_shape;
      if (grids[0].height % merge != 0 || grids[0].width % merge != 0) return Status::bad_shape;
      const int rows = grids[0].height / merge, columns = grids[0].width / merge;
      for (int time = 0; time < grids[0].temporal; ++time)
        for (int row = 0; row < rows; ++row)
          for (int column = 0; column < columns; ++column, ++at) {
            if (at >= count || ids[at] != image_token) return Status::bad_shape;
            put(at, next + time, next + row, next + column);
          }
      next += std::max(rows, columns);
      grids = grids.subspan(1);
    }
  }
  return grids.empty() ? Status::ok : Status::bad_shape;
}

}  // namespace sinew
