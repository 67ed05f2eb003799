// SPDX-License-Identifier: Apache-2.0
#include "sinew/observation/image_processor.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "random_image.hpp"
#include "sinew/core/error.hpp"
#include "sinew/core/isa.hpp"
#include "sinew/testing/no_alloc.hpp"
#include "test_seed.hpp"

namespace {

using sinew::Image;
using sinew::ImageSize;
using sinew::ImageView;
using sinew::PatchGrid;
using sinew::QwenVlOptions;
using sinew::QwenVlProcessor;
using sinew::Status;
using sinew::testing::random_image;

std::vector<float> processed(QwenVlProcessor& processor, const ImageView& image) {
  const auto grid = processor.grid({image.height(), image.width()});
  REQUIRE(grid);
  std::vector<float> values(grid->patches() * processor.row_length());
  REQUIRE(processor.process(image, values) == Status::ok);
  return values;
}

/// Where element `i` of `pixel_values` comes from, by division instead of by loops: rows are patches in blocks of merge x merge,
/// elements of a row [channel][time][y][x].
float expected_value(const Image& image, std::size_t i, const QwenVlOptions& options) {
  const auto patch = static_cast<std::size_t>(options.patch_size);
  const auto merge = static_cast<std::size_t>(options.merge_size);
  const std::size_t row_length = 3 * static_cast<std::size_t>(options.temporal_patch_size) * patch * patch;
  const std::size_t row = i / row_length;
  const std::size_t element = i % row_length;
  const std::size_t blocks_across = static_cast<std::size_t>(image.width()) / (patch * merge);
  const std::size_t block = row / (merge * merge);
  const std::size_t in_block = row % (merge * merge);
  const std::size_t y = ((block / blocks_across) * merge + in_block / merge) * patch + element / patch % patch;
  const std::size_t x = ((block % blocks_across) * merge + in_block % merge) * patch + element % patch;
  const std::size_t channel = element / (static_cast<std::size_t>(options.temporal_patch_size) * patch * patch);
  const double level = image.pixels()[(y * static_cast<std::size_t>(image.width()) + x) * 3 + channel];
  const auto rescaled = static_cast<float>(level * (1.0 / 255));
  return (rescaled - static_cast<float>(options.mean[channel])) / static_cast<float>(options.std[channel]);
}

}  // namespace

TEST_CASE("smart resize: sizes as transformers gives them") {
  const QwenVlOptions qwen3;
  CHECK(smart_resize({480, 640}, qwen3) == ImageSize{480, 640});
  CHECK(smart_resize({224, 224}, qwen3) == ImageSize{256, 256});
  CHECK(smart_resize({239, 239}, qwen3) == ImageSize{288, 288});  // 256 in exact arithmetic: the reference's doubles say 288
  CHECK(smart_resize({48, 8000}, qwen3) == ImageSize{64, 8000});  // 1.5 rounds to even, 2
  CHECK(smart_resize({80, 8000}, qwen3) == ImageSize{64, 8000});  // 2.5 rounds to even, 2
  CHECK(smart_resize({8192, 8192}, qwen3) == ImageSize{4096, 4096});
  const QwenVlOptions qwen2{.patch_size = 14, .min_pixels = 3136, .max_pixels = 1003520};
  CHECK(smart_resize({480, 640}, qwen2) == ImageSize{476, 644});
  CHECK(smart_resize({224, 224}, qwen2) == ImageSize{224, 224});
}

TEST_CASE("smart resize: refuses empty images and strips") {
  CHECK(sinew::smart_resize({1, 200}, {}));
  CHECK_FALSE(sinew::smart_resize({1, 201}, {}));
  CHECK_FALSE(sinew::smart_resize({0, 10}, {}));
  CHECK_FALSE(sinew::smart_resize({10, -1}, {}));
}

TEST_CASE("smart resize: multiples of the factor, within the bounds of pixels") {
  const QwenVlOptions options;
  sinew::testing::Random random(1);
  for (int round = 0; round < 20000; ++round) {
    const ImageSize image{1 + static_cast<int>(random.below(8192)), 1 + static_cast<int>(random.below(8192))};
    const auto size = smart_resize(image, options);
    if (!size) continue;
    CAPTURE(image.height);
    CAPTURE(image.width);
    REQUIRE(size->height % 32 == 0);
    REQUIRE(size->width % 32 == 0);
    const std::int64_t pixels = std::int64_t{size->height} * size->width;
    REQUIRE(pixels >= options.min_pixels);
    REQUIRE(pixels <= options.max_pixels);
  }
}

