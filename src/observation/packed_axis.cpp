// SPDX-License-Identifier: Apache-2.0
#include "packed_axis.hpp"

#include <algorithm>

namespace sinew::detail {

namespace {

/// The part above kHighBits, such that the rest fits 16 bits with its sign.
std::int32_t high_part(std::int32_t weight) noexcept { return (weight + (1 << (kHighBits - 1))) >> kHighBits; }

}  // namespace

bool needs_split(const ResampleAxis& axis) noexcept {
  return std::ranges::any_of(axis.fixed, [](std::int32_t weight) { return weight < INT16_MIN || weight > INT16_MAX; });
}

void pack_vertical(const ResampleAxis& axis, PairedAxis& out) {
  out.pairs = (axis.taps + 1) / 2;
  out.weights.clear();
  out.packed.clear();
  if (axis.fixed.empty()) return;
  const bool split = needs_split(axis);
  const auto two = [](std::int32_t first, std::int32_t second) { return (first & 0xFFFF) | second * (1 << 16); };
  for (int i = 0; i < axis.out; ++i)
    for (int tap = 0; tap < axis.taps; tap += 2) {
      const std::int32_t* weights = axis.fixed.data() + static_cast<std::ptrdiff_t>(i) * axis.taps + tap;
      const std::int32_t first = weights[0], second = tap + 1 < axis.taps ? weights[1] : 0;
      const std::int32_t first_high = split ? high_part(first) : 0, second_high = split ? high_part(second) : 0;
      out.weights.insert(out.weights.end(), {first, second});
      out.packed.insert(out.packed.end(), {two(first_high, second_high),
                                           two(first - first_high * (1 << kHighBits), second - second_high * (1 << kHighBits))});
    }
}

void pack_horizontal(const ResampleAxis& axis, int channels, int group, PackedAxis& out) {
  out.channels = channels;
  out.group = group;
  const int per_load = taps_per_load(channels);
  out.loads = (axis.taps + per_load - 1) / per_load;
  const int unit = std::max(group, 1);
  const int padded = (axis.out + unit - 1) / unit * unit;
  const bool split = needs_split(axis);
  const int parts = split ? 2 : 1;
  out.offsets.resize(static_cast<std::size_t>(padded));
  int last = 0;
  for (int x = 0; x < padded; ++x) {
    out.offsets[static_cast<std::size_t>(x)] = axis.at(std::min(x, axis.out - 1)) * channels;
    last = std::max(last, out.offsets[static_cast<std::size_t>(x)]);
  }
  out.reach = static_cast<std::size_t>(last + (out.loads - 1) * per_load * channels + 16);
  out.packed.clear();
  if (group == 0) return;
  const auto weight = [&](int x, int tap) {
    return tap < axis.taps ? axis.fixed[static_cast<std::size_t>(std::min(x, axis.out - 1) * axis.taps + tap)] : 0;
  };
  out.packed.reserve(static_cast<std::size_t>(padded / group * out.loads * per_load / 2 * parts * group) * 8);
  for (int x = 0; x < padded; x += group)
    for (int tap = 0; tap < out.loads * per_load; tap += 2)
      for (int part = 0; part < parts; ++part)
        for (int i = x; i < x + group; ++i)
          for (int dword = 0; dword < 4; ++dword)  // channels, or padding beside them
            for (int side = 0; side < 2; ++side) {
              const std::int32_t whole = weight(i, tap + side);
              const std::int32_t upper = split ? high_part(whole) : 0;
              const bool wants_high = split && part == 0;
              out.packed.push_back(static_cast<std::int16_t>(wants_high ? upper : whole - upper * (1 << kHighBits)));
            }
}

}  // namespace sinew::detail
