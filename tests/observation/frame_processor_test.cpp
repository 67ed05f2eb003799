// SPDX-License-Identifier: Apache-2.0
// Shapes, refusals and memory of frame processors; python/tests/test_image_processors.py compares the pixels.
#include "sinew/observation/frame_processor.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/testing/no_alloc.hpp"
#include "test_seed.hpp"

using namespace sinew;

namespace {

constexpr std::array kFamilies = {
    "openpi",    "pi0",       "pi05",      "pi0_lerobot04", "pi05_lerobot04",           "smolvla", "openvla",  "openvla_oft",
    "groot_n15", "groot_n16", "groot_n17", "act",           "groot_n17_albumentations", "starvla", "diffusion"};

Image noise(int height, int width, std::uint64_t stream) {
  sinew::testing::Random random(stream);
  Image image(height, width);
  for (auto& value : image.pixels()) value = static_cast<std::uint8_t>(random.below(256));
  return image;
}

/// Either kind of result, as bytes.
struct Result {
  std::vector<float> floats;
  std::vector<std::uint8_t> levels;
  friend bool operator==(const Result&, const Result&) = default;
};

Status run(FrameProcessor& processor, const ImageView& frame, Result& out) {
  const std::size_t count = processor.output_shape(frame.height(), frame.width()).count();
  if (processor.dtype() == DType::f32) {
    out.floats.resize(count);
    return processor.process(frame, std::span(out.floats));
  }
  out.levels.resize(count);
  return processor.process(frame, std::span(out.levels));
}

}  // namespace

TEST_CASE("frame processor: every family has a reference and its own shape") {
  for (const char* name : kFamilies) {
    CAPTURE(name);
    const FrameProcessor processor(frame_recipe(name));
    CHECK(processor.recipe().reference.size() > 10);
  }
  const auto shape = [](const char* name) { return FrameProcessor(frame_recipe(name)).output_shape(480, 640); };
  CHECK(shape("openpi") == Shape{224, 224, 3});
  CHECK(shape("pi05") == Shape{3, 224, 224});
  CHECK(shape("smolvla") == Shape{3, 512, 512});
  CHECK(shape("openvla_oft") == Shape{6, 224, 224});
  CHECK(shape("groot_n16") == Shape{224, 224, 3});
  CHECK(shape("groot_n17") == Shape{3, 256, 256});
  CHECK(shape("act") == Shape{3, 480, 640});
  // What LeRobot makes of the checkpoint's own recipe for a frame of 640 x 480.
  const FrameOptions own{.letterbox = false, .crop_fraction = 0.95};
  CHECK(FrameProcessor(frame_recipe("groot_n17_albumentations", own)).output_shape(480, 640) == Shape{256, 340, 3});
}

TEST_CASE("frame processor: nothing is allocated after the first frame, and the second has the same bytes") {
  REQUIRE(sinew::testing::counting_works());
  const Image image = noise(120, 160, 1);
  for (const char* name : kFamilies) {
    CAPTURE(name);
    FrameProcessor processor(frame_recipe(name, {.rotate_180 = true}));
    Result first, second;
    REQUIRE(run(processor, image.view(), first) == Status::ok);
    REQUIRE(run(processor, image.view(), second) == Status::ok);
    const sinew::testing::HeapCallCounter counter;
    REQUIRE(run(processor, image.view(), second) == Status::ok);
    CHECK(counter.count() == 0);
    CHECK(first == second);
    CHECK((first.floats.size() > 1000 || first.levels.size() > 1000));
  }
}

