// SPDX-License-Identifier: Apache-2.0
// Convolutions and pooling of CpuOps.
#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "activate_rows.hpp"
#include "cpu_checks.hpp"
#include "cpu_parallel.hpp"
#include "kernels/matrix.hpp"
#include "kernels/rows.hpp"
#include "sinew/backend/cpu/cpu_ops.hpp"

namespace sinew {

using detail::as_size;
using detail::kPanel;
using detail::matrix_kernels;
using detail::require;
using detail::row_kernels;

namespace {

constexpr std::int64_t kImageBand = std::int64_t{384} << 10;  // bytes of an image at a time: they stay in the second cache

bool fits(const nn::Window& window) noexcept {
  return window.size > 0 && window.stride > 0 && window.padding >= 0 && window.padding < window.size;
}

/// Rows `[pixels, channels]` with zeros behind the channels of each pixel.
RowSource widened(const RowSource& source, std::int64_t channels, std::int64_t padded) {
  const std::int64_t pixels = source.columns / channels;
  return {.rows = source.rows, .columns = pixels * padded, .read = [=](std::int64_t first, std::int64_t count, DType as, std::byte* out) {
            const std::size_t number = size_of(as), from = as_size(channels) * number, to = as_size(padded) * number;
            std::vector<std::byte> narrow(as_size(count * pixels) * from);
            source.read(first, count, as, narrow.data());
            std::memset(out, 0, as_size(count * pixels) * to);
            for (std::size_t i = 0; i < as_size(count * pixels); ++i) std::memcpy(out + i * to, narrow.data() + i * from, from);
          }};
}

/// Lines of an image with its padding, as the kernels take them.
struct Lines {
  std::int64_t height, width, channels, padded, padding;
  std::int64_t bytes;  ///< of a number
  float* spread;       ///< a line of `padded` channels, where there are more than the image has

  [[nodiscard]] std::int64_t numbers() const noexcept { return (width + 2 * padding) * padded; }

  /// Line y of the image at `image`, which may lie outside it.
  void write(const float* image, std::int64_t y, std::byte* to) const noexcept {
    const std::size_t edge = as_size(padding * padded * bytes), inside = as_size(width * padded);
    if (y < 0 || y >= height) {
      std::memset(to, 0, as_size(numbers() * bytes));
      return;
    }
    const float* from = image + y * width * channels;
    if (padded != channels) {
      for (std::int64_t x = 0; x < width; ++x) {
        std::copy_n(from + x * channels, channels, spread + x * padded);
        std::fill_n(spread + x * padded + channels, padded - channels, 0.0F);
      }
      from = spread;
    }
    std::memset(to, 0, edge);
    if (bytes == 2)
      row_kernels().narrow_bf16(from, inside, reinterpret_cast<std::uint16_t*>(to + edge));
    else
      std::memcpy(to + edge, from, inside * sizeof(float));
    std::memset(to + edge + inside * as_size(bytes), 0, edge);
  }
};

/// How lines of a result are divided, so that what each band reads of the image stays in the second cache; all are of nearly equal height.
struct Bands {
  std::int64_t lines;       ///< of the result
  std::int64_t count;       ///< bands
  std::int64_t line_bytes;  ///< of the image
  std::int64_t bytes;       ///< for a band's lines of the image

