// SPDX-License-Identifier: Apache-2.0
// The passes over 8-bit images. Rows between the passes are computed when the second pass needs them, while they are in the cache.
#include "resize_state.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/kernels.hpp"

namespace sinew {

using detail::Arithmetic;
using detail::AxisRequest;
using detail::CachedAxis;
using detail::Finish;
using detail::kRowsAtOnce;
using detail::kRowSlack;

CachedAxis& Resizer::State::axis(const AxisRequest& request, const CachedAxis* keep) {
  for (CachedAxis& known : axes_)
    if (known.request == request) return known;
  if (&axes_[next_] == keep) next_ = (next_ + 1) % axes_.size();
  CachedAxis& replaced = axes_[next_];
  next_ = (next_ + 1) % axes_.size();
  replaced.request = {};  // no match for anyone while half built
  replaced.packed.group = -1;
  replaced.digit_columns.channels = 0;
  detail::build_axis(request, replaced.axis);
  replaced.split = detail::needs_split(replaced.axis);
  detail::pack_vertical(replaced.axis, replaced.paired);
  detail::pack_digits(replaced.axis, replaced.digit_rows);
  replaced.request = request;
  return replaced;
}

void Resizer::State::find_axes(ResizeRule rule, bool bytes, int in_height, int in_width, int height, int width) {
  const bool shrinks = height <= in_height && width <= in_width;
  rule_ = rule;
  arithmetic_ = detail::arithmetic_of(rule, bytes);
  height_ = height;
  width_ = width;
  vertical_first_ = detail::vertical_first(rule, in_height, in_width, height, width);
  columns_ = &axis({rule, in_width, width, bytes, shrinks}, nullptr);
  rows_ = &axis({rule, in_height, height, bytes, shrinks}, columns_);
}

void Resizer::State::prepare(ResizeRule rule, const ImageView& in, int height, int width) {
  find_axes(rule, true, in.height(), in.width(), height, width);
  in_ = in;
  filled_ = 0;
  finish_ = detail::finish_of(rule, in, height, width);
  const auto channels = static_cast<std::size_t>(in.channels());
  const auto in_row = static_cast<std::size_t>(in.width()) * channels;
  const auto out_row = static_cast<std::size_t>(width) * channels;
  const int taps = (rows_->axis.taps + 3) / 4 * 4;  // as many as a pass by digits takes
  pointers_.resize(static_cast<std::size_t>(taps));
  real_pointers_.resize(static_cast<std::size_t>(taps));
  if (arithmetic_ == Arithmetic::real) {
    pitch_ = out_row + 4;
    reals_.resize(pitch_ * static_cast<std::size_t>(in.height()));
    widened_.resize(in_row + 4);
    result_.resize(out_row);
  } else if (arithmetic_ == Arithmetic::fixed) {
    pack_columns(in.channels());
    pitch_ = (vertical_first_ ? in_row : out_row) + kRowSlack;
    between_.resize(pitch_ * static_cast<std::size_t>(vertical_first_ ? kRowsAtOnce : in.height()) + reach_);
    copies_.resize((in_row + reach_) * kRowsAtOnce);
  }
}

void Resizer::State::pack_columns(int channels) {
  const auto& kernels = detail::observation_kernels();
  by_digits_ = kernels.digit_horizontal != nullptr;
  if (by_digits_ && columns_->digit_columns.channels != channels)
    detail::pack_digits(columns_->axis, channels, columns_->digit_columns);
  if (by_digits_ && columns_->digit_columns.digits > 0) {
    reach_ = columns_->digit_columns.reach;
    return;
  }
  if (columns_->packed.group != kernels.group || columns_->packed.channels != channels)
    detail::pack_horizontal(columns_->axis, channels, kernels.group, columns_->packed);
  reach_ = columns_->packed.reach;
}

void Resizer::State::produce(int top, int count, std::uint8_t* out) {
  if (arithmetic_ == Arithmetic::pick) return pick_rows(top, count, out);
  if (arithmetic_ == Arithmetic::real) return real_rows(top, count, out);
  fixed_rows(top, count, out);
}

void Resizer::State::pick_rows(int top, int count, std::uint8_t* out) const {
  const auto channels = static_cast<std::size_t>(in_.channels());
  for (int y = top; y < top + count; ++y)
    for (int x = 0; x < width_; ++x, out += channels)
      std::memcpy(out, in_.row(rows_->axis.at(y)) + static_cast<std::size_t>(columns_->axis.at(x)) * channels, channels);
}

/// The row of the input, copied where the kernel would read behind the end of the image.
const std::uint8_t* Resizer::State::readable_row(int y, int slot) {
  const auto row_bytes = static_cast<std::size_t>(in_.width() * in_.channels());
  const std::uint8_t* row = in_.row(y);
  const std::uint8_t* end = in_.row(in_.row_stride() > 0 ? in_.height() - 1 : 0) + row_bytes;
  if (static_cast<std::size_t>(end - row) >= reach_) return row;
  std::uint8_t* copy = copies_.data() + static_cast<std::size_t>(slot) * (row_bytes + reach_);
  std::memcpy(copy, row, row_bytes);
  return copy;
}

void Resizer::State::horizontal(const std::uint8_t* const* in, std::uint8_t* const* out, int rows) const {
  if (by_digits_ && columns_->digit_columns.digits > 0) return horizontal_by_digits(in, out, rows);
  const auto& axis = columns_->axis;
  detail::HorizontalPass pass{.in = {},
                              .out = {},
                              .rows = rows,
                              .width = width_,
                              .channels = in_.channels(),
                              .bits = axis.bits,
                              .split = columns_->split,
                              .offsets = columns_->packed.offsets.data(),
                              .packed = columns_->packed.packed.data(),
                              .loads = columns_->packed.loads,
                              .weights = axis.fixed.data(),
                              .taps = axis.taps};
  std::copy_n(in, rows, pass.in);
  std::copy_n(out, rows, pass.out);
  detail::observation_kernels().horizontal(pass);
}

void Resizer::State::horizontal_by_digits(const std::uint8_t* const* in, std::uint8_t* const* out, int rows) const {
  const auto& digits = columns_->digit_columns;
  detail::DigitHorizontal pass{.in = {},
                               .out = {},
                               .rows = rows,
                               .count = static_cast<std::size_t>(width_) * static_cast<std::size_t>(in_.channels()),
                               .bits = columns_->axis.bits,
                               .digits = digits.digits,
                               .quads = digits.quads,
                               .starts = digits.starts.data(),
                               .places = digits.places.data(),
                               .weights = digits.weights.data()};
  std::copy_n(in, rows, pass.in);
  std::copy_n(out, rows, pass.out);
  detail::observation_kernels().digit_horizontal(pass);
}

void Resizer::State::vertical(const std::uint8_t* first_row, std::ptrdiff_t stride, int y, std::uint8_t* out) {
  const auto& axis = rows_->axis;
  for (std::size_t tap = 0; tap < pointers_.size(); ++tap)
    pointers_[tap] = first_row + (axis.at(y) + std::min<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(tap), axis.taps - 1)) * stride;
  const int row_width = vertical_first_ ? in_.width() : width_;
  const auto count = static_cast<std::size_t>(row_width) * static_cast<std::size_t>(in_.channels());
  const auto& digits = rows_->digit_rows;
  if (by_digits_ && digits.digits > 0) {
    const auto first = static_cast<std::size_t>(y) * static_cast<std::size_t>(digits.quads * digits.digits);
    detail::observation_kernels().digit_vertical({.in = pointers_.data(),
                                                  .weights = digits.weights.data() + first,
                                                  .quads = digits.quads,
                                                  .digits = digits.digits,
                                                  .bits = axis.bits,
                                                  .count = count,
                                                  .out = out});
    return;
  }
  const auto& paired = rows_->paired;
  const auto place = static_cast<std::size_t>(y) * 2 * static_cast<std::size_t>(paired.pairs);
  detail::observation_kernels().vertical({.in = pointers_.data(),
                                          .weights = paired.weights.data() + place,
                                          .packed = paired.packed.data() + place,
                                          .pairs = paired.pairs,
                                          .bits = axis.bits,
                                          .split = rows_->split,
                                          .count = count,
                                          .out = out});
}

