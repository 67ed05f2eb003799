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
  /// Sets up the passes of an 8-bit image that changes its size; `in` must live until the last produce().
  void prepare(ResizeRule rule, const ImageView& in, int height, int width);
  /// Output rows `top` to `top + count`, in ascending calls, tightly packed.
  void produce(int top, int count, std::uint8_t* out);
  void resize_floats(ResizeRule rule, const FloatImageView& in, int height, int width, float* out);

  std::vector<std::uint8_t> band;

 private:
  detail::CachedAxis& axis(const detail::AxisRequest& request, const detail::CachedAxis* keep);
  void find_axes(ResizeRule rule, bool bytes, int in_height, int in_width, int height, int width);

  void pick_rows(int top, int count, std::uint8_t* out) const;
  void fixed_rows(int top, int count, std::uint8_t* out);
  void real_rows(int top, int count, std::uint8_t* out);

  /// Packs the weights as the active kernels want them; afterwards `reach_` bytes of a row are read.
  void pack_columns(int channels);
  void horizontal(const std::uint8_t* const* in, std::uint8_t* const* out, int rows) const;
  void horizontal_by_digits(const std::uint8_t* const* in, std::uint8_t* const* out, int rows) const;
  void vertical(const std::uint8_t* first_row, std::ptrdiff_t stride, int y, std::uint8_t* out);
  const std::uint8_t* readable_row(int y, int slot);
  [[nodiscard]] bool is_black(int y) const noexcept;
  void fill_between(int until);
  const float* real_row(int y);
  void wide_horizontal(const FloatImageView& in, int y, float* out) const;
  void wide_vertical(int y, std::size_t count, float* out) const;

  std::array<detail::CachedAxis, 8> axes_;
  std::size_t next_ = 0;  // the axis to replace

  // The resize that is under way.
  ResizeRule rule_ = ResizeRule::pil_bicubic;
  detail::Arithmetic arithmetic_ = detail::Arithmetic::fixed;
  detail::Finish finish_ = detail::Finish::half_even;
  ImageView in_;
  int height_ = 0;
  int width_ = 0;
  bool vertical_first_ = false;
  detail::CachedAxis* columns_ = nullptr;
  detail::CachedAxis* rows_ = nullptr;
  int filled_ = 0;                             // rows of between_ that hold their values, up to here
  bool by_digits_ = false;                     // the active kernels multiply bytes
  std::size_t reach_ = 0;                      // bytes of a row that the horizontal pass reads, from its beginning
  std::size_t pitch_ = 0;                      // bytes or floats between rows of between_ or reals_
  std::vector<std::uint8_t> between_;          // rows between the passes
  std::vector<std::uint8_t> copies_;           // rows with slack behind their end
  std::vector<float> reals_;                   // float rows between the passes
  std::vector<float> widened_;                 // one input row as floats
  std::vector<float> result_;                  // one output row as floats
  std::vector<const std::uint8_t*> pointers_;  // rows of a vertical pass
  std::vector<const float*> real_pointers_;
};

}  // namespace sinew
