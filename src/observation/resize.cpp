// SPDX-License-Identifier: Apache-2.0
#include "sinew/observation/resize.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>
#include <numbers>

#include "sinew/core/error.hpp"

namespace sinew {

namespace {

constexpr std::array<std::string_view, 10> kRuleNames = {"pil_nearest",   "pil_box",   "pil_bilinear",   "pil_bicubic",   "pil_lanczos",
                                                         "pil13_nearest", "pil13_box", "pil13_bilinear", "pil13_bicubic", "pil13_lanczos"};
constexpr int kFilters = 5;        // per Pillow generation
constexpr int kFractionBits = 22;  // 32 bits less 8 for the value and 2 for kernels with negative lobes
constexpr std::int32_t kHalf = 1 << (kFractionBits - 1);

ResizeRule filter_of(ResizeRule rule) noexcept { return static_cast<ResizeRule>(static_cast<int>(rule) % kFilters); }

/// Which pass comes first decides what is rounded to 8 bits in between. Pillow 12 takes strips the other way round in
/// PIL/Image.py, Pillow 13 weighs the work in Resample.c.
bool vertical_first(ResizeRule rule, const ImageView& in, int height, int width) noexcept {
  if (height >= in.height()) return false;
  const bool pillow_13 = static_cast<int>(rule) >= kFilters;
  return pillow_13 ? in.height() - height > 2 * (in.width() - width) : in.height() > 100 * in.width();
}

double support_of(ResizeRule filter) noexcept {
  switch (filter) {
    case ResizeRule::pil_box: return 0.5;
    case ResizeRule::pil_bilinear: return 1;
    case ResizeRule::pil_bicubic: return 2;
    default: return 3;
  }
}

double sinc(double x) noexcept { return x == 0 ? 1 : std::sin(x * std::numbers::pi) / (x * std::numbers::pi); }

/// The kernels, in the order of operations of Pillow (src/libImaging/Resample.c), which decides the last bit of a weight.
double kernel(ResizeRule filter, double x) noexcept {
  const double distance = std::abs(x);
  switch (filter) {
    case ResizeRule::pil_box: return x > -0.5 && x <= 0.5 ? 1 : 0;
    case ResizeRule::pil_bilinear: return distance < 1 ? 1 - distance : 0;
    case ResizeRule::pil_bicubic:
      if (distance < 1) return (1.5 * distance - 2.5) * distance * distance + 1;
      return distance < 2 ? (((distance - 5) * distance + 8) * distance - 4) * -0.5 : 0;
    default: return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
  }
}

/// Normalises a window of kernel values to sum 1 and rounds each half away from zero.
void to_fixed_point(std::span<const double> window, std::int32_t* weights) noexcept {
  double sum = 0;
  for (const double value : window) sum += value;
  for (const double value : window) {
    const double weight = (sum != 0 ? value / sum : value) * (1 << kFractionBits);
    *weights++ = static_cast<std::int32_t>(weight < 0 ? weight - 0.5 : weight + 0.5);
  }
}

std::uint8_t to_byte(std::int32_t sum) noexcept { return static_cast<std::uint8_t>(std::clamp(sum >> kFractionBits, 0, 255)); }

/// Along rows: `out` is [in.height(), axis.out, Channels], tightly packed.
template <int Channels, class Axis>
void horizontal_pass(const ImageView& in, const Axis& axis, std::uint8_t* out) noexcept {
  for (int y = 0; y < in.height(); ++y) {
    const std::uint8_t* row = in.row(y);
    const std::int32_t* weights = axis.weights.data();
    for (int x = 0; x < axis.out; ++x, weights += axis.stride, out += Channels) {
      const std::uint8_t* pixel = row + static_cast<std::ptrdiff_t>(axis.first[static_cast<std::size_t>(x)]) * Channels;
      const int count = axis.count[static_cast<std::size_t>(x)];
      std::array<std::int32_t, Channels> sum;
      sum.fill(kHalf);
      for (int tap = 0; tap < count; ++tap, pixel += Channels)
        for (int c = 0; c < Channels; ++c) sum[static_cast<std::size_t>(c)] += weights[tap] * pixel[c];
      for (int c = 0; c < Channels; ++c) out[c] = to_byte(sum[static_cast<std::size_t>(c)]);
    }
  }
}

/// Along columns: `out` is [axis.out, in.width() * in.channels()], tightly packed. Blocks of a row keep the sums in the L1 cache.
template <class Axis>
void vertical_pass(const ImageView& in, const Axis& axis, std::uint8_t* out) noexcept {
  constexpr int kBlock = 1024;
  std::array<std::int32_t, kBlock> sum;
  const int row_bytes = in.width() * in.channels();
  const std::int32_t* weights = axis.weights.data();
  for (int y = 0; y < axis.out; ++y, weights += axis.stride, out += row_bytes) {
    const int first = axis.first[static_cast<std::size_t>(y)];
    const int count = axis.count[static_cast<std::size_t>(y)];
    for (int begin = 0; begin < row_bytes; begin += kBlock) {
      const int size = std::min(kBlock, row_bytes - begin);
      std::fill_n(sum.begin(), size, kHalf);
      for (int tap = 0; tap < count; ++tap) {
        const std::uint8_t* row = in.row(first + tap) + begin;
        const std::int32_t weight = weights[tap];
        for (int i = 0; i < size; ++i) sum[static_cast<std::size_t>(i)] += weight * row[i];
      }
      for (int i = 0; i < size; ++i) out[begin + i] = to_byte(sum[static_cast<std::size_t>(i)]);
    }
  }
}

template <class Axis>
void horizontal_pass(const ImageView& in, const Axis& axis, std::uint8_t* out) noexcept {
  switch (in.channels()) {
    case 1: return horizontal_pass<1>(in, axis, out);
    case 2: return horizontal_pass<2>(in, axis, out);
    case 3: return horizontal_pass<3>(in, axis, out);
    default: return horizontal_pass<4>(in, axis, out);
  }
}

template <class Axis>
void pick_nearest(const ImageView& in, const Axis& rows, const Axis& columns, std::uint8_t* out) noexcept {
  const auto channels = static_cast<std::size_t>(in.channels());
  for (const int y : rows.first)
    for (const int x : columns.first) {
      std::memcpy(out, in.row(y) + static_cast<std::size_t>(x) * channels, channels);
      out += channels;
    }
}

}  // namespace

std::string_view to_string(ResizeRule rule) noexcept { return kRuleNames[static_cast<std::size_t>(rule)]; }

ResizeRule resize_rule_from_string(std::string_view name, std::string_view where) {
  const auto found = std::find(kRuleNames.begin(), kRuleNames.end(), name);
  if (found == kRuleNames.end()) {
    const auto near = nearest_name(name, kRuleNames);
    fail(ErrorCode::unsupported, {where, fmt::format("resize rule '{}'", name), "one of " + join_names(kRuleNames), "no such rule",
                                  near.empty() ? "" : fmt::format("did you mean '{}'?", near)});
  }
  return static_cast<ResizeRule>(found - kRuleNames.begin());
}

void Resizer::build(Axis& axis, ResizeRule filter, int in, int out) {
  axis.in = 0;  // no match for anyone while half built
  const double scale = static_cast<double>(in) / out;
  axis.first.resize(static_cast<std::size_t>(out));
  axis.count.assign(static_cast<std::size_t>(out), 1);
  if (filter == ResizeRule::pil_nearest) {
    axis.stride = 0;
    double source = 0.5 * scale;  // accumulated, not multiplied: that is what Pillow's affine scaling does
    for (int& first : axis.first) {
      first = std::min(static_cast<int>(source), in - 1);
      source += scale;
    }
  } else {
    const double widening = std::max(scale, 1.0);
    const double support = support_of(filter) * widening;
    axis.stride = static_cast<int>(std::ceil(support)) * 2 + 1;
    axis.weights.assign(static_cast<std::size_t>(out) * static_cast<std::size_t>(axis.stride), 0);
    std::vector<double> real(static_cast<std::size_t>(axis.stride));
    for (std::size_t i = 0; i < axis.first.size(); ++i) {
      const double centre = (static_cast<double>(i) + 0.5) * scale;
      axis.first[i] = std::max(static_cast<int>(centre - support + 0.5), 0);
      axis.count[i] = std::min(static_cast<int>(centre + support + 0.5), in) - axis.first[i];
      const std::span window = std::span(real).first(static_cast<std::size_t>(axis.count[i]));
      for (std::size_t tap = 0; tap < window.size(); ++tap)
        window[tap] = kernel(filter, (static_cast<int>(tap) + axis.first[i] - centre + 0.5) * (1.0 / widening));
      to_fixed_point(window, axis.weights.data() + i * static_cast<std::size_t>(axis.stride));
    }
  }
  axis.in = in;
  axis.out = out;
}

const Resizer::Axis& Resizer::axis(int in, int out, const Axis* keep) {
  for (const Axis& known : axes_)
    if (known.in == in && known.out == out) return known;
  if (&axes_[next_] == keep) next_ = (next_ + 1) % axes_.size();
  Axis& replaced = axes_[next_];
  next_ = (next_ + 1) % axes_.size();
  build(replaced, filter_of(rule_), in, out);
  return replaced;
}

void Resizer::run(const ImageView& in, int height, int width, std::uint8_t* out) {
  const Axis& columns = axis(in.width(), width, nullptr);
  const Axis& rows = axis(in.height(), height, &columns);
  if (filter_of(rule_) == ResizeRule::pil_nearest) return pick_nearest(in, rows, columns, out);
  if (width == in.width()) return vertical_pass(in, rows, out);
  if (height == in.height()) return horizontal_pass(in, columns, out);
  const bool columns_last = vertical_first(rule_, in, height, width);
  const int middle_height = columns_last ? height : in.height();
  const int middle_width = columns_last ? in.width() : width;
  between_.resize(static_cast<std::size_t>(middle_height) * static_cast<std::size_t>(middle_width) *
                  static_cast<std::size_t>(in.channels()));
  const ImageView middle(between_.data(), middle_height, middle_width, in.channels());
  if (columns_last) {
    vertical_pass(in, rows, between_.data());
    horizontal_pass(middle, columns, out);
  } else {
    horizontal_pass(in, columns, between_.data());
    vertical_pass(middle, rows, out);
  }
}

Status Resizer::resize(const ImageView& in, int height, int width, std::span<std::uint8_t> out) noexcept {
  const auto in_range = [](int side) { return side >= 1 && side <= kMaxSide; };
  if (in.empty() || in.channels() > 4 || !in_range(in.height()) || !in_range(in.width()) || !in_range(height) || !in_range(width))
    return Status::bad_shape;
  const auto row_bytes = static_cast<std::size_t>(width) * static_cast<std::size_t>(in.channels());
  if (out.size() != static_cast<std::size_t>(height) * row_bytes) return Status::bad_shape;
  if (height == in.height() && width == in.width()) {
    for (int y = 0; y < height; ++y) std::memcpy(out.data() + static_cast<std::size_t>(y) * row_bytes, in.row(y), row_bytes);
    return Status::ok;
  }
  try {
    run(in, height, width, out.data());
  } catch (const std::bad_alloc&) {
    return Status::over_capacity;
  }
  return Status::ok;
}

Status Resizer::resize(const ImageView& in, int height, int width, Image& out) noexcept {
  if (height < 1 || height > kMaxSide || width < 1 || width > kMaxSide || in.channels() < 1 || in.channels() > 4) return Status::bad_shape;
  try {
    out.resize(height, width, in.channels());
  } catch (const std::bad_alloc&) {
    return Status::over_capacity;
  }
  return resize(in, height, width, out.pixels());
}

}  // namespace sinew
