// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/models/window_order.hpp"

#include <algorithm>

namespace sinew::nn {

WindowOrder window_order(std::span<const PatchGrid> grids, std::int64_t merge, std::int64_t window) {
  WindowOrder order{.cells = {}, .places = {}, .bounds = {0}};
  std::int64_t first = 0;  // cell of a frame
  for (const auto& grid : grids) {
    const std::int64_t rows = grid.height / merge, columns = grid.width / merge;
    for (int time = 0; time < grid.temporal; ++time, first += rows * columns)
      for (std::int64_t top = 0; top < rows; top += window)
        for (std::int64_t left = 0; left < columns; left += window) {
          const std::int64_t bottom = std::min(top + window, rows), right = std::min(left + window, columns);
          for (std::int64_t row = top; row < bottom; ++row)
            for (std::int64_t column = left; column < right; ++column) order.cells.push_back(first + row * columns + column);
          order.bounds.push_back(static_cast<std::int64_t>(order.cells.size()) * merge * merge);
        }
  }
  order.places.resize(order.cells.size());
  for (std::size_t place = 0; place < order.cells.size(); ++place)
    order.places[static_cast<std::size_t>(order.cells[place])] = static_cast<std::int64_t>(place);
  return order;
}

}  // namespace sinew::nn
