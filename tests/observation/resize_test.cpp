// SPDX-License-Identifier: Apache-2.0
#include "sinew/observation/resize.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "golden.hpp"
#include "random_image.hpp"
#include "sinew/core/error.hpp"
#include "sinew/core/isa.hpp"
#include "sinew/io/json_cursor.hpp"
#include "sinew/testing/no_alloc.hpp"
#include "test_seed.hpp"

namespace {

using sinew::Image;
using sinew::ImageView;
using sinew::Resizer;
using sinew::ResizeRule;
using sinew::Status;
using sinew::testing::GoldenTensor;
using sinew::testing::random_image;

const std::vector<ResizeRule> kRules = [] {
  std::vector<ResizeRule> rules;
  for (int rule = 0; rule <= static_cast<int>(ResizeRule::torch_area); ++rule) rules.push_back(static_cast<ResizeRule>(rule));
  return rules;
}();

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

/// How the golden files call a rule: "torch_bilinear_aa", "cv2_inter_area", "pil_box".
std::string golden_name(ResizeRule rule) {
  std::string name(to_string(rule));
  if (name.starts_with("cv2_")) return "cv2_inter_" + name.substr(4);
  if (!name.starts_with("torch_") || rule == ResizeRule::torch_area) return name;
  const auto antialias = name.find("_antialias");
  return antialias == std::string::npos ? name + "_noaa" : name.substr(0, antialias) + "_aa";
}

void check_golden_bytes(ResizeRule rule, const ImageView& view, const sinew::JsonCursor& root,
                        const std::map<std::string, GoldenTensor>& tensors) {
  const std::string key = golden_name(rule) + "_u8";
  CAPTURE(key);
  const auto out_size = root.at("config").at("output_wh").numbers();
  const Image out = resized(rule, view, static_cast<int>(out_size[1]), static_cast<int>(out_size[0]));
  const auto& window = tensors.at(key + ".window");
  const auto& corner = tensors.at(key + ".corner");
  const auto height = static_cast<int>(window.shape[0]), width = static_cast<int>(window.shape[1]);
  const auto bottom_right = cut(out, out.height() - height, out.width() - width, height, width);
  const auto top_left = cut(out, 0, 0, static_cast<int>(corner.shape[0]), static_cast<int>(corner.shape[1]));
  if (to_string(rule).starts_with("cv2")) {  // within a level: OpenCV's own builds differ by as much
    const auto near = [](std::uint8_t ours, std::uint8_t theirs) { return std::abs(ours - theirs) <= 1; };
    CHECK(std::ranges::equal(bottom_right, window.as_u8(), near));
    CHECK(std::ranges::equal(top_left, corner.as_u8(), near));
    return;
  }
  CHECK(std::ranges::equal(bottom_right, window.as_u8()));
  CHECK(std::ranges::equal(top_left, corner.as_u8()));
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
}

/// Floats on 0 to 255, as the files have them: 3e-6 of that range.
void check_golden_floats(ResizeRule rule, const ImageView& view, const sinew::JsonCursor& root,
                         const std::map<std::string, GoldenTensor>& tensors) {
  const std::string key = golden_name(rule) + "_f32";
  CAPTURE(key);
  const auto out_size = root.at("config").at("output_wh").numbers();
  const auto height = static_cast<int>(out_size[1]), width = static_cast<int>(out_size[0]);
  const std::vector<float> levels(view.data(), view.data() + static_cast<std::ptrdiff_t>(view.height()) * view.row_stride());
  std::vector<float> out(static_cast<std::size_t>(height * width * 3));
  REQUIRE(Resizer(rule).resize(sinew::FloatImageView(levels.data(), view.height(), view.width()), height, width, out) == Status::ok);
  const auto& window = tensors.at(key + ".window");
  const auto rows = static_cast<int>(window.shape[0]), columns = static_cast<int>(window.shape[1]);
  const auto* expected = reinterpret_cast<const float*>(window.bytes.data());
  for (int y = 0; y < rows; ++y)
    for (int i = 0; i < columns * 3; ++i, ++expected) {
      const auto at = static_cast<std::size_t>((height - rows + y) * width + width - columns) * 3 + static_cast<std::size_t>(i);
      REQUIRE(std::abs(out[at] - *expected) <= 255 * 3e-6F);
    }
}

/// One case of the golden files; returns how many rules it had.
int check_golden_case(const std::filesystem::path& file) {
  const std::string name = file.stem().string();
  CAPTURE(name);
  const auto description = sinew::Json::read_file(file);
  const sinew::JsonCursor root(description, name);
  const std::string input_name = root.at("config").at("input").text().substr(std::string("inputs/").size());
  const auto inputs = sinew::testing::read_golden((sinew::testing::golden_directory() / "resize_libs" / "inputs.safetensors").string());
  const auto tensors = sinew::testing::read_golden((sinew::testing::golden_directory() / "resize_libs" / (name + ".safetensors")).string());
  const auto& input = inputs.at(input_name);
  const ImageView view(input.as_u8().data(), static_cast<int>(input.shape[0]), static_cast<int>(input.shape[1]));
  int compared = 0;
  for (const ResizeRule rule : kRules) {  // pil13_* is stored where it differs from pil_*
    if (tensors.contains(golden_name(rule) + "_u8.window")) check_golden_bytes(rule, view, root, tensors), ++compared;
    if (tensors.contains(golden_name(rule) + "_f32.window")) check_golden_floats(rule, view, root, tensors), ++compared;
  }
  return compared;
}

}  // namespace

