// SPDX-License-Identifier: Apache-2.0
// Camera pixels: 8-bit interleaved images, owned or viewed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sinew/core/assert.hpp"

namespace sinew {

/// A view of 8-bit interleaved pixels `[height, width, channels]`; rows may be padded. RGB unless a name says otherwise.
class ImageView {
 public:
  ImageView() = default;
  /// `row_stride` is the distance of two rows in bytes; 0 means tightly packed.
  ImageView(const std::uint8_t* data, int height, int width, int channels = 3, std::ptrdiff_t row_stride = 0) noexcept
      : data_(data),
        height_(height),
        width_(width),
        channels_(channels),
        row_stride_(row_stride != 0 ? row_stride : std::ptrdiff_t{width} * channels) {}

  [[nodiscard]] bool empty() const noexcept { return data_ == nullptr || height_ <= 0 || width_ <= 0 || channels_ <= 0; }
  [[nodiscard]] const std::uint8_t* data() const noexcept { return data_; }
  [[nodiscard]] int height() const noexcept { return height_; }
  [[nodiscard]] int width() const noexcept { return width_; }
  [[nodiscard]] int channels() const noexcept { return channels_; }
  [[nodiscard]] std::ptrdiff_t row_stride() const noexcept { return row_stride_; }
  [[nodiscard]] const std::uint8_t* row(int y) const noexcept { return data_ + y * row_stride_; }
  [[nodiscard]] bool packed() const noexcept { return row_stride_ == std::ptrdiff_t{width_} * channels_; }

 private:
  const std::uint8_t* data_ = nullptr;
  int height_ = 0;
  int width_ = 0;
  int channels_ = 0;
  std::ptrdiff_t row_stride_ = 0;
};

/// Owned, tightly packed 8-bit pixels `[height, width, channels]`. `resize` keeps the memory when it suffices.
class Image {
 public:
  Image() = default;
  Image(int height, int width, int channels = 3) { resize(height, width, channels); }
  /// Copies the pixels, dropping row padding.
  explicit Image(const ImageView& view) { assign(view); }

  void resize(int height, int width, int channels = 3);
  void assign(const ImageView& view);

  [[nodiscard]] int height() const noexcept { return height_; }
  [[nodiscard]] int width() const noexcept { return width_; }
  [[nodiscard]] int channels() const noexcept { return channels_; }
  [[nodiscard]] bool empty() const noexcept { return pixels_.empty(); }
  [[nodiscard]] std::span<std::uint8_t> pixels() noexcept { return pixels_; }
  [[nodiscard]] std::span<const std::uint8_t> pixels() const noexcept { return pixels_; }
  [[nodiscard]] ImageView view() const noexcept { return {pixels_.data(), height_, width_, channels_}; }

 private:
  std::vector<std::uint8_t> pixels_;
  int height_ = 0;
  int width_ = 0;
  int channels_ = 0;
};

}  // namespace sinew
