// SPDX-License-Identifier: Apache-2.0
// Camera pixels: interleaved images, owned or viewed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sinew/core/assert.hpp"

namespace sinew {

/// A view of interleaved pixels `[height, width, channels]`; rows may be padded. RGB unless a name says otherwise.
template <class Value>
class BasicImageView {
 public:
  BasicImageView() = default;
  /// `row_stride` is the distance of two rows in values; 0 means tightly packed.
  BasicImageView(const Value* data, int height, int width, int channels = 3, std::ptrdiff_t row_stride = 0) noexcept
      : data_(data),
        height_(height),
        width_(width),
        channels_(channels),
        row_stride_(row_stride != 0 ? row_stride : std::ptrdiff_t{width} * channels) {}

  [[nodiscard]] bool empty() const noexcept { return data_ == nullptr || height_ <= 0 || width_ <= 0 || channels_ <= 0; }
  [[nodiscard]] const Value* data() const noexcept { return data_; }
  [[nodiscard]] int height() const noexcept { return height_; }
  [[nodiscard]] int width() const noexcept { return width_; }
  [[nodiscard]] int channels() const noexcept { return channels_; }
  [[nodiscard]] std::ptrdiff_t row_stride() const noexcept { return row_stride_; }
  [[nodiscard]] const Value* row(int y) const noexcept { return data_ + y * row_stride_; }
  [[nodiscard]] bool packed() const noexcept { return row_stride_ == std::ptrdiff_t{width_} * channels_; }
  /// The part of `height` x `width` pixels that begins at row `top` and column `left`; it must lie inside.
  [[nodiscard]] BasicImageView crop(int top, int left, int height, int width) const noexcept {
    return {row(top) + std::ptrdiff_t{left} * channels_, height, width, channels_, row_stride_};
  }

 private:
  const Value* data_ = nullptr;
  int height_ = 0;
  int width_ = 0;
  int channels_ = 0;
  std::ptrdiff_t row_stride_ = 0;
};

using ImageView = BasicImageView<std::uint8_t>;  ///< 8-bit pixels
using FloatImageView = BasicImageView<float>;    ///< float pixels, on [0, 1] unless a name says otherwise

/// Owned, tightly packed 8-bit pixels `[height, width, channels]`. `resize` keeps the memory when it suffices.
class Image {
 public:
  Image() = default;
  Image(int height, int width, int channels = 3) { resize(height, width, channels); }
  /// Copies the pixels, dropping row padding.
  explicit Image(const ImageView& view) { assign(view); }

  void resize(int height, int width, int channels = 3);
  void assign(const ImageView& view);
  /// Takes memory for so many values ahead; the size stays.
  void reserve(std::size_t values) { pixels_.reserve(values); }

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
