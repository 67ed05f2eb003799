// SPDX-License-Identifier: Apache-2.0
// One axis of a resize: which input samples each output sample reads, with which weights, in which arithmetic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sinew/observation/resize.hpp"

namespace sinew::detail {

/// How the sums of a resize are computed.
enum class Arithmetic : std::uint8_t {
  pick,   ///< one input sample, unchanged
  fixed,  ///< integers, rounded to 8 bits after each pass
  real,   ///< float
  wide    ///< double within a pass, float between passes
};

/// How a float becomes an 8-bit value at the end.
enum class Finish : std::uint8_t {
  half_even,     ///< nearest, halves to even
  half_up,       ///< nearest, halves up
  opencv_linear  ///< the shifts of OpenCV's two-tap vertical pass over weights with 11 fractional bits
};

/// Weights of one axis for every output sample, in one of three number formats. Windows lie inside the input.
struct ResampleAxis {
  int in = 0;
  int out = 0;                      ///< samples that are kept
  int taps = 0;                     ///< per output sample
  int lag = 0;                      ///< no sample begins further before one that precedes it
  bool same = false;                ///< the whole output has the length of the input
  int bits = 0;                     ///< fractional bits of `fixed`
  std::vector<std::int32_t> first;  ///< [out] first input sample
  std::vector<std::int32_t> fixed;  ///< [out, taps]
  std::vector<float> real;          ///< [out, taps]
  std::vector<double> wide;         ///< [out, taps]
  [[nodiscard]] bool trivial() const noexcept { return same; }
  /// First input sample of output sample `i`.
  [[nodiscard]] int at(int i) const noexcept { return first[static_cast<std::size_t>(i)]; }
};

/// What a rule computes with for 8-bit images, and for float images.
[[nodiscard]] Arithmetic arithmetic_of(ResizeRule rule, bool bytes) noexcept;
/// How `real` arithmetic ends for 8-bit images.
[[nodiscard]] Finish finish_of(ResizeRule rule, int in_height, int in_width, int height, int width) noexcept;
/// Which pass comes first decides what is rounded in between.
[[nodiscard]] bool vertical_first(ResizeRule rule, int in_height, int in_width, int height, int width) noexcept;

/// An axis that has to be built anew when one of these changes. `shrinks` is whether neither side grows: OpenCV's area rule
/// averages only then.
struct AxisRequest {
  ResizeRule rule = ResizeRule::pil_bicubic;
  int in = 0;
  int out = 0;
  bool bytes = true;
  bool shrinks = false;
  int begin = 0;   ///< first output sample to keep
  int count = -1;  ///< samples to keep
  friend bool operator==(const AxisRequest&, const AxisRequest&) = default;
};

/// Fills `axis`, reusing its memory. May throw std::bad_alloc.
void build_axis(const AxisRequest& request, ResampleAxis& axis);

}  // namespace sinew::detail
