// SPDX-License-Identifier: Apache-2.0
#include "packed_axis.hpp"

#include <algorithm>

namespace sinew::detail {

bool needs_split(const ResampleAxis& axis) noexcept {
  return std::ranges::any_of(axis.fixed, [](std::int32_t weight) { return weight < INT16_MIN || weight > INT16_MAX; });
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
  const auto high = [](std::int32_t w) { return (w + (1 << (kHighBits - 1))) >> kHighBits; };
  out.packed.reserve(static_cast<std::size_t>(padded / group * out.loads * per_load / 2 * parts * group) * 8);
  for (int x = 0; x < padded; x += group)
    for (int tap = 0; tap < out.loads * per_load; tap += 2)
      for (int part = 0; part < parts; ++part)
        for (int i = x; i < x + group; ++i)
          for (int dword = 0; dword < 4; ++dword)  // channels, or padding beside them
            for (int side = 0; side < 2; ++side) {
              const std::int32_t whole = weight(i, tap + side);
              const std::int32_t upper = split ? high(whole) : 0;
              const bool wants_high = split && part == 0;
              out.packed.push_back(static_cast<std::int16_t>(wants_high ? upper : whole - upper * (1 << kHighBits)));
            }
}

}  // namespace sinew::detail
