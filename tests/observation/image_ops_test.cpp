// SPDX-License-Identifier: Apache-2.0
// Each operation against its definition, written out pixel by pixel.
#include "sinew/observation/image_ops.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "random_image.hpp"
#include "sinew/testing/no_alloc.hpp"
#include "test_seed.hpp"

using namespace sinew;

namespace {

using Levels = std::vector<std::uint8_t>;

std::size_t values(const ImageView& image) {
  return static_cast<std::size_t>(image.height()) * static_cast<std::size_t>(image.width()) * static_cast<std::size_t>(image.channels());
}

std::uint8_t at(const ImageView& image, int y, int x, int c) { return image.row(y)[x * image.channels() + c]; }

/// What lies inside a larger image, so that rows are padded.
ImageView inner(const Image& image) { return image.view().crop(2, 3, image.height() - 5, image.width() - 6); }

}  // namespace

TEST_CASE("image ops: centre boxes round as their library does") {
  // torchvision: int(round((in - out) / 2.0)) with Python's round; GR00T: (in - out) // 2.
  for (const auto& [margin, torchvision, floor] :
       {std::array{0, 0, 0}, {1, 0, 0}, {2, 1, 1}, {3, 2, 1}, {5, 2, 2}, {7, 4, 3}, {9, 4, 4}, {11, 6, 5}}) {
    CAPTURE(margin);
    CHECK(centre_box(100, 50 + margin, 100, 50, CropRounding::torchvision) == CropBox{0, torchvision, 100, 50});
    CHECK(centre_box(100 + margin, 50, 100, 50, CropRounding::floor) == CropBox{floor, 0, 100, 50});
  }
  CHECK(centre_box(9, 9, 10, 3, CropRounding::floor).height == 0);
  CHECK(centre_box(9, 9, 0, 3, CropRounding::floor).height == 0);
  CHECK(side_fraction(256, 0.95, SideRounding::truncate) == 243);
  CHECK(side_fraction(256, 230.0 / 256.0, SideRounding::truncate) == 230);
  CHECK(side_fraction(10, 0.25, SideRounding::round) == 2);  // 2.5, to even
  CHECK(side_fraction(14, 0.25, SideRounding::round) == 4);  // 3.5, to even
  CHECK(side_fraction(3, 0.1, SideRounding::truncate) == 1);
}

TEST_CASE("image ops: a crop is a view of the same pixels, or empty") {
  const Image image = sinew::testing::random_image(9, 12, 3, 1);
  const ImageView part = crop(image.view(), CropBox{2, 3, 4, 5});
  REQUIRE(part.height() == 4);
  REQUIRE(part.width() == 5);
  CHECK(part.data() == image.view().row(2) + 9);
  for (const CropBox box : {CropBox{-1, 0, 2, 2}, {0, -1, 2, 2}, {8, 0, 2, 2}, {0, 11, 2, 2}, {0, 0, 0, 2}, {2147483647, 0, 1, 1}})
    CHECK(crop(image.view(), box).empty());
}

TEST_CASE("image ops: padding, turning, swapping and planes move every value to its place") {
  sinew::testing::Random random(2);
  for (int channels = 1; channels <= 4; ++channels) {
    CAPTURE(channels);
    const Image image = sinew::testing::random_image(14, 17, channels, 3);
    const ImageView in = inner(image);
    Levels out(values(in));
    REQUIRE(turn_180(in, out) == Status::ok);
    const ImageView turned(out.data(), in.height(), in.width(), channels);
    Levels planes(values(in));
    REQUIRE(to_planes(in, planes) == Status::ok);
    Levels padded(20U * 30U * static_cast<std::size_t>(channels));
    REQUIRE(pad(in, {20, 30, 4, 7}, 9, padded) == Status::ok);
    const ImageView canvas(padded.data(), 20, 30, channels);
    for (int y = 0; y < 20; ++y)
      for (int x = 0; x < 30; ++x)
        for (int c = 0; c < channels; ++c) {
          const bool inside = y >= 4 && y < 4 + in.height() && x >= 7 && x < 7 + in.width();
          REQUIRE(at(canvas, y, x, c) == (inside ? at(in, y - 4, x - 7, c) : 9));
          if (y >= in.height() || x >= in.width()) continue;
          REQUIRE(at(turned, in.height() - 1 - y, in.width() - 1 - x, c) == at(in, y, x, c));
          REQUIRE(planes[static_cast<std::size_t>((c * in.height() + y) * in.width() + x)] == at(in, y, x, c));
        }
    REQUIRE(swap_red_blue(in, out) == (channels < 3 ? Status::bad_shape : Status::ok));
    if (channels < 3) continue;
    for (int c = 0; c < channels; ++c)
      REQUIRE(at(ImageView(out.data(), in.height(), in.width(), channels), 5, 6, c) == at(in, 5, 6, c < 3 ? 2 - c : c));
  }
}

