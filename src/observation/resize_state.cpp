// SPDX-License-Identifier: Apache-2.0
// The passes over 8-bit images. Rows between the passes are computed when the second pass needs them, while they are in the cache.
#include "resize_state.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

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

void Resizer::State::find_axes(ResizeRule rule, bool bytes, const ResizeRequest& request) {
  const auto& [height, width, canvas, window] = request;
  const bool shrinks = height <= canvas.height && width <= canvas.width;
  rule_ = rule;
  arithmetic_ = detail::arithmetic_of(rule, bytes);
  width_ = window.width;
  vertical_first_ = detail::vertical_first(rule, canvas.height, canvas.width, height, width);
  columns_ = &axis({rule, canvas.width, width, bytes, shrinks, window.left, window.width}, nullptr);
  rows_ = &axis({rule, canvas.height, height, bytes, shrinks, window.top, window.height}, columns_);
}

ImageView Resizer::State::flatten(const ImageView& in, const Placement& canvas) {
  flat_.resize(canvas.height, canvas.width, in.channels());
  static_cast<void>(pad(in, canvas, 0, flat_.pixels()));  // it fits: both were checked
  return flat_.view();
}

void Resizer::State::prepare(ResizeRule rule, const ImageView& in, const ResizeRequest& request) {
  find_axes(rule, true, request);
  in_ = in;
  canvas_ = request.canvas;
  finish_ = detail::finish_of(rule, canvas_.height, canvas_.width, request.height, request.width);
  const bool row_by_row = arithmetic_ == Arithmetic::real ||
                          (arithmetic_ == Arithmetic::fixed && !vertical_first_ && !rows_->axis.trivial() && !columns_->axis.trivial());
  if (!row_by_row && (canvas_.height > in.height() || canvas_.width > in.width())) {
    in_ = flatten(in, canvas_);
    canvas_.top = canvas_.left = 0;
  }
  filled_ = 0;
  const auto channels = static_cast<std::size_t>(in.channels());
  const auto in_row = static_cast<std::size_t>(canvas_.width) * channels;
  const auto out_row = static_cast<std::size_t>(width_) * channels;
  const int taps = (rows_->axis.taps + 3) / 4 * 4;  // as many as a pass by digits takes
  pointers_.resize(static_cast<std::size_t>(taps));
  real_pointers_.resize(static_cast<std::size_t>(taps));
  if (arithmetic_ == Arithmetic::real) {
    pitch_ = out_row + 4;
    reals_.resize(pitch_ * static_cast<std::size_t>(canvas_.height));
    widened_.resize(in_row + 4);
    result_.resize(out_row);
  } else if (arithmetic_ == Arithmetic::fixed) {
    pack_columns(in.channels());
    pitch_ = ((vertical_first_ ? in_row : out_row) + 2 * kRowSlack - 1) / kRowSlack * kRowSlack;
    // Rows that are still read, and a pass that begins with the last of them.
    const int kept = vertical_first_ ? kRowsAtOnce : rows_->axis.taps + rows_->axis.lag + kRowsAtOnce;
    ring_ = std::bit_ceil(static_cast<std::size_t>(kept));
    between_.resize(pitch_ * ring_ + reach_);
    black_.assign(pitch_, 0);
    copies_.resize((in_row + reach_) * kRowsAtOnce);
  }
}

