// SPDX-License-Identifier: Apache-2.0
// The codec's own claims; python/tests/test_image_codec.py holds it to Pillow's pixels.
#include "sinew/io/image_codec.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "random_image.hpp"
#include "sinew/record/crc32.hpp"
#include "sinew/testing/no_alloc.hpp"

using namespace sinew;

namespace {

using Bytes = std::vector<std::byte>;

Image waves(int height, int width) {
  Image image(height, width);
  std::size_t i = 0;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < 3; ++c) image.pixels()[i++] = static_cast<std::uint8_t>(127.5 + 120 * std::sin(0.05 * (c + 1) * x + 0.07 * y));
  return image;
}

Bytes jpeg(const Image& image, const JpegOptions& options = {}) {
  Bytes out;
  REQUIRE(encode_jpeg(image.view(), options, out) == Status::ok);
  return out;
}

Bytes png(const Image& image) {
  Bytes out;
  REQUIRE(encode_png(image.view(), 6, out) == Status::ok);
  return out;
}

void put_big_endian(Bytes& data, std::size_t at, std::uint32_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i, value >>= 8U) data.at(at + static_cast<std::size_t>(i)) = static_cast<std::byte>(value & 0xFFU);
}

/// A PNG whose header claims another size, with a checksum that agrees.
Bytes png_claiming(std::uint32_t height, std::uint32_t width) {
  Bytes data = png(sinew::testing::random_image(4, 4, 3, 1));
  put_big_endian(data, 16, width, 4);
  put_big_endian(data, 20, height, 4);
  put_big_endian(data, 29, crc32({reinterpret_cast<const std::uint8_t*>(data.data()) + 12, 17}), 4);
  return data;
}

/// A JPEG whose frame header claims another size.
Bytes jpeg_claiming(std::uint32_t height, std::uint32_t width) {
  Bytes data = jpeg(sinew::testing::random_image(16, 16, 3, 2));
  const std::array marker = {std::byte{0xFF}, std::byte{0xC0}};
  const auto at = static_cast<std::size_t>(std::ranges::search(data, marker).begin() - data.begin());
  put_big_endian(data, at + 5, height, 2);
  put_big_endian(data, at + 7, width, 2);
  return data;
}

}  // namespace

TEST_CASE("image codec: PNG gives back the pixels, grey as RGB, alpha dropped") {
  ImageDecoder decoder;
  Image out;
  for (int channels = 1; channels <= 4; ++channels) {
    CAPTURE(channels);
    const Image image = sinew::testing::random_image(19, 23, channels, 3);
    REQUIRE(decoder.decode(png(image), out) == Status::ok);
    REQUIRE(out.height() == 19);
    REQUIRE(out.width() == 23);
    REQUIRE(out.channels() == 3);
    for (std::size_t i = 0; i < 19 * 23; ++i)
      for (std::size_t c = 0; c < 3; ++c)
        REQUIRE(out.pixels()[3 * i + c] == image.pixels()[i * static_cast<std::size_t>(channels) + (channels < 3 ? 0 : c)]);
  }
}

TEST_CASE("image codec: a JPEG of high quality is near what it was made of, in the right order of colours") {
  const Image image = waves(48, 63);
  Image out;
  decode_image(jpeg(image, {.quality = 98, .subsampling = ChromaSubsampling::yuv444}), out);
  REQUIRE(out.pixels().size() == image.pixels().size());
  int worst = 0;
  for (std::size_t i = 0; i < out.pixels().size(); ++i) worst = std::max(worst, std::abs(int{out.pixels()[i]} - int{image.pixels()[i]}));
  CHECK(worst <= 8);
  Image grey(10, 10, 1);
  std::ranges::fill(grey.pixels(), std::uint8_t{77});
  decode_image(jpeg(grey), out);
  CHECK(std::ranges::all_of(out.pixels(), [](auto value) { return value == 77; }));
}

TEST_CASE("image codec: padded rows do not matter") {
  const Image wide = sinew::testing::random_image(20, 40, 3, 4);
  const ImageView part = wide.view().crop(3, 5, 12, 17);
  const Image copy(part);
  Bytes from_view;
  REQUIRE(encode_png(part, 6, from_view) == Status::ok);
  CHECK(from_view == png(copy));
  REQUIRE(encode_jpeg(part, {}, from_view) == Status::ok);
  CHECK(from_view == jpeg(copy));
}

TEST_CASE("image codec: a file cut at any byte is refused, with a reason") {
  ImageDecoder decoder;
  Image out;
  for (const Bytes& whole : {jpeg(waves(24, 17)), png(waves(24, 17)), jpeg(sinew::testing::random_image(9, 9, 1, 5)),
                             png(sinew::testing::random_image(9, 9, 2, 6))}) {
    REQUIRE(decoder.decode(whole, out) == Status::ok);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      CAPTURE(size);
      const Status status = decoder.decode(std::span(whole).first(size), out);
      REQUIRE((status == Status::bad_shape || status == Status::over_capacity));
      REQUIRE(!decoder.last_error().empty());
    }
    REQUIRE(decoder.decode(whole, out) == Status::ok);
    CHECK(decoder.last_error().empty());
  }
}

