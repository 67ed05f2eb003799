// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <array>
#include <bit>
#include <limits>

#include "sinew/backend/remote/msgpack.hpp"
#include "sinew/core/error.hpp"

namespace sinew::remote {

void MsgpackWriter::put_word(std::uint8_t tag, std::uint64_t value, std::size_t bytes) {
  std::array<std::byte, 9> word{std::byte{tag}};
  for (std::size_t i = 0; i < bytes; ++i) word[1 + i] = static_cast<std::byte>(value >> (8 * (bytes - 1 - i)));
  message_.put({word.data(), bytes + 1});
}

/// The shortest header, as msgpack's own packers choose it. A tag of 0: there is no such form.
void MsgpackWriter::put_length(std::size_t size, std::uint8_t fix, std::size_t fix_below, std::uint8_t tag8, std::uint8_t tag16,
                               std::uint8_t tag32) {
  if (size > std::numeric_limits<std::uint32_t>::max())
    fail(ErrorCode::limit, {"MsgpackWriter", "size", "below 2^32", fmt::format("{}", size), ""});
  if (size < fix_below) return put_word(static_cast<std::uint8_t>(fix | size), 0, 0);
  if (tag8 != 0 && size <= 0xFF) return put_word(tag8, size, 1);
  if (size <= 0xFFFF) return put_word(tag16, size, 2);
  put_word(tag32, size, 4);
}

void MsgpackWriter::nil() { put_word(0xC0, 0, 0); }
void MsgpackWriter::boolean(bool value) { put_word(value ? 0xC3 : 0xC2, 0, 0); }
void MsgpackWriter::integer(std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  if (value >= -32 && value < 128) return put_word(static_cast<std::uint8_t>(bits), 0, 0);
  if (value >= 0) {
    if (bits <= 0xFF) return put_word(0xCC, bits, 1);
    if (bits <= 0xFFFF) return put_word(0xCD, bits, 2);
    return bits <= 0xFFFFFFFF ? put_word(0xCE, bits, 4) : put_word(0xCF, bits, 8);
  }
  if (value >= -0x80) return put_word(0xD0, bits, 1);
  if (value >= -0x8000) return put_word(0xD1, bits, 2);
  return value >= -std::int64_t{0x80000000} ? put_word(0xD2, bits, 4) : put_word(0xD3, bits, 8);
}
void MsgpackWriter::real(double value) { put_word(0xCB, std::bit_cast<std::uint64_t>(value), 8); }
void MsgpackWriter::text(std::string_view value) {
  put_length(value.size(), 0xA0, 32, 0xD9, 0xDA, 0xDB);
  message_.put(std::as_bytes(std::span(value)));
}
void MsgpackWriter::binary(std::span<const std::byte> value) {
  put_length(value.size(), 0, 0, 0xC4, 0xC5, 0xC6);
  message_.put(value);
}
void MsgpackWriter::begin_array(std::size_t elements) { put_length(elements, 0x90, 16, 0, 0xDC, 0xDD); }
void MsgpackWriter::begin_map(std::size_t pairs) { put_length(pairs, 0x80, 16, 0, 0xDE, 0xDF); }

void MsgpackWriter::reference(std::span<const std::byte> value, std::span<const std::byte> beginning) {
  put_length(beginning.size() + value.size(), 0, 0, 0xC4, 0xC5, 0xC6);
  message_.put(beginning);
  message_.refer(value);
}

void MsgpackWriter::key(std::string_view name) { binary(std::as_bytes(std::span(name))); }

void MsgpackWriter::array(const ConstTensorView& tensor) { array(tensor.dtype(), tensor.shape().dims(), tensor.bytes()); }
void MsgpackWriter::array(DType dtype, std::span<const std::int64_t> shape, std::span<const std::byte> bytes) {
  const auto name = numpy_name(dtype);
  if (name.empty())
    fail(ErrorCode::unsupported, {"MsgpackWriter", "element type", "one that numpy has", std::string(to_string(dtype)), "send f32"});
  begin_map(4);
  key("__ndarray__");
  boolean(true);
  key("data");
  reference(bytes);
  key("dtype");
  text(name);
  key("shape");
  begin_array(shape.size());
  for (const std::int64_t dim : shape) integer(dim);
}

void MsgpackWriter::copy_to(std::vector<std::byte>& bytes) {
  bytes.reserve(bytes.size() + size());
  for (const auto piece : pieces()) bytes.insert(bytes.end(), piece.begin(), piece.end());
}

}  // namespace sinew::remote
