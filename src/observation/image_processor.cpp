// SPDX-License-Identifier: Apache-2.0
#include "sinew/observation/image_processor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "sinew/core/error.hpp"

namespace sinew {

std::optional<ImageSize> smart_resize(ImageSize image, const Qwen3VlOptions& options) noexcept {
  if (image.height < 1 || image.width < 1) return std::nullopt;
  const double height = image.height;
  const double width = image.width;
  if (std::max(height, width) / std::min(height, width) > 200) return std::nullopt;
  const double factor = static_cast<double>(options.patch_size) * options.merge_size;
  const auto min_pixels = static_cast<double>(options.min_pixels);
  const auto max_pixels = static_cast<double>(options.max_pixels);
  double new_height = std::nearbyint(height / factor) * factor;
  double new_width = std::nearbyint(width / factor) * factor;
  if (new_height * new_width > max_pixels) {
    const double beta = std::sqrt(height * width / max_pixels);
    new_height = std::max(factor, std::floor(height / beta / factor) * factor);
    new_width = std::max(factor, std::floor(width / beta / factor) * factor);
  } else if (new_height * new_width < min_pixels) {
    const double beta = std::sqrt(min_pixels / (height * width));
    new_height = std::ceil(height * beta / factor) * factor;
    new_width = std::ceil(width * beta / factor) * factor;
  }
  constexpr double kMost = 1 << 30;
  if (new_height > kMost || new_width > kMost) return std::nullopt;
  return ImageSize{static_cast<int>(new_height), static_cast<int>(new_width)};
}

namespace {

void require(bool condition, std::string_view what, std::string_view expected, double got) {
  if (!condition) fail(ErrorCode::invalid_argument, {"Qwen3VlProcessor", what, expected, fmt::format("{}", got), ""});
}

}  // namespace

Qwen3VlProcessor::Qwen3VlProcessor(const Qwen3VlOptions& options) : options_(options), resizer_(options.rule) {
  const auto small = [](int value, std::string_view what) { require(value >= 1 && value <= 256, what, "1 to 256", value); };
  small(options.patch_size, "patch_size");
  small(options.merge_size, "merge_size");
  small(options.temporal_patch_size, "temporal_patch_size");
  require(options.min_pixels >= 1, "min_pixels", "at least 1", static_cast<double>(options.min_pixels));
  require(options.max_pixels >= options.min_pixels, "max_pixels", "at least min_pixels", static_cast<double>(options.max_pixels));
  require(std::isfinite(options.rescale_factor) && options.rescale_factor > 0, "rescale_factor", "a finite number above 0",
          options.rescale_factor);
  for (std::size_t c = 0; c < 3; ++c) {
    const auto mean = static_cast<float>(options.mean[c]);
    const auto deviation = static_cast<float>(options.std[c]);
    require(std::isfinite(mean), "mean", "finite values", options.mean[c]);
    require(std::isfinite(deviation) && deviation > 0, "std", "finite values above 0", options.std[c]);
    for (std::size_t level = 0; level < 256; ++level) {
      // One rounding to float after the rescaling in double, then float arithmetic: the order of the reference.
      const auto rescaled = static_cast<float>(static_cast<double>(level) * options.rescale_factor);
      levels_[c][level] = (rescaled - mean) / deviation;
    }
  }
  row_length_ =
      3 * static_cast<std::size_t>(options.temporal_patch_size) * static_cast<std::size_t>(options.patch_size * options.patch_size);
}

std::optional<PatchGrid> Qwen3VlProcessor::grid(ImageSize image) const noexcept {
  if (image.height > Resizer::kMaxSide || image.width > Resizer::kMaxSide) return std::nullopt;
  const auto size = smart_resize(image, options_);
  if (!size || size->height > Resizer::kMaxSide || size->width > Resizer::kMaxSide) return std::nullopt;
  return PatchGrid{1, size->height / options_.patch_size, size->width / options_.patch_size};
}

Status Qwen3VlProcessor::process(const ImageView& image, std::span<float> pixel_values) noexcept {
  if (image.empty() || image.channels() != 3) return Status::bad_shape;
  const auto patches = grid({image.height(), image.width()});
  if (!patches || pixel_values.size() != patches->patches() * row_length_) return Status::bad_shape;
  const int height = patches->height * options_.patch_size;
  const int width = patches->width * options_.patch_size;
  if (height == image.height() && width == image.width()) {
    write_patches(image, pixel_values.data());
    return Status::ok;
  }
  const Status status = resizer_.resize(image, height, width, resized_);
  if (status == Status::ok) write_patches(resized_.view(), pixel_values.data());
  return status;
}

void Qwen3VlProcessor::write_patches(const ImageView& image, float* out) const noexcept {
  const int patch = options_.patch_size;
  const int block = patch * options_.merge_size;
  const auto plane = static_cast<std::size_t>(patch) * static_cast<std::size_t>(patch);
  const auto copies = static_cast<std::size_t>(options_.temporal_patch_size);
  const auto write_patch = [&](int top, int left) {
    for (std::size_t c = 0; c < 3; ++c) {
      const auto& levels = levels_[c];
      float* first = out;
      for (int y = 0; y < patch; ++y) {
        const std::uint8_t* pixel = image.row(top + y) + static_cast<std::ptrdiff_t>(left) * 3 + static_cast<std::ptrdiff_t>(c);
        for (int x = 0; x < patch; ++x) *out++ = levels[pixel[x * 3]];
      }
      for (std::size_t copy = 1; copy < copies; ++copy, out += plane) std::memcpy(out, first, plane * sizeof(float));
    }
  };
  for (int block_top = 0; block_top < image.height(); block_top += block)
    for (int block_left = 0; block_left < image.width(); block_left += block)
      for (int top = block_top; top < block_top + block; top += patch)
        for (int left = block_left; left < block_left + block; left += patch) write_patch(top, left);
}

}  // namespace sinew
