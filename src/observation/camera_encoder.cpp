// SPDX-License-Identifier: Apache-2.0
#include "sinew/observation/camera_encoder.hpp"

#include <fmt/format.h>

#include <exception>
#include <utility>

#include "sinew/core/error.hpp"
#include "sinew/observation/image_ops.hpp"

namespace sinew {

namespace {

QwenVlOptions qwen_options(const CameraCard& card, const std::optional<QwenVlOptions>& given, ResizeRule rule, const std::string& place) {
  QwenVlOptions options = qwen_vl_options(to_string(card.processor));
  // Sizes that neither generation has belong to a model of one's own.
  const bool published = given && (given->patch_size == 14 || given->patch_size == 16);
  if (published && given->patch_size != options.patch_size)
    fail(ErrorCode::invalid_argument,
         {place, "patch_size of preprocessor_config.json", fmt::format("{} as {} has it", options.patch_size, to_string(card.processor)),
          std::to_string(given->patch_size), "the card names another generation"});
  if (given) options = *given;
  options.rule = rule;
  const bool torch = rule == ResizeRule::torch_bicubic_antialias || rule == ResizeRule::torch_bilinear_antialias;
  options.normalization = torch ? QwenNormalization::torch : QwenNormalization::pillow;
  return options;
}

template <class T>
std::span<T> as(std::span<std::byte> bytes) {
  return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
}

}  // namespace

CameraEncoder::CameraEncoder(const CameraCard& card, const std::optional<QwenVlOptions>& qwen, PatchLayout layout, const std::string& place)
    : card_(card), resizer_(resize_rule_from_string(card.resample, place + "/resample")) {
  const auto refuse_size = [&](std::string_view expected) {
    fail(ErrorCode::invalid_argument,
         {place + " size", std::string(to_string(card.processor)), expected, fmt::format("{} x {}", card.height, card.width), ""});
  };
  spec_ = {"image." + card.name, DType::u8, {card.height, card.width, 3}};
  if (is_qwen(card.processor)) {
    QwenVlOptions options = qwen_options(card, qwen, resizer_.rule(), place);
    options.layout = layout;
    QwenVlProcessor processor(options);
    grid_ = processor.grid({card.height, card.width});
    if (!grid_) refuse_size("sides whose ratio is at most 200");
    spec_ = {"pixel_values", DType::f32, {static_cast<std::int64_t>(grid_->patches()), static_cast<std::int64_t>(processor.row_length())}};
    processor_ = std::move(processor);
  } else if (card.processor != ProcessorKind::raw) {
    FrameProcessor processor(frame_recipe(to_string(card.processor), {}, place));
    const Shape shape = processor.output_shape(card.height, card.width);
    if (shape.count() == 0) refuse_size("a size that the processor can take");
    spec_ = {"image." + card.name, processor.dtype(), shape};
    processor_ = std::move(processor);
  }
}

int CameraEncoder::merge() const noexcept {
  const auto* qwen = std::get_if<QwenVlProcessor>(&processor_);
  return qwen != nullptr ? qwen->options().merge_size : 1;
}

Status CameraEncoder::encode(const ImageView& frame, std::span<std::byte> out) noexcept {
  error_.clear();
  if (frame.empty() || frame.channels() != 3) {
    error_.format("camera '{}': expected a frame [height, width, 3], got [{}, {}, {}]", card_.name, frame.height(), frame.width(),
                  frame.channels());
    return Status::bad_shape;
  }
  const Status status = process(frame, out);
  if (status != Status::ok)
    error_.format("camera '{}': cannot process a frame of {} x {}: {}", card_.name, frame.height(), frame.width(), to_string(status));
  return status;
}

Status CameraEncoder::process(ImageView frame, std::span<std::byte> out) noexcept {
  if (card_.rotate_180) {
    try {
      turned_.resize(frame.height(), frame.width(), frame.channels());
    } catch (const std::exception&) {
      return Status::over_capacity;
    }
    if (const Status status = turn_180(frame, turned_.pixels()); status != Status::ok) return status;
    frame = turned_.view();
  }
  const bool raw = std::holds_alternative<std::monostate>(processor_);
  if (raw) return resizer_.resize(frame, card_.height, card_.width, as<std::uint8_t>(out));
  if (frame.height() != card_.height || frame.width() != card_.width) {
    if (const Status status = resizer_.resize(frame, card_.height, card_.width, sized_); status != Status::ok) return status;
    frame = sized_.view();
  }
  if (auto* qwen = std::get_if<QwenVlProcessor>(&processor_)) return qwen->process(frame, as<float>(out));
  auto& processor = std::get<FrameProcessor>(processor_);
  return processor.dtype() == DType::u8 ? processor.process(frame, as<std::uint8_t>(out)) : processor.process(frame, as<float>(out));
}

}  // namespace sinew