  Bands(const Lines& image, const nn::Window& window, std::int64_t of_result)
      : lines(of_result), line_bytes(image.numbers() * image.bytes) {
    const std::int64_t fit = (std::max<std::int64_t>(kImageBand / line_bytes, window.size) - window.size) / window.stride + 1;
    count = (lines + fit - 1) / fit;
    const std::int64_t most = (lines + count - 1) / count;
    bytes = (((most - 1) * window.stride + window.size) * line_bytes + 63) / 64 * 64;
  }
  [[nodiscard]] std::int64_t first(std::int64_t band) const noexcept { return band * lines / count; }
};

}  // namespace

CpuFilter CpuOps::filter(const RowSource& source, const nn::Window& window) {
  require(fits(window) && source.rows > 0 && source.columns > 0 && source.columns % (window.size * window.size) == 0, "filter",
          "a window with less padding than its size, columns for each of its pixels");
  CpuFilter filter{.matrix = {}, .window = window, .channels = source.columns / (window.size * window.size), .padded = 0};
  const bool odd = options_.weights == DType::bf16 && filter.channels % 2 != 0;
  filter.padded = filter.channels + (odd ? 1 : 0);
  filter.matrix = matrix(odd ? widened(source, filter.channels, filter.padded) : source);
  return filter;
}

CpuTensor CpuOps::convolution(const Tensor& x, const Filter& filter, const Parameter* bias, const Tensor* residual,
                              nn::Activation activation) {
  check(x, "convolution");
  const nn::Window& window = filter.window;
  const CpuMatrix& matrix = filter.matrix;
  require(x.rank_ == 4 && x.dense() && x.width() == filter.channels, "convolution", "dense images [b, h, w, channels of the filter]");
  require(bias == nullptr || static_cast<std::int64_t>(bias->shape.count()) == matrix.outputs, "convolution",
          "a bias of the filter's outputs");
  const std::int64_t images = x.size(0), lines = window.places(x.size(1)), columns = window.places(x.size(2));
  require(lines > 0 && columns > 0, "convolution", "images as large as the window");
  const std::array sizes{images, lines, columns, matrix.outputs};
  if (residual != nullptr) {
    check(*residual, "convolution");
    require(residual->dense() && residual->shape() == Shape(std::span<const std::int64_t>(sizes)), "convolution",
            "a dense residual of the shape of the result");
  }
  const Tensor out = make(sizes);
  if (images == 0) return out;
  const Scope scratch(*this);
  const bool bf16 = matrix.dtype == DType::bf16;
  const auto& kernels = matrix_kernels();
  Lines image{.height = x.size(1),
              .width = x.size(2),
              .channels = filter.channels,
              .padded = filter.padded,
              .padding = window.padding,
              .bytes = bf16 ? kernels.image_bytes : 4,
              .spread = nullptr};
  const Bands bands(image, window, lines);
  const std::int64_t spread = filter.padded == filter.channels ? 0 : (image.width * filter.padded * 4 + 63) / 64 * 64;
  const std::int64_t items = images * bands.count;
  const std::int64_t parts = threads_ == nullptr ? 1 : std::min<std::int64_t>(items, threads_->threads());
  std::byte* const memory = arena_.allocate(as_size(parts * (bands.bytes + spread)));
  const auto work = [&](std::int64_t part) noexcept {
    std::byte* const band = memory + part * (bands.bytes + spread);
    Lines mine = image;
    mine.spread = reinterpret_cast<float*>(band + bands.bytes);
    for (std::int64_t item = items * part / parts; item < items * (part + 1) / parts; ++item) {
      const std::int64_t b = item / bands.count, first = bands.first(item % bands.count),
                         count = bands.first(item % bands.count + 1) - first;
      for (std::int64_t i = 0; i < (count - 1) * window.stride + window.size; ++i)
        mine.write(x.data_ + b * x.stride(0), first * window.stride - window.padding + i, band + i * bands.line_bytes);
      const std::int64_t at = b * out.stride(0) + first * out.stride(1);
      const detail::ConvolutionRows rows{.image = band,
                                         .line = image.numbers(),
                                         .line_step = window.stride,
                                         .step = window.stride * filter.padded,
                                         .window = window.size,
                                         .depth = window.size * filter.padded,
                                         .weight = {matrix.panels.data(), matrix.outputs, matrix.inputs},
                                         .first = 0,
                                         .last = (matrix.outputs + kPanel - 1) / kPanel,
                                         .bias = bias == nullptr ? nullptr : reinterpret_cast<const float*>(bias->values.data()),
                                         .residual = residual == nullptr ? nullptr : residual->data_ + at,
                                         .relu = activation == nn::Activation::relu,
                                         .out = out.data_ + at,
                                         .lines = count,
                                         .columns = columns};
      (bf16 ? kernels.convolution_bf16 : kernels.convolution_f32)(rows);
      if (activation != nn::Activation::relu)
        detail::activate_rows(activation, rows.out, columns * matrix.outputs, count, columns * matrix.outputs);
    }
  };
  in_parallel(parts, 2.0 * static_cast<double>(out.count()) * static_cast<double>(matrix.inputs), work);
  return out;
}

CpuTensor CpuOps::max_pool(const Tensor& x, const nn::Window& window) {
  check(x, "max_pool");
  require(x.rank_ == 4 && x.dense() && fits(window) && 2 * window.padding <= window.size && window.places(x.size(1)) > 0 &&
              window.places(x.size(2)) > 0,
          "max_pool", "dense images [b, h, w, c] as large as the window, padding of at most half its size");
  const std::int64_t height = x.size(1), width = x.size(2), channels = x.size(3);
  const Tensor out = make(std::array{x.size(0), window.places(height), window.places(width), channels});
  if (out.count() == 0) return out;
  const Scope scratch(*this);
  auto* const line = reinterpret_cast<float*>(arena_.allocate(as_size(width * channels) * sizeof(float)));
  const auto range = [&window](std::int64_t place, std::int64_t side) {
    const std::int64_t first = place * window.stride - window.padding;
    return std::array{std::max<std::int64_t>(first, 0), std::min(first + window.size, side)};
  };
  float* to = out.data_;
  for (std::int64_t row = 0; row < out.size(0) * out.size(1); ++row) {
    const auto [top, bottom] = range(row % out.size(1), height);
    const float* from = x.data_ + row / out.size(1) * x.stride(0);
    std::copy_n(from + top * width * channels, width * channels, line);
    for (std::int64_t y = top + 1; y < bottom; ++y) row_kernels().larger(from + y * width * channels, as_size(width * channels), line);
    for (std::int64_t place = 0; place < out.size(2); ++place, to += channels) {
      const auto [left, right] = range(place, width);
      std::copy_n(line + left * channels, channels, to);
      for (std::int64_t column = left + 1; column < right; ++column) row_kernels().larger(line + column * channels, as_size(channels), to);
    }
  }
  return out;
}

}  // namespace sinew