void Resizer::State::pack_columns(int channels) {
  const auto& kernels = detail::observation_kernels();
  by_digits_ = kernels.digit_horizontal != nullptr;
  if (by_digits_ && columns_->digit_columns.channels != channels) detail::pack_digits(columns_->axis, channels, columns_->digit_columns);
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

/// Row `y` of the canvas, copied where it has bars at its sides or the kernel would read behind the end of the image.
const std::uint8_t* Resizer::State::readable_row(int y, int slot) {
  const auto channels = static_cast<std::size_t>(in_.channels());
  const auto in_bytes = static_cast<std::size_t>(in_.width()) * channels, row_bytes = static_cast<std::size_t>(canvas_.width) * channels;
  const std::uint8_t* row = in_.row(y - canvas_.top);
  const std::uint8_t* end = in_.row(in_.row_stride() > 0 ? in_.height() - 1 : 0) + in_bytes;
  if (in_bytes == row_bytes && static_cast<std::size_t>(end - row) >= reach_) return row;
  std::uint8_t* copy = copies_.data() + static_cast<std::size_t>(slot) * (row_bytes + reach_);
  const std::size_t left = static_cast<std::size_t>(canvas_.left) * channels;
  std::memset(copy, 0, left);
  std::memcpy(copy + left, row, in_bytes);
  std::memset(copy + left + in_bytes, 0, row_bytes - left - in_bytes);
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
                               .next = kRowsAtOnce * in_.row_stride(),
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

template <class RowAt>
void Resizer::State::vertical(const RowAt& row_at, int y, std::uint8_t* out) {
  const auto& axis = rows_->axis;
  for (int tap = 0; std::cmp_less(tap, pointers_.size()); ++tap)
    pointers_[static_cast<std::size_t>(tap)] = row_at(axis.at(y) + std::min(tap, axis.taps - 1));
  const int row_width = vertical_first_ && !columns_->axis.trivial() ? in_.width() : width_;
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

/// Horizontal passes over the rows of the image up to row `until` of the canvas.
void Resizer::State::fill_between(int until) {
  for (filled_ = std::max(filled_, canvas_.top), until = std::min(until, canvas_.top + in_.height()); filled_ < until;) {
    const int rows = std::min(kRowsAtOnce, until - filled_);
    std::array<const std::uint8_t*, kRowsAtOnce> in{};
    std::array<std::uint8_t*, kRowsAtOnce> out{};
    for (int r = 0; r < rows; ++r) {
      in[static_cast<std::size_t>(r)] = readable_row(filled_ + r, r);
      out[static_cast<std::size_t>(r)] = between(filled_ + r);
    }
    horizontal(in.data(), out.data(), rows);
    filled_ += rows;
  }
}

void Resizer::State::fixed_rows(int top, int count, std::uint8_t* out) {
  const auto row_bytes = static_cast<std::size_t>(width_ * in_.channels());
  const bool same_width = columns_->axis.trivial(), same_height = rows_->axis.trivial();
  const std::ptrdiff_t first_byte = same_width ? std::ptrdiff_t{columns_->axis.at(0)} * in_.channels() : 0;
  const auto of_input = [&](int y) { return in_.row(y) + first_byte; };
  const auto between_passes = [this](int y) -> const std::uint8_t* { return is_black(y) ? black_.data() : between(y); };
  std::array<const std::uint8_t*, kRowsAtOnce> from{};
  std::array<std::uint8_t*, kRowsAtOnce> to{};
  for (int y = top; y < top + count;) {
    if (same_width) {
      vertical(of_input, y, out);
      ++y, out += row_bytes;
    } else if (!same_height && !vertical_first_) {
      const int first = rows_->axis.at(y);
      filled_ = std::max(filled_, first - rows_->axis.lag);  // rows that nobody reads are left out
      if (filled_ < first + rows_->axis.taps)
        fill_between(filled_ + (first + rows_->axis.taps - filled_ + kRowsAtOnce - 1) / kRowsAtOnce * kRowsAtOnce);
      vertical(between_passes, y, out);
      ++y, out += row_bytes;
    } else {
      const int rows = std::min(kRowsAtOnce, top + count - y);
      for (int r = 0; r < rows; ++r, out += row_bytes) {
        const auto slot = static_cast<std::size_t>(r);
        if (same_height) {
          from[slot] = readable_row(rows_->axis.at(y + r), r);
        } else {
          vertical(of_input, y + r, between(r));
          from[slot] = between(r);
        }
        to[slot] = out;
      }
      horizontal(from.data(), to.data(), rows);
      y += rows;
    }
  }
}

/// Horizontal float passes over the rows of the canvas up to `until`.
void Resizer::State::fill_reals(int until) {
  const auto& kernels = detail::observation_kernels();
  const auto channels = static_cast<std::size_t>(in_.channels());
  const auto size = static_cast<std::size_t>(in_.width()) * channels;
  const std::size_t left = static_cast<std::size_t>(canvas_.left) * channels;
  std::fill_n(widened_.begin(), left, 0.0F);
  std::fill(widened_.begin() + static_cast<std::ptrdiff_t>(left + size), widened_.end(), 0.0F);
  for (; filled_ < until; ++filled_) {
    float* out = reals_.data() + static_cast<std::size_t>(filled_) * pitch_;
    if (is_black(filled_)) {
      std::fill_n(out, pitch_, 0.0F);
      continue;
    }
    kernels.widen(in_.row(filled_ - canvas_.top), size, widened_.data() + left);
    kernels.real_horizontal({.in = widened_.data(),
                             .out = out,
                             .width = width_,
                             .channels = in_.channels(),
                             .first = columns_->axis.first.data(),
                             .weights = columns_->axis.real.data(),
                             .taps = columns_->axis.taps});
  }
}

void Resizer::State::real_rows(int top, int count, std::uint8_t* out) {
  const auto& axis = rows_->axis;
  const auto& kernels = detail::observation_kernels();
  const std::size_t size = result_.size();
  for (int y = top; y < top + count; ++y, out += size) {
    filled_ = std::max(filled_, axis.at(y) - axis.lag);
    fill_reals(axis.at(y) + axis.taps);
    for (int tap = 0; tap < axis.taps; ++tap)
      real_pointers_[static_cast<std::size_t>(tap)] = reals_.data() + static_cast<std::size_t>(axis.at(y) + tap) * pitch_;
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
