// SPDX-License-Identifier: Apache-2.0
#include "sinew/observation/resize.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "safetensors_file.hpp"
#include "sinew/core/error.hpp"
#include "sinew/testing/no_alloc.hpp"
#include "test_seed.hpp"

namespace {

using sinew::Image;
using sinew::ImageView;
using sinew::Resizer;
using sinew::ResizeRule;
using sinew::Status;

constexpr std::array kRules = {ResizeRule::pil_nearest,   ResizeRule::pil_box,       ResizeRule::pil_bilinear, ResizeRule::pil_bicubic,
                               ResizeRule::pil_lanczos,   ResizeRule::pil13_nearest, ResizeRule::pil13_box,    ResizeRule::pil13_bilinear,
                               ResizeRule::pil13_bicubic, ResizeRule::pil13_lanczos};

Image random_image(int height, int width, int channels, std::uint64_t stream) {
  sinew::testing::Random random(stream);
  Image image(height, width, channels);
  for (auto& value : image.pixels()) value = static_cast<std::uint8_t>(random.below(256));
  return image;
}

Image resized(ResizeRule rule, const ImageView& in, int height, int width) {
  Image out;
  REQUIRE(Resizer(rule).resize(in, height, width, out) == Status::ok);
  return out;
}

std::vector<std::uint8_t> cut(const Image& image, int top, int left, int height, int width) {
  std::vector<std::uint8_t> pixels;
  for (int y = top; y < top + height; ++y) {
    const std::uint8_t* row = image.view().row(y) + left * image.channels();
    pixels.insert(pixels.end(), row, row + width * image.channels());
  }
  return pixels;
}

/// Windows and whole-image sums that Pillow produced; see the files for its version.
void check_golden_case(const std::string& name) {
  CAPTURE(name);
  const std::string folder = SINEW_GOLDEN_DIR "/resize_libs/";
  const auto description = sinew::Json::read_file(folder + name + ".json");
  const sinew::JsonCursor root(description, name);
  const std::string input_name = root.at("config").at("input").text().substr(std::string("inputs/").size());
  const auto out_size = root.at("config").at("output_wh").numbers();
  const auto inputs = sinew::testing::read_golden(folder + "inputs.safetensors");
  const auto tensors = sinew::testing::read_golden(folder + name + ".safetensors");
  const auto& input = inputs.at(input_name);
  const ImageView view(input.as_u8().data(), static_cast<int>(input.shape[0]), static_cast<int>(input.shape[1]));

  int compared = 0;
  for (const ResizeRule rule : kRules) {
    const std::string key = std::string(to_string(rule)) + "_u8";
    const auto found = tensors.find(key + ".window");
    if (found == tensors.end()) continue;  // pil13_* is stored where it differs from pil_*
    CAPTURE(key);
    const Image out = resized(rule, view, static_cast<int>(out_size[1]), static_cast<int>(out_size[0]));
    const auto& window = found->second;
    const auto height = static_cast<int>(window.shape[0]);
    const auto width = static_cast<int>(window.shape[1]);
    CHECK(std::ranges::equal(cut(out, out.height() - height, out.width() - width, height, width), window.as_u8()));
    CHECK(std::ranges::equal(cut(out, 0, 0, 16, 16), tensors.at(key + ".corner").as_u8()));
    const auto checks = root.at("full_image_checks").at(key);
    for (std::size_t c = 0; c < 3; ++c) {
      double sum = 0;
      double squares = 0;
      for (std::size_t i = c; i < out.pixels().size(); i += 3) {
        sum += out.pixels()[i];
        squares += static_cast<double>(out.pixels()[i]) * out.pixels()[i];
      }
      CHECK(sum == checks.at("channel_sums").numbers()[c]);
      CHECK(squares == checks.at("channel_sum_squares").numbers()[c]);
    }
    ++compared;
  }
  CHECK(compared >= 5);
}

}  // namespace

TEST_CASE("resize: equals Pillow's pixels of the golden files") {
  for (const char* name : {"37x53_to_64x40", "128x128_to_336x336", "320x240_to_96x96", "640x480_to_224x168", "640x480_to_224x224"})
    check_golden_case(name);
}

TEST_CASE("resize: a flat image stays flat under every rule") {
  sinew::testing::Random random(2);
  for (const ResizeRule rule : kRules)
    for (int round = 0; round < 20; ++round) {
      Image image(1 + static_cast<int>(random.below(70)), 1 + static_cast<int>(random.below(70)), 1 + static_cast<int>(random.below(4)));
      const auto level = static_cast<std::uint8_t>(random.below(256));
      std::ranges::fill(image.pixels(), level);
      const Image out = resized(rule, image.view(), 1 + static_cast<int>(random.below(70)), 1 + static_cast<int>(random.below(70)));
      CHECK(std::ranges::all_of(out.pixels(), [level](auto value) { return value == level; }));
    }
}

TEST_CASE("resize: channels do not mix and padded rows do not matter") {
  const Image image = random_image(33, 47, 4, 3);
  for (const ResizeRule rule : kRules) {
    CAPTURE(to_string(rule));
    const Image whole = resized(rule, image.view(), 19, 61);
    for (int channel = 0; channel < 4; ++channel) {
      Image plane(33, 47, 1);
      for (std::size_t i = 0; i < plane.pixels().size(); ++i) plane.pixels()[i] = image.pixels()[i * 4 + static_cast<std::size_t>(channel)];
      const Image out = resized(rule, plane.view(), 19, 61);
      for (std::size_t i = 0; i < out.pixels().size(); ++i)
        REQUIRE(out.pixels()[i] == whole.pixels()[i * 4 + static_cast<std::size_t>(channel)]);
    }
    // The right part of the image, seen in place and copied out.
    const ImageView part(image.pixels().data() + 7 * 4, 33, 40, 4, 47 * 4);
    CHECK(std::ranges::equal(resized(rule, part, 50, 20).pixels(), resized(rule, Image(part).view(), 50, 20).pixels()));
    CHECK(std::ranges::equal(resized(rule, part, 33, 40).pixels(), Image(part).pixels()));
  }
}

