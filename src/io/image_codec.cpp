// SPDX-License-Identifier: Apache-2.0
// What JPEG and PNG share: which of the two it is, and how large it may be.
#include "sinew/io/image_codec.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <string>

namespace sinew {

namespace {

constexpr std::array kJpegSignature = {std::byte{0xFF}, std::byte{0xD8}, std::byte{0xFF}};
constexpr std::array kPngSignature = {std::byte{0x89}, std::byte{'P'},  std::byte{'N'},  std::byte{'G'},
                                      std::byte{0x0D}, std::byte{0x0A}, std::byte{0x1A}, std::byte{0x0A}};

template <std::size_t n>
bool begins_with(std::span<const std::byte> data, const std::array<std::byte, n>& signature) noexcept {
  return data.size() >= n && std::equal(signature.begin(), signature.end(), data.begin());
}

}  // namespace

Status ImageDecoder::refuse(ErrorCode code) noexcept {
  code_ = code;
  return code == ErrorCode::limit ? Status::over_capacity : Status::bad_shape;
}

Status ImageDecoder::prepare(std::int64_t height, std::int64_t width, std::int64_t most, Image& out) noexcept {
  if (height < 1 || width < 1) {
    error_.format("an image of {} x {} pixels", height, width);
    return refuse(ErrorCode::parse);
  }
  if (height > limits_.max_side || width > limits_.max_side || height * width > limits_.max_pixels) {
    error_.format("{} x {} pixels exceed the limit: {} a side, {} in all", height, width, limits_.max_side, limits_.max_pixels);
    return refuse(ErrorCode::limit);
  }
  if (height * width > most) {
    error_.format("{} x {} pixels are more than the bytes could hold", height, width);
    return refuse(ErrorCode::limit);
  }
  try {
    out.resize(static_cast<int>(height), static_cast<int>(width), 3);
  } catch (const std::exception&) {
    error_.format("no memory for {} x {} pixels", height, width);
    return refuse(ErrorCode::limit);
  }
  return Status::ok;
}

Status ImageDecoder::decode(std::span<const std::byte> data, Image& out) noexcept {
  error_.clear();
  if (begins_with(data, kJpegSignature)) return decode_jpeg(data, out);
  if (begins_with(data, kPngSignature)) return decode_png(data, out);
  error_.format("{} bytes that begin neither as a JPEG nor as a PNG", data.size());
  return refuse(ErrorCode::parse);
}

void decode_image(std::span<const std::byte> data, Image& out, std::string_view where, JpegDct dct) {
  ImageDecoder decoder({}, dct);
  if (decoder.decode(data, out) == Status::ok) return;
  fail(decoder.last_code(), {where, "image", "a whole JPEG or PNG", std::string(decoder.last_error()), ""});
}

}  // namespace sinew