TEST_CASE("image ops: levels become floats and come back") {
  const Image image = sinew::testing::random_image(14, 17, 3, 4);
  const ImageView in = inner(image);
  std::vector<float> unit(values(in));
  Levels back(values(in));
  REQUIRE(to_unit(in, unit) == Status::ok);
  CHECK(unit[0] == static_cast<float>(at(in, 0, 0, 0)) / 255.0F);
  const FloatImageView floats(unit.data(), in.height(), in.width(), 3);
  REQUIRE(to_levels(floats, LevelRule::round_half_up, back) == Status::ok);
  for (int i = 0; i < in.width() * 3; ++i) REQUIRE(back[static_cast<std::size_t>(i)] == in.row(0)[i]);

  const std::vector<float> edges = {-1.0F, -0.001F, 0.0F, 0.5F, 0.999F, 1.0F, 1.01F, 1e30F, 2.5F / 255.0F};
  const FloatImageView row(edges.data(), 1, 9, 1);
  Levels out(9);
  REQUIRE(to_levels(row, LevelRule::truncate, out) == Status::ok);
  CHECK(out == Levels{0, 0, 0, 127, 254, 255, 255, 255, 2});
  REQUIRE(to_levels(row, LevelRule::round_half_up, out) == Status::ok);
  CHECK(out == Levels{0, 0, 0, 128, 255, 255, 255, 255, 3});
  for (const float bad :
       {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    const std::array<float, 3> values{0.5F, bad, 0.5F};
    CHECK(to_levels(FloatImageView(values.data(), 1, 1, 3), LevelRule::truncate, std::span(out).first(3)) == Status::not_finite);
  }
}

TEST_CASE("image ops: the area crop of the whole image at its own size is the image") {
  const Image image = sinew::testing::random_image(14, 17, 3, 5);
  Levels out(values(image.view()));
  REQUIRE(crop_and_resize(image.view(), 1.0, 14, 17, out) == Status::ok);
  CHECK(std::ranges::equal(out, image.pixels()));
  const Image flat = [] {
    Image made(30, 20);
    std::ranges::fill(made.pixels(), std::uint8_t{201});
    return made;
  }();
  Levels small(7 * 1 * 3);
  REQUIRE(crop_and_resize(flat.view(), 0.9, 7, 1, small) == Status::ok);
  CHECK(std::ranges::all_of(small, [](auto value) { return value == 201; }));
  for (const double area : {0.0, -0.1, 1.1, std::nan("")}) CHECK(crop_and_resize(flat.view(), area, 7, 1, small) == Status::out_of_range);
}

TEST_CASE("image ops: sizes that do not agree are refused, and nothing is allocated") {
  REQUIRE(sinew::testing::counting_works());
  const Image image = sinew::testing::random_image(8, 9, 3, 6);
  Levels out(values(image.view()));
  Levels wrong(out.size() - 1);
  std::vector<float> floats(out.size());
  const sinew::testing::HeapCallCounter counter;
  const ImageView none;
  CHECK(turn_180(image.view(), wrong) == Status::bad_shape);
  CHECK(turn_180(none, {}) == Status::bad_shape);
  CHECK(to_planes(image.view(), wrong) == Status::bad_shape);
  CHECK(swap_red_blue(image.view(), wrong) == Status::bad_shape);
  CHECK(to_unit(image.view(), std::span(floats).first(3)) == Status::bad_shape);
  CHECK(pad(image.view(), {8, 9, 1, 0}, 0, out) == Status::bad_shape);
  CHECK(pad(image.view(), {8, 9, 0, -1}, 0, out) == Status::bad_shape);
  CHECK(pad(image.view(), {8, 9}, 0, wrong) == Status::bad_shape);
  CHECK(crop_and_resize(image.view(), 0.9, 8, 9, wrong) == Status::bad_shape);
  CHECK(turn_180(image.view(), out) == Status::ok);
  CHECK(to_unit(image.view(), floats) == Status::ok);
  CHECK(crop_and_resize(image.view(), 0.9, 8, 9, out) == Status::ok);
  CHECK(counter.count() == 0);
}
