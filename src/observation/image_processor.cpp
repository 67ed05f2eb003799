// SPDX-License-Identifier: Apache-2.0
#include "sinew/observation/image_processor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernels/kernels.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"

namespace sinew {

namespace {

constexpr double kMostSide = 1 << 30;
constexpr std::size_t kMostTemporal = 256;  // temporal_patch_size
constexpr std::size_t kMostFrames = 1 << 16;

/// The size for `frames` frames, which count as `rounded` when they are compared with the bounds. In the reference's order of operations.
std::optional<ImageSize> fit_bounds(ImageSize image, double rounded, double frames, const QwenVlOptions& options) noexcept {
  const double height = image.height;
  const double width = image.width;
  if (std::max(height, width) / std::min(height, width) > 200) return std::nullopt;
  const double factor = static_cast<double>(options.patch_size) * options.merge_size;
  const auto min_pixels = static_cast<double>(options.min_pixels);
  const auto max_pixels = static_cast<double>(options.max_pixels);
  double new_height = std::nearbyint(height / factor) * factor;
  double new_width = std::nearbyint(width / factor) * factor;
  if (rounded * new_height * new_width > max_pixels) {
    const double beta = std::sqrt(frames * height * width / max_pixels);
    new_height = std::max(factor, std::floor(height / beta / factor) * factor);
    new_width = std::max(factor, std::floor(width / beta / factor) * factor);
  } else if (rounded * new_height * new_width < min_pixels) {
    const double beta = std::sqrt(min_pixels / (frames * height * width));
    new_height = std::ceil(height * beta / factor) * factor;
    new_width = std::ceil(width * beta / factor) * factor;
  }
  if (new_height > kMostSide || new_width > kMostSide || new_height < factor || new_width < factor) return std::nullopt;
  return ImageSize{static_cast<int>(new_height), static_cast<int>(new_width)};
}

}  // namespace

std::optional<ImageSize> smart_resize(ImageSize image, const QwenVlOptions& options) noexcept {
  if (image.height < 1 || image.width < 1) return std::nullopt;
  return fit_bounds(image, 1, 1, options);
}

std::optional<ImageSize> smart_resize_video(int frames, ImageSize frame, const QwenVlOptions& options) noexcept {
  if (frames < 1 || frame.height < 1 || frame.width < 1) return std::nullopt;
  if (options.video_bounds == VideoBounds::frame) return smart_resize(frame, options);
  const int factor = options.patch_size * options.merge_size;
  if (frame.height < factor || frame.width < factor) {
    const double scale = std::max(static_cast<double>(factor) / frame.height, static_cast<double>(factor) / frame.width);
    if (std::max(frame.height, frame.width) * scale > kMostSide) return std::nullopt;
    frame = {static_cast<int>(frame.height * scale), static_cast<int>(frame.width * scale)};
  }
  // The reference rounds the frames to whole temporal patches for the comparison, but not for the ratio.
  const double temporal = options.temporal_patch_size;
  return fit_bounds(frame, std::nearbyint(frames / temporal) * temporal, frames, options);
}

QwenVlOptions qwen_vl_options(std::string_view generation) {
  constexpr std::array<std::string_view, 4> kGenerations = {"qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_5"};
  const auto found = std::find(kGenerations.begin(), kGenerations.end(), generation);
  if (found == kGenerations.end()) {
    const auto near = nearest_name(generation, kGenerations);
    fail(ErrorCode::unsupported, {"qwen_vl_options", "generation", "one of " + join_names(kGenerations), quote(generation),
                                  near.empty() ? "" : fmt::format("did you mean '{}'?", near)});
  }
  if (found - kGenerations.begin() >= 2) return {};
  return {.patch_size = 14,
          .min_pixels = 56 * 56,
          .max_pixels = 28 * 28 * 1280,
          .mean = {0.48145466, 0.4578275, 0.40821073},
          .std = {0.26862954, 0.26130258, 0.27577711},
          .video_bounds = VideoBounds::frame};
}

namespace {

void require(bool condition, std::string_view what, std::string_view expected, double got) {
  if (!condition) fail(ErrorCode::invalid_argument, {"QwenVlProcessor", what, expected, fmt::format("{}", got), ""});
}

}  // namespace

QwenVlProcessor::QwenVlProcessor(const QwenVlOptions& options) : options_(options), resizer_(options.rule) {
  const auto small = [](int value, std::string_view what) { require(value >= 1 && value <= 256, what, "1 to 256", value); };
  small(options.patch_size, "patch_size");
  small(options.merge_size, "merge_size");
  small(options.temporal_patch_size, "temporal_patch_size");
  require(options.min_pixels >= 1, "min_pixels", "at least 1", static_cast<double>(options.min_pixels));
  require(options.max_pixels >= options.min_pixels, "max_pixels", "at least min_pixels", static_cast<double>(options.max_pixels));
  require(std::isfinite(options.rescale_factor) && options.rescale_factor > 0, "rescale_factor", "a finite number above 0",
          options.rescale_factor);
  for (std::size_t c = 0; c < 3; ++c) {
    const auto deviation = static_cast<float>(options.std[c]);
    require(std::isfinite(static_cast<float>(options.mean[c])), "mean", "finite values", options.mean[c]);
    require(std::isfinite(deviation) && deviation > 0, "std", "finite values above 0", options.std[c]);
  }
  copies_ = options.layout == PatchLayout::hugging_face ? options.temporal_patch_size : 1;
  row_length_ = 3 * static_cast<std::size_t>(copies_) * static_cast<std::size_t>(options.patch_size * options.patch_size);
  resized_.resize(static_cast<std::size_t>(options.temporal_patch_size));
  build_levels();
}

/// The 256 values of each channel in the reference's order of rounding, and whether a kernel's arithmetic gives just these.
void QwenVlProcessor::build_levels() {
  const bool torch = options_.normalization == QwenNormalization::torch;
  const double factor = torch ? 1.0 : options_.rescale_factor;
  const auto scale = static_cast<float>(1.0 / options_.rescale_factor);
  factor_[0] = static_cast<float>(factor);
  factor_[1] = static_cast<float>(factor - static_cast<double>(factor_[0]));
  for (std::size_t c = 0; c < 3; ++c) {
    mean_[c] = static_cast<float>(options_.mean[c]) * (torch ? scale : 1.0F);
    deviation_[c] = static_cast<float>(options_.std[c]) * (torch ? scale : 1.0F);
    for (std::size_t level = 0; level < 256; ++level)
      levels_[c][level] = (static_cast<float>(static_cast<double>(level) * factor) - mean_[c]) / deviation_[c];
  }
  for (const Isa isa : available_isas()) {
    bool same = true;
    for (std::size_t c = 0; c < 3 && same; ++c) {
      std::array<float, 256> computed{};
      same = detail::observation_kernels(isa).normalize(kernel_levels(), static_cast<int>(c), computed.data()) && computed == levels_[c];
    }
    arithmetic_[static_cast<std::size_t>(isa)] = same;
  }
}

detail::Levels QwenVlProcessor::kernel_levels() const noexcept {
  detail::Levels levels{.table = levels_[0].data(),
                        .factor = {factor_[0], factor_[1]},
                        .mean = {},
                        .deviation = {},
                        .reciprocal = {},
                        .arithmetic = arithmetic_[static_cast<std::size_t>(active_isa())]};
  for (std::size_t c = 0; c < 3; ++c) {
    levels.mean[c] = mean_[c];
    levels.deviation[c] = deviation_[c];
    levels.reciprocal[c] = 1.0F / deviation_[c];
  }
  return levels;
}

std::optional<PatchGrid> QwenVlProcessor::grid_of(const std::optional<ImageSize>& size, int temporal) const noexcept {
  if (!size || size->height > Resizer::kMaxSide || size->width > Resizer::kMaxSide) return std::nullopt;
  return PatchGrid{temporal, size->height / options_.patch_size, size->width / options_.patch_size};
}

std::optional<PatchGrid> QwenVlProcessor::grid(ImageSize image) const noexcept {
  if (image.height > Resizer::kMaxSide || image.width > Resizer::kMaxSide) return std::nullopt;
  return grid_of(smart_resize(image, options_), 1);
}

std::optional<PatchGrid> QwenVlProcessor::video_grid(int frames, ImageSize frame) const noexcept {
  if (frames < 1 || frame.height > Resizer::kMaxSide || frame.width > Resizer::kMaxSide) return std::nullopt;
  const int temporal = (frames - 1) / options_.temporal_patch_size + 1;
  return grid_of(smart_resize_video(frames, frame, options_), temporal);
}

/// One band of blocks; `frames` has one view, or one for each temporal slot.
void QwenVlProcessor::write_band(std::span<const ImageView> frames, float* out) const noexcept {
  std::array<const std::uint8_t*, kMostTemporal> rows{};
  for (std::size_t i = 0; i < frames.size(); ++i) rows[i] = frames[i].data();
  const detail::Levels levels = kernel_levels();
  detail::observation_kernels().patches({.frames = rows.data(),
                                         .stride = frames[0].row_stride(),
                                         .frame_count = static_cast<int>(frames.size()),
                                         .width = frames[0].width(),
                                         .patch = options_.patch_size,
                                         .merge = options_.merge_size,
                                         .temporal = copies_,
                                         .levels = &levels,
                                         .out = out});
}

Status QwenVlProcessor::process(const ImageView& image, std::span<float> pixel_values) noexcept {
  if (image.empty() || image.channels() != 3) return Status::bad_shape;
  const auto patches = grid({image.height(), image.width()});
  if (!patches || pixel_values.size() != patches->patches() * row_length_) return Status::bad_shape;
  const int height = patches->height * options_.patch_size, width = patches->width * options_.patch_size;
  const std::size_t row_values = static_cast<std::size_t>(patches->width) * row_length_;
  return resizer_.resize_bands(image, height, width, options_.patch_size * options_.merge_size, [&](const ImageView& band, int top) {
    write_band({&band, 1}, pixel_values.data() + static_cast<std::size_t>(top / options_.patch_size) * row_values);
  });
}

Status QwenVlProcessor::process(std::span<const ImageView> images, std::span<float> pixel_values) noexcept {
  for (const ImageView& image : images) {
    const auto patches = grid({image.height(), image.width()});
    const std::size_t size = patches ? patches->patches() * row_length_ : 0;
    if (size == 0 || size > pixel_values.size()) return Status::bad_shape;
    if (const Status status = process(image, pixel_values.first(size)); status != Status::ok) return status;
    pixel_values = pixel_values.subspan(size);
  }
  return pixel_values.empty() ? Status::ok : Status::bad_shape;
}

Status QwenVlProcessor::process_video(std::span<const ImageView> frames, std::span<float> pixel_values) noexcept {
  if (frames.empty() || frames.size() > kMostFrames || options_.layout != PatchLayout::hugging_face) return Status::bad_shape;
  const ImageSize size{frames[0].height(), frames[0].width()};
  for (const ImageView& frame : frames)
    if (frame.empty() || frame.channels() != 3 || ImageSize{frame.height(), frame.width()} != size) return Status::bad_shape;
  const auto patches = video_grid(static_cast<int>(frames.size()), size);
  if (!patches || pixel_values.size() != patches->patches() * row_length_) return Status::bad_shape;
  const int height = patches->height * options_.patch_size, width = patches->width * options_.patch_size;
  const int block = options_.patch_size * options_.merge_size;
  float* out = pixel_values.data();
  for (std::size_t first = 0; first < frames.size(); first += resized_.size()) {
    for (std::size_t slot = 0; slot < resized_.size(); ++slot) {
      const Status status = resizer_.resize(frames[std::min(first + slot, frames.size() - 1)], height, width, resized_[slot]);
      if (status != Status::ok) return status;
    }
    for (int top = 0; top < height; top += block, out += static_cast<std::size_t>(patches->width * options_.merge_size) * row_length_) {
      std::array<ImageView, kMostTemporal> bands{};
      for (std::size_t slot = 0; slot < resized_.size(); ++slot) bands[slot] = resized_[slot].view().crop(top, 0, block, width);
      write_band({bands.data(), resized_.size()}, out);
    }
  }
  return Status::ok;
}

}  // namespace sinew
