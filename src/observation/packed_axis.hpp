// SPDX-License-Identifier: Apache-2.0
// A fixed-point axis in the layout that the horizontal kernels of one instruction set read.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/kernels.hpp"
#include "resample_axis.hpp"

namespace sinew::detail {

struct PackedAxis {
  int channels = 0;
  int group = -1;
  int loads = 0;
  std::size_t reach = 0;              ///< bytes of a row that the kernel reads, from its beginning
  std::vector<std::int32_t> offsets;  ///< see HorizontalPass
  std::vector<std::int16_t> packed;
};

/// The same axis for the vertical kernels, which are alike in all instruction sets.
struct PairedAxis {
  int pairs = 0;
  std::vector<std::int32_t> weights;  ///< [out, 2 * pairs], see VerticalPass
  std::vector<std::int32_t> packed;   ///< [out, pairs, 2]
};

/// Whether a weight of the axis needs more than 16 bits.
[[nodiscard]] bool needs_split(const ResampleAxis& axis) noexcept;
void pack_vertical(const ResampleAxis& axis, PairedAxis& out);
void pack_horizontal(const ResampleAxis& axis, int channels, int group, PackedAxis& out);

}  // namespace sinew::detail
