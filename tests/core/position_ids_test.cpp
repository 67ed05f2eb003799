// SPDX-License-Identifier: Apache-2.0
// Equality with transformers is in python/tests/test_encoder.py.
#include "sinew/core/position_ids.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

namespace {

using sinew::PatchGrid;
using sinew::Status;
using Ids = std::vector<std::int64_t>;

constexpr std::int64_t kImage = 9;

Status positions_of(const Ids& ids, const Ids& mask, const std::vector<PatchGrid>& grids, Ids& out) {
  out.assign(3 * ids.size(), -1);
  return sinew::multi_section_positions(ids, mask, kImage, grids, 2, out);
}

}  // namespace

TEST_CASE("positions: text counts up, an image spans its merged grid, text goes on behind its longer side") {
  Ids out;
  // 2 x 3 merged cells.
  REQUIRE(positions_of({1, 2, 9, 9, 9, 9, 9, 9, 3}, Ids(9, 1), {{1, 4, 6}}, out) == Status::ok);
  CHECK(out == Ids{0, 1, 2, 2, 2, 2, 2, 2, 5, /* height */ 0, 1, 2, 2, 2, 3, 3, 3, 5, /* width */ 0, 1, 2, 3, 4, 2, 3, 4, 5});
}

TEST_CASE("positions: padding gets 0 and does not count") {
  Ids out;
  REQUIRE(positions_of({0, 0, 5, 6}, {0, 0, 1, 1}, {}, out) == Status::ok);
  CHECK(out == Ids{0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1});
}

TEST_CASE("positions: image tokens that do not match the grids are refused") {
  Ids out;
  CHECK(positions_of({9, 9, 9}, Ids(3, 1), {{1, 4, 4}}, out) == Status::bad_shape);        // too few tokens
  CHECK(positions_of({9, 9, 9, 9, 9}, Ids(5, 1), {{1, 4, 4}}, out) == Status::bad_shape);  // too many
  CHECK(positions_of({1, 2}, Ids(2, 1), {{1, 4, 4}}, out) == Status::bad_shape);           // no slot
  CHECK(positions_of({9}, Ids(1, 1), {}, out) == Status::bad_shape);                       // no image
  CHECK(positions_of({9, 9}, Ids(2, 1), {{1, 3, 4}}, out) == Status::bad_shape);           // a grid that does not merge
  CHECK(positions_of({5, 9}, Ids(2, 1), {{1, -4, -4}, {1, 2, 2}}, out) == Status::bad_shape);
  CHECK(positions_of({5, 9}, Ids(2, 1), {{0, 8, 8}, {1, 2, 2}}, out) == Status::bad_shape);
  CHECK(sinew::multi_section_positions(Ids{1}, Ids{1, 1}, kImage, {}, 2, out) == Status::bad_shape);
}

TEST_CASE("positions: an image takes one token per merged patch") { CHECK(sinew::image_tokens({1, 30, 40}, 2) == 300); }
