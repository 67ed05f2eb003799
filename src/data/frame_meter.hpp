// SPDX-License-Identifier: Apache-2.0
// What curation wants to know about one camera frame.
#pragma once

#include <cstdint>
#include <vector>

#include "sinew/core/image.hpp"

namespace sinew {

/// See CameraTrack.
struct FrameMeasure {
  double brightness = 0;
  double sharpness = 0;
  std::uint64_t digest = 0;
};

/// Measures frames; keeps its memory from one to the next.
class FrameMeter {
 public:
  [[nodiscard]] FrameMeasure measure(const ImageView& image);

 private:
  std::vector<std::uint8_t> grey_;  // [height, width]
};

}  // namespace sinew