TEST_CASE("Qwen processor: every value is where the patch order says") {
  QwenVlOptions options;
  SUBCASE("Qwen3-VL") {}
  SUBCASE("Qwen2-VL: patch 14, CLIP's mean and deviation") {
    options = {
        .patch_size = 14, .min_pixels = 3136, .mean = {0.48145466, 0.4578275, 0.40821073}, .std = {0.26862954, 0.26130258, 0.27577711}};
  }
  const int unit = options.patch_size * options.merge_size;
  const Image image = random_image(9 * unit, 11 * unit, 3, 2);
  QwenVlProcessor processor(options);
  CHECK(processor.grid({image.height(), image.width()}) == PatchGrid{1, 18, 22});
  const auto values = processed(processor, image.view());
  for (std::size_t i = 0; i < values.size(); ++i) REQUIRE(values[i] == expected_value(image, i, options));
}

TEST_CASE("Qwen processor: another size is resized first, with Pillow's bicubic") {
  const Image image = random_image(100, 230, 3, 3);
  QwenVlProcessor processor;
  const auto size = smart_resize({100, 230}, processor.options());
  REQUIRE(size);
  Image sized;
  REQUIRE(sinew::Resizer(sinew::ResizeRule::pil_bicubic).resize(image.view(), size->height, size->width, sized) == Status::ok);
  CHECK(processed(processor, image.view()) == processed(processor, sized.view()));
}

TEST_CASE("Qwen processor: a view of padded rows gives the same patches") {
  const Image image = random_image(256, 300, 3, 4);
  const ImageView part(image.pixels().data() + 10 * 3, 256, 256, 3, 300 * 3);
  QwenVlProcessor processor;
  CHECK(processed(processor, part) == processed(processor, Image(part).view()));
}

TEST_CASE("Qwen processor: refuses other images, buffers and options") {
  QwenVlProcessor processor;
  std::vector<float> values(256 * processor.row_length());
  CHECK(processor.process(random_image(256, 256, 3, 5).view(), values) == Status::ok);
  CHECK(processor.process(random_image(256, 256, 4, 5).view(), values) == Status::bad_shape);
  CHECK(processor.process(random_image(256, 288, 3, 5).view(), values) == Status::bad_shape);
  CHECK(processor.process(ImageView(), values) == Status::bad_shape);
  CHECK_FALSE(processor.grid({8193, 100}));
  CHECK_THROWS_AS(QwenVlProcessor({.patch_size = 0}), sinew::Error);
  CHECK_THROWS_AS(QwenVlProcessor({.min_pixels = 100, .max_pixels = 99}), sinew::Error);
  CHECK_THROWS_AS(QwenVlProcessor({.std = {.5, 0, .5}}), sinew::Error);
}

TEST_CASE("Qwen processor: every instruction set gives the same bits, in both layouts") {
  const sinew::Isa before = sinew::active_isa();
  const Image image = random_image(150, 210, 3, 31);
  for (const char* generation : {"qwen2_vl", "qwen3_vl"})
    for (const auto layout : {sinew::PatchLayout::hugging_face, sinew::PatchLayout::single_frame})
      for (const auto normalization : {sinew::QwenNormalization::pillow, sinew::QwenNormalization::torch}) {
        auto options = sinew::qwen_vl_options(generation);
        options.layout = layout;
        options.normalization = normalization;
        std::vector<float> first;
        for (const sinew::Isa isa : sinew::available_isas()) {
          sinew::select_isa(isa);
          QwenVlProcessor processor(options);
          const auto values = processed(processor, image.view());
          if (first.empty()) first = values;
          CHECK(values == first);
        }
      }
  sinew::select_isa(before);
}

TEST_CASE("Qwen processor: odd patch sizes, merges and temporal slots") {
  for (const auto& [patch, merge, temporal] : {std::array{1, 1, 1}, {3, 2, 1}, {17, 1, 3}, {33, 2, 2}, {16, 3, 2}}) {
    QwenVlOptions options{.patch_size = patch, .merge_size = merge, .temporal_patch_size = temporal, .min_pixels = 1};
    const Image image = random_image(2 * patch * merge, 3 * patch * merge, 3, 32);
    QwenVlProcessor processor(options);
    const auto values = processed(processor, image.view());
    for (std::size_t i = 0; i < values.size(); ++i) REQUIRE(values[i] == expected_value(image, i, options));
  }
}

TEST_CASE("Qwen processor: several images in one call follow each other") {
  const Image first = random_image(100, 120, 3, 33), second = random_image(90, 300, 3, 34);
  QwenVlProcessor processor;
  const auto one = processed(processor, first.view()), other = processed(processor, second.view());
  std::vector<float> both(one.size() + other.size());
  const std::array views = {first.view(), second.view()};
  REQUIRE(processor.process(std::span<const ImageView>(views), both) == Status::ok);
  CHECK(std::ranges::equal(std::span(both).first(one.size()), one));
  CHECK(std::ranges::equal(std::span(both).subspan(one.size()), other));
  both.pop_back();
  CHECK(processor.process(std::span<const ImageView>(views), both) == Status::bad_shape);
}

