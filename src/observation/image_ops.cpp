// SPDX-License-Identifier: Apache-2.0
#include "sinew/observation/image_ops.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "kernels/kernels.hpp"
#include "resize_state.hpp"

namespace sinew {

namespace {

template <class Value>
bool fits(const BasicImageView<Value>& in, std::size_t size) noexcept {
  return !in.empty() &&
         size == static_cast<std::size_t>(in.height()) * static_cast<std::size_t>(in.width()) * static_cast<std::size_t>(in.channels());
}

template <class Value>
Status pad_any(const BasicImageView<Value>& in, const Placement& canvas, Value value, std::span<Value> out) noexcept {
  if (in.empty() || canvas.top < 0 || canvas.left < 0 || in.height() > canvas.height - canvas.top ||
      in.width() > canvas.width - canvas.left)
    return Status::bad_shape;
  const auto channels = static_cast<std::size_t>(in.channels());
  const std::size_t row_size = static_cast<std::size_t>(canvas.width) * channels;
  if (out.size() != static_cast<std::size_t>(canvas.height) * row_size) return Status::bad_shape;
  const std::size_t left = static_cast<std::size_t>(canvas.left) * channels;
  const std::size_t middle = static_cast<std::size_t>(in.width()) * channels;
  Value* row = out.data();
  row = std::fill_n(row, static_cast<std::size_t>(canvas.top) * row_size, value);
  for (int y = 0; y < in.height(); ++y) {
    row = std::fill_n(row, left, value);
    row = std::copy_n(in.row(y), middle, row);
    row = std::fill_n(row, row_size - left - middle, value);
  }
  std::fill(row, out.data() + out.size(), value);
  return Status::ok;
}

/// `channels` at compile time where that is worth it; 0 takes the image's.
template <int channels, class Value>
void turn_rows(const BasicImageView<Value>& in, Value* to) noexcept {
  const int count = channels > 0 ? channels : in.channels();
  for (int y = in.height() - 1; y >= 0; --y) {
    const Value* from = in.row(y) + std::ptrdiff_t{in.width() - 1} * count;
    for (int x = 0; x < in.width(); ++x, from -= count, to += count) std::copy_n(from, count, to);
  }
}

template <class Value>
Status turn_any(const BasicImageView<Value>& in, std::span<Value> out) noexcept {
  if (!fits(in, out.size())) return Status::bad_shape;
  if (in.channels() == 3) {
    turn_rows<3>(in, out.data());
  } else {
    turn_rows<0>(in, out.data());
  }
  return Status::ok;
}

template <class Value>
Status planes_any(const BasicImageView<Value>& in, std::span<Value> out) noexcept {
  if (!fits(in, out.size())) return Status::bad_shape;
  const auto plane = static_cast<std::size_t>(in.height()) * static_cast<std::size_t>(in.width());
  for (int y = 0; y < in.height(); ++y)
    for (int c = 0; c < in.channels(); ++c) {
      const Value* from = in.row(y) + c;
      Value* to = out.data() + static_cast<std::size_t>(c) * plane + static_cast<std::size_t>(y) * static_cast<std::size_t>(in.width());
      for (int x = 0; x < in.width(); ++x, from += in.channels()) to[x] = *from;
    }
  return Status::ok;
}

/// One axis of TensorFlow's crop_and_resize: where output `i` samples.
struct SampleAxis {
  float begin = 0;
  float step = 0;
  int last = 0;

  SampleAxis(int side, int size, float fraction) noexcept : last(side - 1) {
    const float first = (1.0F - fraction) / 2.0F;
    const float end = first + fraction;
    begin = size > 1 ? first * static_cast<float>(last) : 0.5F * (first + end) * static_cast<float>(last);
    step = size > 1 ? (end - first) * static_cast<float>(last) / static_cast<float>(size - 1) : 0.0F;
  }
};

struct Sample {
  int low, high;
  float weight;  // of `high`