TEST_CASE("frame processor: steps that run together give what they give one by one") {
  const auto bytes_of = [](std::vector<FrameStep> steps, bool channels_first, const Image& frame) {
    FrameProcessor processor({.reference = "test", .steps = std::move(steps), .channels_first = channels_first});
    Result result;
    REQUIRE(run(processor, frame.view(), result) == Status::ok);
    const Shape shape = processor.output_shape(frame.height(), frame.width());
    return std::pair(result.levels, shape);
  };
  const ResizeStep cubic{ResizeRule::torch_bicubic_antialias, 64, 64};
  const std::vector<std::vector<FrameStep>> recipes = {
      {SquareStep{}, cubic, CropFractionStep{0.9, SideRounding::round}, cubic},
      {SquareStep{}, ShortestEdgeStep{ResizeRule::cv2_area, 40}, CropFractionStep{0.8, SideRounding::truncate}},
      {ShortestEdgeStep{ResizeRule::cv2_area, 40}, CropStep{32, 36, CropRounding::torchvision}, SquareStep{}, SquareStep{}},
      {TurnStep{}, SquareStep{}, CropStep{41, 43, CropRounding::floor}, cubic, CropStep{31, 33, CropRounding::torchvision}}};
  for (const auto& [height, width] : {std::pair{90, 120}, {121, 75}, {64, 64}, {50, 60}})
    for (const auto& steps : recipes) {
      Image one_by_one = noise(height, width, 5);
      for (const FrameStep& step : steps) {
        const auto [levels, shape] = bytes_of({step}, false, one_by_one);
        one_by_one = Image(static_cast<int>(shape[0]), static_cast<int>(shape[1]));
        std::ranges::copy(levels, one_by_one.pixels().begin());
      }
      const Image frame = noise(height, width, 5);
      CHECK(std::ranges::equal(bytes_of(steps, false, frame).first, one_by_one.pixels()));
      CHECK(bytes_of(steps, true, frame).first == bytes_of({}, true, one_by_one).first);
    }
}

TEST_CASE("frame processor: a moved processor works on") {
  const Image image = noise(50, 60, 2);
  FrameProcessor processor(frame_recipe("openvla"));
  Result before, after;
  REQUIRE(run(processor, image.view(), before) == Status::ok);
  FrameProcessor moved = std::move(processor);
  REQUIRE(run(moved, image.view(), after) == Status::ok);
  CHECK(before == after);
}

TEST_CASE("frame processor: frames and outputs that do not fit are refused") {
  const Image image = noise(50, 60, 3);
  FrameProcessor floats(frame_recipe("openpi"));
  std::vector<float> out(224 * 224 * 3);
  std::vector<std::uint8_t> levels(224 * 224 * 3);
  CHECK(floats.process(image.view(), std::span(out)) == Status::ok);
  CHECK(floats.process(image.view(), std::span(levels)) == Status::bad_shape);
  CHECK(floats.process(image.view(), std::span(out).first(10)) == Status::bad_shape);
  CHECK(floats.process(ImageView(), std::span(out)) == Status::bad_shape);
  CHECK(floats.process(Image(8, 8, 1).view(), std::span(out)) == Status::bad_shape);
  CHECK(floats.output_shape(0, 10) == Shape{0, 0, 0});
  CHECK(floats.output_shape(10, 9000) == Shape{0, 0, 0});
  CHECK(floats.output_shape(1, 900) == Shape{0, 0, 0});  // no row would be left
  FrameProcessor starvla(frame_recipe("starvla"));
  CHECK(starvla.process(image.view(), std::span(out)) == Status::bad_shape);
  CHECK(starvla.process(image.view(), std::span(levels)) == Status::ok);
  FrameProcessor crop(frame_recipe("diffusion", {.crop_height = 55, .crop_width = 20}));
  CHECK(crop.process(image.view(), std::span<float>()) == Status::bad_shape);
}

TEST_CASE("frame recipe: what cannot be run is refused at set-up") {
  CHECK_THROWS_WITH_AS(static_cast<void>(frame_recipe("pi06")), doctest::Contains("did you mean"), Error);
  CHECK_THROWS_AS(static_cast<void>(frame_recipe("openpi", {.height = 9000})), Error);
  CHECK_THROWS_AS(static_cast<void>(frame_recipe("groot_n17", {.crop_fraction = 1.5})), Error);
  CHECK_THROWS_AS(FrameProcessor({.steps = {ResizeStep{}}}), Error);
  CHECK_THROWS_AS(FrameProcessor({.steps = {CropFractionStep{0.0}}}), Error);
  CHECK_THROWS_AS(FrameProcessor({.steps = {SquareStep{}}, .on_floats = true, .scale = PixelScale::unit}), Error);
  CHECK_THROWS_AS(FrameProcessor({.on_floats = true}), Error);
  CHECK_THROWS_AS(FrameProcessor({.scale = PixelScale::mean_std}), Error);
  CHECK_THROWS_AS(FrameProcessor({.scale = PixelScale::mean_std, .normalizations = {MeanStd{.std = {1, 0, 1}}}}), Error);
}