TEST_CASE("Qwen processor: a video of one repeated frame is the image, once per temporal patch") {
  const Image frame = random_image(256, 320, 3, 35);
  QwenVlProcessor processor;
  const auto image = processed(processor, frame.view());
  const std::vector<ImageView> frames(3, frame.view());
  REQUIRE(processor.video_grid(3, {256, 320}) == PatchGrid{2, 16, 20});
  std::vector<float> values(2 * image.size());
  REQUIRE(processor.process_video(frames, values) == Status::ok);
  CHECK(std::ranges::equal(std::span(values).first(image.size()), image));
  CHECK(std::ranges::equal(std::span(values).subspan(image.size()), image));
  CHECK(processor.process_video({}, values) == Status::bad_shape);
  CHECK_FALSE(processor.video_grid(0, {256, 320}));
}

TEST_CASE("qwen_vl_options: the generations by name") {
  CHECK(sinew::qwen_vl_options("qwen2_5_vl").patch_size == 14);
  CHECK(sinew::qwen_vl_options("qwen3_5").max_pixels == 16777216);
  CHECK_THROWS_WITH_AS(static_cast<void>(sinew::qwen_vl_options("qwen3_v")), doctest::Contains("did you mean 'qwen3_vl'?"), sinew::Error);
}

TEST_CASE("Qwen processor: allocates nothing after the first image of a size") {
  REQUIRE(sinew::testing::counting_works());
  const Image image = random_image(120, 160, 3, 6);
  QwenVlProcessor processor;
  std::vector<float> values(processor.grid({120, 160})->patches() * processor.row_length());
  REQUIRE(processor.process(image.view(), values) == Status::ok);
  const sinew::testing::HeapCallCounter heap;
  CHECK(processor.process(image.view(), values) == Status::ok);
  CHECK(heap.count() == 0);
}

namespace {

constexpr const char* kConfig = R"({"size": {"longest_edge": 16777216, "shortest_edge": 65536}, "patch_size": 16,
  "temporal_patch_size": 2, "merge_size": 2, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
  "processor_class": "Qwen3VLProcessor", "image_processor_type": "Qwen2VLImageProcessorFast"})";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("preprocessor_config.json: Qwen3-VL's gives the defaults, Qwen2-VL's its own") {
  const auto qwen3 = sinew::qwen_vl_options_from_pretrained(kConfig);
  const QwenVlOptions defaults;
  CHECK(qwen3.patch_size == defaults.patch_size);
  CHECK(qwen3.min_pixels == defaults.min_pixels);
  CHECK(qwen3.max_pixels == defaults.max_pixels);
  CHECK(qwen3.mean == defaults.mean);
  CHECK(qwen3.rescale_factor == defaults.rescale_factor);
  CHECK(qwen3.rule == sinew::ResizeRule::pil_bicubic);

  const auto qwen2 = sinew::qwen_vl_options_from_pretrained(
      R"({"min_pixels": 3136, "max_pixels": 12845056, "patch_size": 14, "temporal_patch_size": 2, "merge_size": 2, "resample": 2,
          "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711],
          "rescale_factor": 0.00392156862745098, "do_resize": true, "size": null, "image_processor_type": "Qwen2VLImageProcessor"})",
      "pil13");
  CHECK(qwen2.patch_size == 14);
  CHECK(qwen2.max_pixels == 12845056);
  CHECK(qwen2.std[2] == 0.27577711);
  CHECK(qwen2.rescale_factor == 1.0 / 255);
  CHECK(qwen2.rule == sinew::ResizeRule::pil13_bilinear);
}

TEST_CASE("preprocessor_config.json: what would change the pixels unseen is refused by name") {
  const auto refuse = [](const std::string& text, const std::string& part) {
    CHECK_THROWS_WITH_AS(static_cast<void>(sinew::qwen_vl_options_from_pretrained(text)), doctest::Contains(part.c_str()), sinew::Error);
  };
  refuse(replaced(kConfig, "Qwen2VLImageProcessorFast", "CLIPImageProcessor"), "image_processor_type");
  refuse(replaced(kConfig, "\"merge_size\"", "\"merge_siz\""), "merge_size");
  refuse(replaced(kConfig, "\"patch_size\"", "\"do_pad\": true, \"patch_size\""), "do_pad");
  refuse(replaced(kConfig, "\"patch_size\"", "\"do_normalize\": false, \"patch_size\""), "do_normalize");
  refuse(replaced(kConfig, "\"patch_size\"", "\"min_pixels\": 3136, \"patch_size\""), "shortest_edge");
  refuse(replaced(kConfig, "[0.5, 0.5, 0.5]", "[0.5]"), "image_mean");
  refuse(replaced(kConfig, "\"patch_size\"", "\"resample\": 5, \"patch_size\""), "resample");
  refuse("/nowhere/at/all", "/nowhere/at/all");
  CHECK_THROWS_WITH_AS(static_cast<void>(sinew::qwen_vl_options_from_pretrained(kConfig, "pil11")), doctest::Contains("pil12"),
                       sinew::Error);
}
