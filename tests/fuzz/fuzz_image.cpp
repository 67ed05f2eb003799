// SPDX-License-Identifier: Apache-2.0
// Images from a stranger: either a reason, or an image of the size that was promised, the same each time.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "fuzz.hpp"
#include "sinew/io/image_codec.hpp"

namespace {

using sinew::testing::law;

// Small, so that what one input may make stays below the heap law.
constexpr sinew::ImageLimits kLimits{.max_side = 1024, .max_pixels = 40000};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  sinew::ImageDecoder decoder(kLimits);
  sinew::Image image;
  if (decoder.decode(bytes, image) != sinew::Status::ok) {
    const std::string_view error = decoder.last_error();
    law(!error.empty(), "a refusal has a reason");
    for (const char c : error) law(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F, "an error holds no control character");
    return 0;
  }
  law(image.channels() == 3 && image.height() >= 1 && image.width() >= 1, "an image is RGB and not empty");
  law(image.height() <= kLimits.max_side && image.width() <= kLimits.max_side, "an image is within the limits");
  law(std::int64_t{image.height()} * image.width() <= kLimits.max_pixels, "an image is within the limits");
  sinew::Image again;
  law(decoder.decode(bytes, again) == sinew::Status::ok && std::ranges::equal(again.pixels(), image.pixels()),
      "decoding depends on the bytes only");
  return 0;
}