bool Resizer::State::is_black(int y) const noexcept {
  const std::span row(in_.row(y), static_cast<std::size_t>(in_.width() * in_.channels()));
  return row[0] == 0 && std::memcmp(row.data(), row.data() + 1, row.size() - 1) == 0;
}

/// Horizontal passes over the input rows up to `until`.
void Resizer::State::fill_between(int until) {
  while (filled_ < until) {
    const int rows = std::min(kRowsAtOnce, until - filled_);
    std::array<const std::uint8_t*, kRowsAtOnce> in{};
    std::array<std::uint8_t*, kRowsAtOnce> out{};
    bool black = true;
    for (int r = 0; r < rows && black; ++r) black = is_black(filled_ + r);
    if (black) {  // what a letterbox adds stays black
      std::memset(between_.data() + static_cast<std::size_t>(filled_) * pitch_, 0, static_cast<std::size_t>(rows) * pitch_);
      filled_ += rows;
      continue;
    }
    for (int r = 0; r < rows; ++r) {
      in[static_cast<std::size_t>(r)] = readable_row(filled_ + r, r);
      out[static_cast<std::size_t>(r)] = between_.data() + static_cast<std::size_t>(filled_ + r) * pitch_;
    }
    horizontal(in.data(), out.data(), rows);
    filled_ += rows;
  }
}