TEST_CASE("resize: equals the pixels of Pillow, torch and OpenCV in the golden files") {
  int cases = 0;
  for (const auto& entry : std::filesystem::directory_iterator(sinew::testing::golden_directory() / "resize_libs")) {
    if (entry.path().extension() != ".json" || entry.path().stem() == "inputs") continue;
    CHECK(check_golden_case(entry.path()) >= 5);
    ++cases;
  }
  CHECK(cases >= 1);
}

TEST_CASE("resize: every instruction set gives the same bytes, and floats that differ by rounding") {
  sinew::testing::Random random(21);
  const sinew::Isa before = sinew::active_isa();
  for (const ResizeRule rule : kRules)
    for (int round = 0; round < 12; ++round) {
      const int sides[4] = {1 + static_cast<int>(random.below(90)), 1 + static_cast<int>(random.below(90)),
                            1 + static_cast<int>(random.below(90)), 1 + static_cast<int>(random.below(90))};
      const Image image = random_image(sides[0], sides[1], 1 + round % 4, static_cast<std::uint64_t>(100 + round));
      CAPTURE(to_string(rule));
      CAPTURE(sides[0]);
      CAPTURE(sides[1]);
      CAPTURE(sides[2]);
      CAPTURE(sides[3]);
      std::vector<float> levels(image.pixels().begin(), image.pixels().end());
      Image first;
      std::vector<float> first_floats;
      for (const sinew::Isa isa : sinew::available_isas()) {
        sinew::select_isa(isa);
        const Image out = resized(rule, image.view(), sides[2], sides[3]);
        std::vector<float> floats(out.pixels().size());
        const sinew::FloatImageView view(levels.data(), image.height(), image.width(), image.channels());
        REQUIRE(Resizer(rule).resize(view, sides[2], sides[3], floats) == Status::ok);
        if (isa == sinew::available_isas().front()) {
          first = out;
          first_floats = floats;
        }
        REQUIRE(std::ranges::equal(out.pixels(), first.pixels()));
        for (std::size_t i = 0; i < floats.size(); ++i) REQUIRE(std::abs(floats[i] - first_floats[i]) <= 1e-4F);
      }
    }
  sinew::select_isa(before);
}

TEST_CASE("resize: bands put together are the whole image") {
  const Image image = random_image(77, 93, 3, 22);
  for (const ResizeRule rule : {ResizeRule::pil_bicubic, ResizeRule::pil13_bicubic, ResizeRule::cv2_area, ResizeRule::torch_bilinear})
    for (const auto& [height, width] : {std::pair{50, 120}, {120, 40}, {77, 50}, {30, 93}, {77, 93}})
      for (const int rows : {1, 7, 28, 500}) {
        Image whole = resized(rule, image.view(), height, width);
        Image joined(height, width, 3);
        int next = 0;
        Resizer resizer(rule);
        REQUIRE(resizer.resize_bands(image.view(), height, width, rows, [&](const ImageView& band, int top) {
          CHECK(top == next);
          next = top + band.height();
          for (int y = 0; y < band.height(); ++y)
            std::copy_n(band.row(y), width * 3, joined.pixels().data() + static_cast<std::ptrdiff_t>(top + y) * width * 3);
        }) == Status::ok);
        CHECK(next == height);
        CHECK(std::ranges::equal(joined.pixels(), whole.pixels()));
      }
}

TEST_CASE("resize: float images with a value that is not finite are refused") {
  std::vector<float> values(8 * 8 * 3, 0.5F), out(4 * 4 * 3);
  const sinew::FloatImageView view(values.data(), 8, 8);
  for (const ResizeRule rule : kRules) {
    CHECK(Resizer(rule).resize(view, 4, 4, out) == Status::ok);
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      values[100] = bad;
      CHECK(Resizer(rule).resize(view, 4, 4, out) == Status::not_finite);
      values[100] = 0.5F;
    }
  }
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
