// SPDX-License-Identifier: Apache-2.0
#include "sinew/observation/camera_encoder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "random_image.hpp"
#include "sinew/core/error.hpp"

namespace {

using namespace sinew;  // NOLINT(google-build-using-namespace): a test of one header

CameraCard camera(ProcessorKind kind) {
  return {.name = "front", .view = "ego", .processor = kind, .resample = "pil_bicubic", .height = 120, .width = 160};
}

}  // namespace

TEST_CASE("camera encoder: every processor that is no patches writes what FrameProcessor writes") {
  const Image frame = testing::random_image(120, 160, 3, 1);
  int kinds = 0;
  for (int kind = static_cast<int>(ProcessorKind::openpi); kind <= static_cast<int>(ProcessorKind::starvla); ++kind, ++kinds) {
    CAPTURE(to_string(static_cast<ProcessorKind>(kind)));
    CameraEncoder encoder(camera(static_cast<ProcessorKind>(kind)), std::nullopt, PatchLayout::hugging_face, "test");
    FrameProcessor processor(frame_recipe(to_string(static_cast<ProcessorKind>(kind))));
    CHECK_FALSE(encoder.grid());
    CHECK(encoder.spec().dtype == processor.dtype());
    CHECK(encoder.spec().capacity == processor.output_shape(120, 160));
    std::vector<std::byte> out(encoder.spec().capacity.count() * size_of(encoder.spec().dtype)), expected(out.size());
    REQUIRE(encoder.encode(frame.view(), out) == Status::ok);
    const Status status =
        processor.dtype() == DType::u8
            ? processor.process(frame.view(), std::span(reinterpret_cast<std::uint8_t*>(expected.data()), expected.size()))
            : processor.process(frame.view(), std::span(reinterpret_cast<float*>(expected.data()), expected.size() / sizeof(float)));
    REQUIRE(status == Status::ok);
    CHECK(out == expected);
  }
  CHECK(kinds == 15);
}

TEST_CASE("camera encoder: a rule of torch brings torch's normalisation") {
  CameraCard card = camera(ProcessorKind::qwen2_vl);
  card.resample = "torch_bicubic_antialias";
  CameraEncoder encoder(card, std::nullopt, PatchLayout::hugging_face, "test");
  const Image frame = testing::random_image(120, 160, 3, 2);
  std::vector<std::byte> out(encoder.spec().capacity.count() * sizeof(float));
  REQUIRE(encoder.encode(frame.view(), out) == Status::ok);
  auto options = qwen_vl_options("qwen2_vl");
  options.rule = ResizeRule::torch_bicubic_antialias;
  options.normalization = QwenNormalization::torch;
  std::vector<float> expected(encoder.spec().capacity.count());
  REQUIRE(QwenVlProcessor(options).process(frame.view(), expected) == Status::ok);
  CHECK(std::ranges::equal(std::span(reinterpret_cast<const float*>(out.data()), expected.size()), expected));
}

TEST_CASE("camera encoder: names the camera when a frame is no RGB image") {
  CameraEncoder encoder(camera(ProcessorKind::raw), std::nullopt, PatchLayout::hugging_face, "test");
  std::vector<std::byte> out(120 * 160 * 3);
  CHECK(encoder.encode(Image(120, 160, 1).view(), out) == Status::bad_shape);
  CHECK(encoder.last_error() == "camera 'front': expected a frame [height, width, 3], got [120, 160, 1]");
}