TEST_CASE("image codec: what follows the end of the image is ignored") {
  ImageDecoder decoder;
  Image plain, padded;
  for (Bytes data : {jpeg(waves(24, 17)), png(waves(24, 17))}) {
    REQUIRE(decoder.decode(data, plain) == Status::ok);
    data.insert(data.end(), 100, std::byte{0});
    REQUIRE(decoder.decode(data, padded) == Status::ok);
    CHECK(std::ranges::equal(plain.pixels(), padded.pixels()));
  }
}

TEST_CASE("image codec: a header that claims more than the limits or the bytes allow makes no image") {
  ImageDecoder decoder;
  Image out;
  for (const auto& [height, width] : {std::pair{8193U, 1U}, std::pair{1U, 8193U}, std::pair{8192U, 8192U}, std::pair{60000U, 60000U}}) {
    CAPTURE(height);
    CAPTURE(width);
    CHECK(decoder.decode(png_claiming(height, width), out) == Status::over_capacity);
    CHECK(decoder.decode(jpeg_claiming(height, width), out) == Status::over_capacity);
    CHECK(decoder.last_code() == ErrorCode::limit);
  }
  CHECK(decoder.decode(png_claiming(4000, 4000), out) == Status::over_capacity);
  CHECK(decoder.decode(jpeg_claiming(4000, 4000), out) == Status::over_capacity);
  CHECK(decoder.decode(png_claiming(0x7FFFFFFFU, 0x7FFFFFFFU), out) != Status::ok);
  CHECK(decoder.decode(png_claiming(0xFFFFFFFFU, 1), out) != Status::ok);
  CHECK(decoder.decode(png_claiming(0, 4), out) != Status::ok);
  CHECK(decoder.decode(jpeg_claiming(0, 4), out) != Status::ok);
  CHECK(out.pixels().size() < 10000);

  ImageDecoder strict({.max_side = 16, .max_pixels = 200});
  CHECK(strict.decode(png(sinew::testing::random_image(16, 12, 3, 7)), out) == Status::ok);
  CHECK(strict.decode(png(sinew::testing::random_image(17, 1, 3, 7)), out) == Status::over_capacity);
  CHECK(strict.decode(png(sinew::testing::random_image(16, 13, 3, 7)), out) == Status::over_capacity);
}

TEST_CASE("image codec: a flat image at the format's best compression is not taken for a bomb") {
  Image image(1080, 1920);
  std::ranges::fill(image.pixels(), std::uint8_t{128});
  Image out;
  for (const Bytes& data : {jpeg(image), jpeg(image, {.quality = 1}), png(image)}) {
    decode_image(data, out);
    CHECK(std::ranges::equal(out.pixels(), image.pixels()));
  }
}

TEST_CASE("image codec: what is no image is refused, at set-up by an Error") {
  ImageDecoder decoder;
  Image out;
  for (const std::string text : {"", "\xFF", "\xFF\xD8", "\x89PNG", "GIF89a........", "BM......", "RIFF....WEBP"}) {
    CHECK(decoder.decode(std::as_bytes(std::span(text)), out) == Status::bad_shape);
    CHECK(decoder.last_code() == ErrorCode::parse);
  }
  CHECK_THROWS_WITH_AS(decode_image({}, out, "frame 7"), doctest::Contains("[frame 7] image: expected a whole JPEG or PNG"), Error);
}

TEST_CASE("image codec: encoders refuse what they cannot write") {
  Bytes out;
  CHECK(encode_jpeg(ImageView(), {}, out) == Status::bad_shape);
  CHECK(encode_png(ImageView(), 6, out) == Status::bad_shape);
  CHECK(encode_jpeg(sinew::testing::random_image(4, 4, 4, 8).view(), {}, out) == Status::bad_shape);
  CHECK(encode_png(sinew::testing::random_image(4, 4, 5, 8).view(), 6, out) == Status::bad_shape);
  CHECK(encode_jpeg(sinew::testing::random_image(4, 4, 3, 8).view(), {.quality = 0}, out) == Status::out_of_range);
  CHECK(encode_jpeg(sinew::testing::random_image(4, 4, 3, 8).view(), {.quality = 101}, out) == Status::out_of_range);
  CHECK(encode_png(sinew::testing::random_image(4, 4, 3, 8).view(), 0, out) == Status::out_of_range);
  const std::vector<std::uint8_t> tall(65501);
  CHECK(encode_jpeg(ImageView(tall.data(), 65501, 1, 1), {}, out) == Status::bad_shape);
}

TEST_CASE("image codec: after the first frame nothing of ours is allocated") {
  REQUIRE(sinew::testing::counting_works());
  const Image image = waves(120, 160);
  ImageDecoder decoder;
  Image out;
  Bytes encoded;
  for (const Bytes& data : {jpeg(image), png(image)}) {
    REQUIRE(decoder.decode(data, out) == Status::ok);
    const sinew::testing::HeapCallCounter counter;
    REQUIRE(decoder.decode(data, out) == Status::ok);
    CHECK(counter.count() == 0);
  }
  REQUIRE(encode_jpeg(image.view(), {}, encoded) == Status::ok);
  const sinew::testing::HeapCallCounter counter;
  REQUIRE(encode_jpeg(image.view(), {}, encoded) == Status::ok);
  CHECK(counter.count() == 0);
}