TEST_CASE("resize: Pillow 13 differs from 12 exactly where only one of them runs the vertical pass first") {
  // Noise makes the order of the passes visible wherever both run and round.
  Image image = random_image(60, 40, 3, 4);
  const auto differ = [&image](int height, int width) {
    return !std::ranges::equal(resized(ResizeRule::pil_lanczos, image.view(), height, width).pixels(),
                               resized(ResizeRule::pil13_lanczos, image.view(), height, width).pixels());
  };
  CHECK(differ(40, 50));        // fewer rows, more columns
  CHECK(differ(20, 30));        // 40 rows fewer, 10 columns fewer: 40 > 2 * 10
  CHECK_FALSE(differ(40, 30));  // 20 rows fewer, 10 columns fewer: 20 = 2 * 10
  CHECK_FALSE(differ(70, 50));
  CHECK_FALSE(differ(70, 30));
  image = random_image(301, 3, 3, 4);  // a strip: both begin with its rows
  CHECK_FALSE(differ(100, 50));
  image = random_image(300, 3, 3, 4);  // not yet one for Pillow 12
  CHECK(differ(100, 50));
}

TEST_CASE("resize: works at the ends of its range") {
  const Image dot = random_image(1, 1, 3, 5);
  const Image strip = random_image(2, Resizer::kMaxSide, 1, 6);
  for (const ResizeRule rule : kRules) {
    CAPTURE(to_string(rule));
    const Image grown = resized(rule, dot.view(), Resizer::kMaxSide, 2);
    for (std::size_t i = 0; i < grown.pixels().size(); ++i) REQUIRE(grown.pixels()[i] == dot.pixels()[i % 3]);
    CHECK(resized(rule, strip.view(), 1, 1).pixels().size() == 1);
  }
  // A box over everything is the mean, twice rounded.
  double sum = 0;
  for (int x = 0; x < Resizer::kMaxSide; ++x) sum += strip.view().row(0)[x];
  const ImageView first_row(strip.pixels().data(), 1, Resizer::kMaxSide, 1);
  CHECK(std::abs(resized(ResizeRule::pil_box, first_row, 1, 1).pixels()[0] - sum / Resizer::kMaxSide) <= 1.0);
}

TEST_CASE("resize: refuses what it cannot resize") {
  Resizer resizer;
  Image out;
  const Image image = random_image(4, 4, 3, 7);
  CHECK(resizer.resize(ImageView(), 4, 4, out) == Status::bad_shape);
  CHECK(resizer.resize(image.view(), 0, 4, out) == Status::bad_shape);
  CHECK(resizer.resize(image.view(), 4, Resizer::kMaxSide + 1, out) == Status::bad_shape);
  CHECK(resizer.resize(random_image(4, 4, 5, 8).view(), 2, 2, out) == Status::bad_shape);
  CHECK(resizer.resize(random_image(1, Resizer::kMaxSide + 1, 1, 9).view(), 1, 1, out) == Status::bad_shape);
  std::vector<std::uint8_t> short_buffer(2 * 2 * 3 - 1);
  CHECK(resizer.resize(image.view(), 2, 2, short_buffer) == Status::bad_shape);
}

TEST_CASE("resize: allocates nothing after the first frame of each geometry") {
  REQUIRE(sinew::testing::counting_works());
  const Image front = random_image(48, 64, 3, 10);
  const Image wrist = random_image(30, 30, 3, 11);
  std::vector<std::uint8_t> out(22 * 22 * 3);
  for (const ResizeRule rule : kRules) {
    Resizer resizer(rule);
    const auto both = [&] {
      return resizer.resize(front.view(), 22, 22, out) == Status::ok && resizer.resize(wrist.view(), 22, 22, out) == Status::ok;
    };
    REQUIRE(both());
    const sinew::testing::HeapCallCounter heap;
    CHECK(both());
    CHECK(heap.count() == 0);
  }
}

TEST_CASE("resize: more geometries than it remembers still come out right") {
  Resizer resizer(ResizeRule::pil_bicubic);
  for (int round = 0; round < 2; ++round)
    for (int side = 5; side < 25; ++side) {
      const Image image = random_image(side, side + 3, 3, static_cast<std::uint64_t>(side));
      Image out;
      REQUIRE(resizer.resize(image.view(), side + 1, side, out) == Status::ok);
      CHECK(std::ranges::equal(out.pixels(), resized(ResizeRule::pil_bicubic, image.view(), side + 1, side).pixels()));
    }
}

TEST_CASE("resize: rules have names, and a slip is told the nearest") {
  for (const ResizeRule rule : kRules) CHECK(sinew::resize_rule_from_string(to_string(rule), "test") == rule);
  CHECK_THROWS_WITH_AS(static_cast<void>(sinew::resize_rule_from_string("pil_bicubik", "card /cameras/0/resample")),
                       doctest::Contains("did you mean 'pil_bicubic'?"), sinew::Error);
}