void Resizer::State::fixed_rows(int top, int count, std::uint8_t* out) {
  const auto row_bytes = static_cast<std::size_t>(width_ * in_.channels());
  const bool same_width = columns_->axis.trivial(), same_height = rows_->axis.trivial();
  std::array<const std::uint8_t*, kRowsAtOnce> from{};
  std::array<std::uint8_t*, kRowsAtOnce> to{};
  for (int y = top; y < top + count;) {
    if (same_width) {
      vertical(in_.data(), in_.row_stride(), y, out);
      ++y, out += row_bytes;
    } else if (!same_height && !vertical_first_) {
      filled_ = std::max(filled_, rows_->axis.at(y));  // rows that nobody reads are left out
      fill_between(std::min(in_.height(), (rows_->axis.at(y) + rows_->axis.taps + kRowsAtOnce - 1) / kRowsAtOnce * kRowsAtOnce));
      vertical(between_.data(), static_cast<std::ptrdiff_t>(pitch_), y, out);
      ++y, out += row_bytes;
    } else {
      const int rows = std::min(kRowsAtOnce, top + count - y);
      for (int r = 0; r < rows; ++r, out += row_bytes) {
        const auto slot = static_cast<std::size_t>(r);
        if (same_height) {
          from[slot] = readable_row(y + r, r);
        } else {
          std::uint8_t* between = between_.data() + slot * pitch_;
          vertical(in_.data(), in_.row_stride(), y + r, between);
          from[slot] = between;
        }
        to[slot] = out;
      }
      horizontal(from.data(), to.data(), rows);
      y += rows;
    }
  }
}

/// Input row `y` after the horizontal float pass.
const float* Resizer::State::real_row(int y) {
  float* out = reals_.data() + static_cast<std::size_t>(y) * pitch_;
  if (y < filled_) return out;
  const auto& kernels = detail::observation_kernels();
  kernels.widen(in_.row(y), static_cast<std::size_t>(in_.width() * in_.channels()), widened_.data());
  kernels.real_horizontal({.in = widened_.data(),
                           .out = out,
                           .width = width_,
                           .channels = in_.channels(),
                           .first = columns_->axis.first.data(),
                           .weights = columns_->axis.real.data(),
                           .taps = columns_->axis.taps});
  return out;
}

void Resizer::State::real_rows(int top, int count, std::uint8_t* out) {
  const auto& axis = rows_->axis;
  const auto& kernels = detail::observation_kernels();
  const std::size_t size = result_.size();
  for (int y = top; y < top + count; ++y, out += size) {
    for (int tap = 0; tap < axis.taps; ++tap) real_pointers_[static_cast<std::size_t>(tap)] = real_row(axis.at(y) + tap);
    filled_ = std::max(filled_, axis.at(y) + axis.taps);
    const float* weights = axis.real.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(axis.taps);
    if (finish_ == Finish::opencv_linear) {
      const float* const pair[2] = {real_pointers_[0], real_pointers_[axis.taps > 1 ? 1 : 0]};
      const float two[2] = {weights[0], axis.taps > 1 ? weights[1] : 0.0F};
      kernels.opencv_linear(pair, two, size, out);
      continue;
    }
    kernels.real_vertical({.in = real_pointers_.data(), .weights = weights, .taps = axis.taps, .count = size, .out = result_.data()});
    if (finish_ == Finish::half_up) {
      kernels.round_half_up(result_.data(), size, out);
    } else {
      kernels.round_half_even(result_.data(), size, out);
    }
  }
}

}  // namespace sinew
