// SPDX-License-Identifier: Apache-2.0
// An image of noise, the same for the same seed and stream.
#pragma once

#include <cstdint>

#include "sinew/core/image.hpp"
#include "test_seed.hpp"

namespace sinew::testing {

inline Image random_image(int height, int width, int channels, std::uint64_t stream) {
  Random random(stream);
  Image image(height, width, channels);
  for (auto& value : image.pixels()) value = static_cast<std::uint8_t>(random.below(256));
  return image;
}

}  // namespace sinew::testing