  Sample(const SampleAxis& axis, int i) noexcept {
    const float at = std::clamp(axis.begin + static_cast<float>(i) * axis.step, 0.0F, static_cast<float>(axis.last));
    low = static_cast<int>(at);  // floor: it is not negative
    high = low + (at > static_cast<float>(low) ? 1 : 0);
    weight = at - static_cast<float>(low);
  }
};

std::uint8_t saturate(float level) noexcept { return level > 0.0F ? static_cast<std::uint8_t>(std::min(level, 255.0F)) : std::uint8_t{0}; }

/// One pixel between four, in the order of TensorFlow's arithmetic.
void sample(const ImageView& in, const Sample& row, const Sample& column, std::uint8_t* out) noexcept {
  constexpr float kUnit = 1.0F / 255.0F;
  const std::ptrdiff_t low = std::ptrdiff_t{column.low} * in.channels();
  const std::ptrdiff_t high = std::ptrdiff_t{column.high} * in.channels();
  const std::uint8_t* above = in.row(row.low);
  const std::uint8_t* below = in.row(row.high);
  for (int c = 0; c < in.channels(); ++c) {
    const float top_left = static_cast<float>(above[low + c]) * kUnit;
    const float bottom_left = static_cast<float>(below[low + c]) * kUnit;
    const float top = top_left + (static_cast<float>(above[high + c]) * kUnit - top_left) * column.weight;
    const float bottom = bottom_left + (static_cast<float>(below[high + c]) * kUnit - bottom_left) * column.weight;
    out[c] = saturate(std::clamp(top + (bottom - top) * row.weight, 0.0F, 1.0F) * 255.5F);
  }
}

}  // namespace

CropBox centre_box(int in_height, int in_width, int height, int width, CropRounding rounding) noexcept {
  if (height < 1 || width < 1 || height > in_height || width > in_width) return {};
  const auto half = [rounding](int margin) {
    // Halves to even: an odd margin of 4k + 3 is rounded up.
    return rounding == CropRounding::torchvision && margin % 4 == 3 ? margin / 2 + 1 : margin / 2;
  };
  return {half(in_height - height), half(in_width - width), height, width};
}

int side_fraction(int side, double fraction, SideRounding rounding) noexcept {
  const double exact = side * fraction;
  return std::max(1, static_cast<int>(rounding == SideRounding::round ? std::nearbyint(exact) : exact));
}

Status pad(const ImageView& in, const Placement& canvas, std::uint8_t value, std::span<std::uint8_t> out) noexcept {
  return pad_any(in, canvas, value, out);
}
Status pad(const FloatImageView& in, const Placement& canvas, float value, std::span<float> out) noexcept {
  return pad_any(in, canvas, value, out);
}

Status turn_180(const ImageView& in, std::span<std::uint8_t> out) noexcept { return turn_any(in, out); }
Status turn_180(const FloatImageView& in, std::span<float> out) noexcept { return turn_any(in, out); }

Status swap_red_blue(const ImageView& in, std::span<std::uint8_t> out) noexcept {
  if (!fits(in, out.size()) || in.channels() < 3 || in.channels() > 4) return Status::bad_shape;
  std::uint8_t* to = out.data();
  for (int y = 0; y < in.height(); ++y) {
    const std::uint8_t* from = in.row(y);
    for (int x = 0; x < in.width(); ++x, from += in.channels(), to += in.channels()) {
      std::copy_n(from, in.channels(), to);
      to[0] = from[2];
      to[2] = from[0];
    }
  }
  return Status::ok;
}

Status to_planes(const ImageView& in, std::span<std::uint8_t> out) noexcept {
  if (in.channels() != 3 || !fits(in, out.size())) return planes_any(in, out);
  detail::observation_kernels().planes({.in = in.data(),
                                        .stride = in.row_stride(),
                                        .height = in.height(),
                                        .width = in.width(),
                                        .plane = std::ptrdiff_t{in.height()} * in.width(),
                                        .out = out.data()});
  return Status::ok;
}
Status to_planes(const FloatImageView& in, std::span<float> out) noexcept { return planes_any(in, out); }

Status to_unit(const ImageView& in, std::span<float> out) noexcept {
  if (!fits(in, out.size())) return Status::bad_shape;
  const int row_size = in.width() * in.channels();
  float* to = out.data();
  for (int y = 0; y < in.height(); ++y, to += row_size)
    for (int i = 0; i < row_size; ++i) to[i] = static_cast<float>(in.row(y)[i]) / 255.0F;
  return Status::ok;
}

std::string_view to_string(LevelRule rule) noexcept { return rule == LevelRule::truncate ? "truncate" : "round_half_up"; }

Status to_levels(const FloatImageView& in, LevelRule rule, std::span<std::uint8_t> out) noexcept {
  if (!fits(in, out.size())) return Status::bad_shape;
  const int row_size = in.width() * in.channels();
  for (int y = 0; y < in.height(); ++y)
    if (!detail::all_finite({in.row(y), static_cast<std::size_t>(row_size)})) return Status::not_finite;
  const float add = rule == LevelRule::round_half_up ? 0.5F : 0.0F;
  std::uint8_t* to = out.data();
  for (int y = 0; y < in.height(); ++y, to += row_size)
    for (int i = 0; i < row_size; ++i) to[i] = saturate(255.0F * in.row(y)[i] + add);
  return Status::ok;
}

Status crop_and_resize(const ImageView& in, double area, int height, int width, std::span<std::uint8_t> out) noexcept {
  if (in.empty() || height < 1 || width < 1 ||
      out.size() != static_cast<std::size_t>(height) * static_cast<std::size_t>(width) * static_cast<std::size_t>(in.channels()))
    return Status::bad_shape;
  if (!(area > 0 && area <= 1)) return Status::out_of_range;
  const float fraction = std::sqrt(static_cast<float>(area));
  const SampleAxis rows(in.height(), height, fraction);
  const SampleAxis columns(in.width(), width, fraction);
  std::uint8_t* to = out.data();
  for (int y = 0; y < height; ++y) {
    const Sample row(rows, y);
    for (int x = 0; x < width; ++x, to += in.channels()) sample(in, row, Sample(columns, x), to);
  }
  return Status::ok;
}

}  // namespace sinew
