// SPDX-License-Identifier: Apache-2.0
// The bytes of a file are not pixels: an image is built from 8-bit samples and two sizes.
#include <string>

#include "sinew/core/image.hpp"

int width_of(const std::string& encoded, const std::uint8_t* pixels) {
#ifdef MISUSE
  static_cast<void>(pixels);
  return sinew::ImageView(encoded, 2, 3).width();
#else
  static_cast<void>(encoded);
  return sinew::ImageView(pixels, 2, 3).width();
#endif
}
