// SPDX-License-Identifier: Apache-2.0
// Windows against their definition: cells sorted by image, frame, window and place in it.
#include "sinew/nn/models/window_order.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "sinew/nn/models/patch_tables.hpp"

using namespace sinew;
using namespace sinew::nn;

namespace {

/// Image, frame, window's row and column, row, column; then the cell's number.
using Key = std::array<std::int64_t, 7>;

std::vector<Key> sorted_cells(const std::vector<PatchGrid>& grids, std::int64_t merge, std::int64_t window) {
  std::vector<Key> keys;
  for (std::size_t image = 0; image < grids.size(); ++image)
    for (std::int64_t time = 0; time < grids[image].temporal; ++time)
      for (std::int64_t row = 0; row < grids[image].height / merge; ++row)
        for (std::int64_t column = 0; column < grids[image].width / merge; ++column)
          keys.push_back(
              {static_cast<std::int64_t>(image), time, row / window, column / window, row, column, static_cast<std::int64_t>(keys.size())});
  std::ranges::sort(keys);
  return keys;
}

void check(const std::vector<PatchGrid>& grids, std::int64_t merge, std::int64_t window) {
  CAPTURE(window);
  CAPTURE(merge);
  const auto keys = sorted_cells(grids, merge, window);
  const WindowOrder order = window_order(grids, merge, window);
  REQUIRE(order.cells.size() == keys.size());
  REQUIRE(order.places.size() == keys.size());
  std::vector<std::int64_t> bounds{0};
  for (std::size_t i = 0; i < keys.size(); ++i) {
    CHECK(order.cells[i] == keys[i][6]);
    CHECK(order.places[static_cast<std::size_t>(keys[i][6])] == static_cast<std::int64_t>(i));
    const bool last = i + 1 == keys.size() || !std::equal(keys[i].begin(), keys[i].begin() + 4, keys[i + 1].begin());
    if (last) bounds.push_back(static_cast<std::int64_t>(i + 1) * merge * merge);
  }
  CHECK(order.bounds == bounds);
  // A frame is a whole number of windows: what attends over a frame needs no other order.
  for (const auto end : patch_places(grids, merge).bounds) CHECK(std::ranges::binary_search(order.bounds, end));
}

}  // namespace

TEST_CASE("window order: a frame of 3 x 5 cells in windows of 2 x 2") {
  const WindowOrder order = window_order(std::vector<PatchGrid>{{1, 6, 10}}, 2, 2);
  CHECK(order.cells == std::vector<std::int64_t>{0, 1, 5, 6, 2, 3, 7, 8, 4, 9, 10, 11, 12, 13, 14});
  CHECK(order.bounds == std::vector<std::int64_t>{0, 16, 32, 40, 48, 56, 60});
}

TEST_CASE("window order: grids that windows divide and that they do not, frames, several images") {
  for (const std::int64_t window : {1, 2, 3, 4, 100})
    for (const std::int64_t merge : {1, 2, 3}) check({{1, 24, 36}, {2, 6, 30}, {1, 12, 12}, {1, 6, 6}, {3, 18, 6}}, merge, window);
  check({{1, 2, 2}}, 2, 4);
  check({}, 2, 4);
}
