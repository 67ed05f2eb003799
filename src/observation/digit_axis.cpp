// SPDX-License-Identifier: Apache-2.0
#include "digit_axis.hpp"

#include <algorithm>
#include <array>

#include "kernels/kernels.hpp"

namespace sinew::detail {

namespace {

using Digits = std::array<std::int8_t, kMostDigits>;

/// The digits of a weight from the lowest on; `rest` is what they leave out.
Digits digits_of(std::int32_t weight, std::int32_t& rest) noexcept {
  Digits digits{};
  for (std::int8_t& digit : digits) {
    const std::int32_t low = ((weight + 128) & 255) - 128;
    digit = static_cast<std::int8_t>(low);
    weight = (weight - low) / 256;
  }
  rest = weight;
  return digits;
}

/// How many digits the largest weight needs; 0 when there are not enough.
int digits_needed(const ResampleAxis& axis) noexcept {
  int needed = kLeastDigits;
  for (const std::int32_t weight : axis.fixed) {
    std::int32_t rest = 0;
    const Digits digits = digits_of(weight, rest);
    if (rest != 0) return 0;
    for (int digit = needed; digit < kMostDigits; ++digit)
      if (digits[static_cast<std::size_t>(digit)] != 0) needed = digit + 1;
  }
  return axis.fixed.empty() ? 0 : needed;
}

/// Weight of a tap of output sample `i`; 0 behind the last.
std::int32_t weight_at(const ResampleAxis& axis, int i, int tap) noexcept {
  return tap < axis.taps ? axis.fixed[static_cast<std::size_t>(i) * static_cast<std::size_t>(axis.taps) + static_cast<std::size_t>(tap)]
                         : 0;
}

/// Fills one quad of 16 output bytes; false when its taps lie too far apart for one load.
bool pack_quad(const ResampleAxis& axis, int begin, int first_tap, DigitColumns& out) {
  const int size = std::min(kDigitGroup, axis.out * out.channels - begin);
  std::array<int, std::size_t{4} * kDigitGroup> sources;
  std::array<Digits, sources.size()> digits{};
  sources.fill(-1);
  for (int i = 0; i < size; ++i)
    for (int side = 0; side < 4; ++side) {
      const int x = (begin + i) / out.channels;
      const std::int32_t weight = weight_at(axis, x, first_tap + side);
      if (weight == 0) continue;  // reads any byte: the product is 0
      const auto at = static_cast<std::size_t>(4 * i + side);
      std::int32_t rest = 0;
      sources[at] = (axis.at(x) + first_tap + side) * out.channels + (begin + i) % out.channels;
      digits[at] = digits_of(weight, rest);
    }
  int start = axis.in * out.channels, last = 0;
  for (const int source : sources) {
    if (source < 0) continue;
    start = std::min(start, source);
    last = std::max(last, source);
  }
  start = std::min(start, last);
  if (last - start >= static_cast<int>(sources.size())) return false;
  out.starts.push_back(start);
  out.reach = std::max(out.reach, static_cast<std::size_t>(start) + sources.size());
  for (const int source : sources) out.places.push_back(static_cast<std::uint8_t>(std::max(source - start, 0)));
  for (std::size_t digit = 0; digit < static_cast<std::size_t>(out.digits); ++digit)
    for (const Digits& all : digits) out.weights.push_back(all[digit]);
  return true;
}

}  // namespace

void pack_digits(const ResampleAxis& axis, int channels, DigitColumns& out) {
  out.channels = channels;
  out.digits = digits_needed(axis);
  out.quads = (axis.taps + 3) / 4;
  out.reach = 0;
  out.starts.clear();
  out.places.clear();
  out.weights.clear();
  if (out.digits == 0) return;
  for (int begin = 0; begin < axis.out * channels; begin += kDigitGroup)
    for (int quad = 0; quad < out.quads; ++quad)
      if (!pack_quad(axis, begin, 4 * quad, out)) {
        out.digits = 0;
        return;
      }
}

void pack_digits(const ResampleAxis& axis, DigitRows& out) {
  out.digits = digits_needed(axis);
  out.quads = (axis.taps + 3) / 4;
  out.weights.clear();
  if (out.digits == 0) return;
  for (int y = 0; y < axis.out; ++y)
    for (int quad = 0; quad < out.quads; ++quad)
      for (int digit = 0; digit < out.digits; ++digit) {
        std::uint32_t four = 0;
        for (int side = 0; side < 4; ++side) {
          std::int32_t rest = 0;
          const Digits digits = digits_of(weight_at(axis, y, 4 * quad + side), rest);
          four |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(digits[static_cast<std::size_t>(digit)])) << (8 * side);
        }
        out.weights.push_back(static_cast<std::int32_t>(four));
      }
}

}  // namespace sinew::detail
