// SPDX-License-Identifier: Apache-2.0
// Resizes with a canvas and a window, against the three steps one after the other.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "random_image.hpp"
#include "sinew/core/isa.hpp"
#include "sinew/observation/image_ops.hpp"
#include "sinew/observation/resize.hpp"
#include "test_seed.hpp"

namespace {

using sinew::Image;
using sinew::ImageView;
using sinew::Resizer;
using sinew::ResizeRequest;
using sinew::ResizeRule;
using sinew::Status;
using sinew::testing::random_image;

Image resized(ResizeRule rule, const ImageView& in, int height, int width) {
  Image out;
  REQUIRE(Resizer(rule).resize(in, height, width, out) == Status::ok);
  return out;
}

std::vector<std::uint8_t> cut(const Image& image, const sinew::CropBox& box) {
  const Image part(sinew::crop(image.view(), box));
  return {part.pixels().begin(), part.pixels().end()};
}

/// A number from `least` to `most`.
int between(sinew::testing::Random& random, int least, int most) {
  return least + static_cast<int>(random.below(static_cast<std::uint64_t>(most - least + 1)));
}

/// A request with a canvas around the image in two of three cases, as wide or as high as it in some of them, and a window in two of three.
ResizeRequest random_request(sinew::testing::Random& random, const Image& image) {
  const auto more = [&](int side) { return random.below(3) == 0 ? side : side + between(random, 0, 40); };
  const auto size = [&](int side) { return random.below(6) == 0 ? side : between(random, 1, 90); };
  ResizeRequest request;
  if (random.below(3) > 0) {
    request.canvas = {more(image.height()), more(image.width()), 0, 0};
    request.canvas.top = between(random, 0, request.canvas.height - image.height());
    request.canvas.left = between(random, 0, request.canvas.width - image.width());
  }
  request.height = size(request.canvas.height > 0 ? request.canvas.height : image.height());
  request.width = size(request.canvas.height > 0 ? request.canvas.width : image.width());
  if (random.below(3) == 0) return request;
  request.window = {between(random, 0, request.height - 1), between(random, 0, request.width - 1), 0, 0};
  request.window.height = between(random, 1, request.height - request.window.top);
  request.window.width = between(random, 1, request.width - request.window.left);
  return request;
}

}  // namespace

TEST_CASE("resize: a request gives what padding, resizing and cropping give one after the other") {
  sinew::testing::Random random(23);
  const sinew::Isa before = sinew::active_isa();
  for (int i = 0; i <= static_cast<int>(ResizeRule::torch_area); ++i) {
    const auto rule = static_cast<ResizeRule>(i);
    Resizer resizer(rule);  // one for all, so that what it keeps must not matter
    for (int round = 0; round < 60; ++round) {
      const Image image =
          random_image(between(random, 1, 90), between(random, 1, 90), 1 + round % 4, static_cast<std::uint64_t>(200 + round));
      const ResizeRequest request = random_request(random, image);
      const auto& [height, width, canvas, window] = request;
      CAPTURE(to_string(rule));
      CAPTURE(round);
      Image padded(image.view());
      if (canvas.height > 0) {
        padded = Image(canvas.height, canvas.width, image.channels());
        REQUIRE(sinew::pad(image.view(), canvas, 0, padded.pixels()) == Status::ok);
      }
      sinew::select_isa(before);
      const Image whole = resized(rule, padded.view(), height, width);
      const auto expected = window.height > 0 ? cut(whole, window) : cut(whole, {0, 0, height, width});
      for (const sinew::Isa isa : sinew::available_isas()) {
        sinew::select_isa(isa);
        std::vector<std::uint8_t> out(expected.size());
        REQUIRE(resizer.resize(image.view(), request, out) == Status::ok);
        REQUIRE(out == expected);
      }
    }
  }
  sinew::select_isa(before);
}

TEST_CASE("resize: a window may begin where Lanczos has a weight of zero") {
  // Enlarged three times, row 7 does not read row 0, but row 8 does.
  const Image image = random_image(12, 12, 3, 24);
  const Image whole = resized(ResizeRule::pil_lanczos, image.view(), 36, 31);
  std::vector<std::uint8_t> out(std::size_t{29} * 31 * 3);
  Resizer resizer(ResizeRule::pil_lanczos);
  REQUIRE(resizer.resize(image.view(), {.height = 36, .width = 31, .canvas = {}, .window = {7, 0, 29, 31}}, out) == Status::ok);
  CHECK(out == cut(whole, {7, 0, 29, 31}));
}

TEST_CASE("resize: requests that do not fit are refused") {
  const Image image = random_image(8, 10, 3, 25);
  Resizer resizer;
  std::vector<std::uint8_t> out(std::size_t{4} * 4 * 3);
  const auto status = [&](const sinew::Placement& canvas, const sinew::CropBox& window) {
    return resizer.resize(image.view(), {.height = 6, .width = 6, .canvas = canvas, .window = window}, out);
  };
  CHECK(status({10, 10, 1, 0}, {1, 1, 4, 4}) == Status::ok);
  CHECK(status({7, 10, 0, 0}, {1, 1, 4, 4}) == Status::bad_shape);
  CHECK(status({10, 10, 3, 0}, {1, 1, 4, 4}) == Status::bad_shape);
  CHECK(status({10, 10, -1, 0}, {1, 1, 4, 4}) == Status::bad_shape);
  CHECK(status({10, Resizer::kMaxSide + 1, 0, 0}, {1, 1, 4, 4}) == Status::bad_shape);
  CHECK(status({}, {3, 1, 4, 4}) == Status::bad_shape);
  CHECK(status({}, {1, -1, 4, 4}) == Status::bad_shape);
  CHECK(status({}, {1, 1, 4, 0}) == Status::bad_shape);
  CHECK(status({}, {1, 1, 4, 3}) == Status::bad_shape);
}
