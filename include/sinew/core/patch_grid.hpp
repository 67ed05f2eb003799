// SPDX-License-Identifier: Apache-2.0
// How an image became patches.
#pragma once

#include <cstddef>

namespace sinew {

/// Patches of one image: rows of `pixel_values` = temporal * height * width.
struct PatchGrid {
  int temporal = 0;
  int height = 0;  ///< patches
  int width = 0;   ///< patches
  [[nodiscard]] std::size_t patches() const noexcept {
    return static_cast<std::size_t>(temporal) * static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  }
  friend bool operator==(const PatchGrid&, const PatchGrid&) = default;
};

}  // namespace sinew
