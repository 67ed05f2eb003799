// SPDX-License-Identifier: Apache-2.0
// What a Resizer keeps between frames: weights of recent axes, and rows between the passes.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "digit_axis.hpp"
#include "packed_axis.hpp"
#include "resample_axis.hpp"
#include "sinew/observation/resize.hpp"

namespace sinew::detail {

/// True when no value is NaN or infinite.
[[nodiscard]] bool all_finite(std::span<const float> values) noexcept;

/// One axis with its weights in every layout that was needed so far.
struct CachedAxis {
  AxisRequest request;
  ResampleAxis axis;
  PackedAxis packed;
  PairedAxis paired;
  DigitColumns digit_columns;
  DigitRows digit_rows;
  bool split = false;
};

}  // namespace sinew::detail

namespace sinew {

struct Resizer::State {
  /// Sets up the passes of an 8-bit image that changes its size; `in` must live until the last produce(). Canvas and window are given.
  void prepare(ResizeRule rule, const ImageView& in, const ResizeRequest& request);
  /// Rows `top` to `top + count` of the window, in ascending calls, tightly packed.
  void produce(int top, int count, std::uint8_t* out);
  /// The image on its canvas, until the next call.
  ImageView flatten(const ImageView& in, const Placement& canvas);
  void resize_floats(ResizeRule rule, const FloatImageView& in, int height, int width, float* out);

  std::vector<std::uint8_t> band;

 private:
  detail::CachedAxis& axis(const detail::AxisRequest& request, const detail::CachedAxis* keep);
  void find_axes(ResizeRule rule, bool bytes, const ResizeRequest& request);

  void pick_rows(int top, int count, std::uint8_t* out) const;
  void fixed_rows(int top, int count, std::uint8_t* out);
  void real_rows(int top, int count, std::uint8_t* out);

  /// Packs the weights as the active kernels want them; afterwards `reach_` bytes of a row are read.
  void pack_columns(int channels);
  void horizontal(const std::uint8_t* const* in, std::uint8_t* const* out, int rows) const;
  void horizontal_by_digits(const std::uint8_t* const* in, std::uint8_t* const* out, int rows) const;
  /// Row `y` of the window out of rows that `row_at` gives.
  template <class RowAt>
  void vertical(const RowAt& row_at, int y, std::uint8_t* out);
  const std::uint8_t* readable_row(int y, int slot);
  /// Whether row `y` of the canvas lies above or below the image.
  [[nodiscard]] bool is_black(int y) const noexcept { return y < canvas_.top || y >= canvas_.top + in_.height(); }
  [[nodiscard]] std::uint8_t* between(int y) noexcept { return between_.data() + (static_cast<std::size_t>(y) & (ring_ - 1)) * pitch_; }
  void fill_between(int until);
  void fill_reals(int until);
  void wide_horizontal(const FloatImageView& in, int y, float* out) const;
  void wide_vertical(int y, std::size_t count, float* out) const;

  std::array<detail::CachedAxis, 8> axes_;
  std::size_t next_ = 0;  // the axis to replace

  // The resize that is under way.
  ResizeRule rule_ = ResizeRule::pil_bicubic;
  detail::Arithmetic arithmetic_ = detail::Arithmetic::fixed;
  detail::Finish finish_ = detail::Finish::half_even;
  ImageView in_;
  Placement canvas_;
  int width_ = 0;  // of the window
  bool vertical_first_ = false;
  detail::CachedAxis* columns_ = nullptr;
  detail::CachedAxis* rows_ = nullptr;
  int filled_ = 0;          // rows of the canvas that went through the first pass, up to here
  std::size_t ring_ = 1;    // rows of between_, a power of 2
  bool by_digits_ = false;  // the active kernels multiply bytes
  std::size_t reach_ = 0;   // bytes of a row that the horizontal pass reads, from its beginning
  std::size_t pitch_ = 0;   // bytes or floats between rows of between_ or reals_
  std::vector<std::uint8_t, detail::LineAllocator<std::uint8_t>> between_;  // rows between the passes
  std::vector<std::uint8_t> black_;                                         // what the first pass makes of a black row
  std::vector<std::uint8_t> copies_;                                        // rows with slack behind their end
  Image flat_;                                                              // the image on its canvas
  std::vector<float> reals_;                                                // float rows between the passes
  std::vector<float> widened_;                                              // one input row as floats
  std::vector<float> result_;                                               // one output row as floats
  std::vector<const std::uint8_t*> pointers_;                               // rows of a vertical pass
  std::vector<const float*> real_pointers_;
};

}  // namespace sinew
