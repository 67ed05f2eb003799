// SPDX-License-Identifier: Apache-2.0
// The passes over float images.
#include <algorithm>
#include <bit>
#include <cstdint>

#include "kernels/kernels.hpp"
#include "resize_state.hpp"

namespace sinew {

using detail::Arithmetic;

bool detail::all_finite(std::span<const float> values) noexcept {
  // On the bits and without leaving early, so that the compiler can use vectors.
  constexpr std::uint32_t kExponent = 0x7F800000;
  std::uint32_t found = 0;
  for (const float value : values) found |= static_cast<std::uint32_t>((std::bit_cast<std::uint32_t>(value) & kExponent) == kExponent);
  return found == 0;
}

/// Sums in double, one float per pass: Pillow's mode F.
void Resizer::State::wide_horizontal(const FloatImageView& in, int y, float* out) const {
  const auto& axis = columns_->axis;
  const int channels = in.channels();
  const double* weights = axis.wide.data();
  for (int x = 0; x < axis.out; ++x, weights += axis.taps)
    for (int c = 0; c < channels; ++c) {
      const float* value = in.row(y) + static_cast<std::ptrdiff_t>(axis.at(x)) * channels + c;
      double sum = 0;
      for (int tap = 0; tap < axis.taps; ++tap)
        sum += static_cast<double>(value[static_cast<std::ptrdiff_t>(tap) * channels]) * weights[tap];
      *out++ = static_cast<float>(sum);
    }
}

void Resizer::State::wide_vertical(int y, std::size_t count, float* out) const {
  const auto& axis = rows_->axis;
  const double* weights = axis.wide.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(axis.taps);
  for (std::size_t i = 0; i < count; ++i) {
    double sum = 0;
    for (int tap = 0; tap < axis.taps; ++tap) sum += static_cast<double>(real_pointers_[static_cast<std::size_t>(tap)][i]) * weights[tap];
    out[i] = static_cast<float>(sum);
  }
}

void Resizer::State::resize_floats(ResizeRule rule, const FloatImageView& in, int height, int width, float* out) {
  find_axes(rule, false, {height, width, {in.height(), in.width(), 0, 0}, {0, 0, height, width}});
  const auto& kernels = detail::observation_kernels();
  const bool wide = arithmetic_ == Arithmetic::wide;
  const auto& rows = rows_->axis;
  const auto& columns = columns_->axis;
  const auto channels = static_cast<std::size_t>(in.channels());
  const auto in_row = static_cast<std::size_t>(in.width()) * channels, out_row = static_cast<std::size_t>(width) * channels;
  if (arithmetic_ == Arithmetic::pick) {
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x, out += channels)
        std::copy_n(in.row(rows.at(y)) + static_cast<std::size_t>(columns.at(x)) * channels, channels, out);
    return;
  }
  real_pointers_.resize(static_cast<std::size_t>(rows.taps));
  const auto run_horizontal = [&](const FloatImageView& from, int y, float* to) {
    if (wide) return wide_horizontal(from, y, to);
    std::copy_n(from.row(y), in_row, widened_.data());
    kernels.real_horizontal({.in = widened_.data(),
                             .out = to,
                             .width = width,
                             .channels = from.channels(),
                             .first = columns.first.data(),
                             .weights = columns.real.data(),
                             .taps = columns.taps});
  };
  const auto run_vertical = [&](const float* first, std::ptrdiff_t stride, int y, std::size_t count, float* to) {
    for (int tap = 0; tap < rows.taps; ++tap) real_pointers_[static_cast<std::size_t>(tap)] = first + (rows.at(y) + tap) * stride;
    if (wide) return wide_vertical(y, count, to);
    kernels.real_vertical({.in = real_pointers_.data(),
                           .weights = rows.real.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(rows.taps),
                           .taps = rows.taps,
                           .count = count,
                           .out = to});
  };
  widened_.resize(in_row + 4);
  result_.resize(std::max(in_row, out_row) + 4);
  if (columns.trivial()) {
    for (int y = 0; y < height; ++y, out += out_row) run_vertical(in.data(), in.row_stride(), y, out_row, out);
    return;
  }
  if (rows.trivial() || vertical_first_) {
    for (int y = 0; y < height; ++y, out += out_row) {
      FloatImageView from = in;
      if (!rows.trivial()) {
        run_vertical(in.data(), in.row_stride(), y, in_row, widened_.data());
        from = FloatImageView(widened_.data(), 1, in.width(), in.channels());
      }
      run_horizontal(from, rows.trivial() ? y : 0, result_.data());
      std::copy_n(result_.data(), out_row, out);
    }
    return;
  }
  pitch_ = out_row + 4;
  reals_.resize(pitch_ * static_cast<std::size_t>(in.height()));
  int filled = 0;
  for (int y = 0; y < height; ++y, out += out_row) {
    for (filled = std::max(filled, rows.at(y) - rows.lag); filled < rows.at(y) + rows.taps; ++filled)
      run_horizontal(in, filled, reals_.data() + static_cast<std::size_t>(filled) * pitch_);
    run_vertical(reals_.data(), static_cast<std::ptrdiff_t>(pitch_), y, out_row, out);
  }
}

}  // namespace sinew
