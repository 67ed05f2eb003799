// SPDX-License-Identifier: Apache-2.0
#include "sinew/backend/remote/protobuf.hpp"

#include <array>

namespace sinew::remote {

namespace {

// Wire types of the format.
constexpr unsigned kVarint = 0, kFixed64 = 1, kBytes = 2, kBeginGroup = 3, kEndGroup = 4, kFixed32 = 5;
constexpr int kMostDepth = 32;

}  // namespace

bool ProtoReader::varint(std::uint64_t& value) noexcept {
  value = 0;
  for (unsigned shift = 0; shift < 70 && offset_ < bytes_.size(); shift += 7) {
    const auto byte = std::to_integer<std::uint64_t>(bytes_[offset_++]);
    if (shift == 63 && byte > 1) break;  // beyond 64 bits
    value |= (byte & 0x7FU) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

bool ProtoReader::fixed(std::size_t bytes, std::uint64_t& value) noexcept {
  if (bytes_.size() - offset_ < bytes) return false;
  value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value |= std::to_integer<std::uint64_t>(bytes_[offset_++]) << (8 * i);
  return true;
}

bool ProtoReader::read_tag(std::uint32_t& number, unsigned& type) noexcept {
  std::uint64_t tag = 0;
  if (!varint(tag) || (tag >> 3) == 0 || (tag >> 3) > 0x1FFFFFFF) return false;
  number = static_cast<std::uint32_t>(tag >> 3);
  type = static_cast<unsigned>(tag & 7U);
  return true;
}

bool ProtoReader::read_content(unsigned type, ProtoField& field) noexcept {
  switch (type) {
    case kVarint: field.type = ProtoField::Type::varint; return varint(field.value);
    case kFixed64: field.type = ProtoField::Type::fixed64; return fixed(8, field.value);
    case kFixed32: field.type = ProtoField::Type::fixed32; return fixed(4, field.value);
    case kBytes: {
      std::uint64_t size = 0;
      if (!varint(size) || size > bytes_.size() - offset_) return false;
      field.type = ProtoField::Type::bytes;
      field.content = bytes_.subspan(offset_, size);
      offset_ += size;
      return true;
    }
    default: return false;
  }
}

bool ProtoReader::skip_group(std::uint32_t number) noexcept {
  std::array<std::uint32_t, kMostDepth> open{number};
  for (int depth = 1; depth > 0;) {
    unsigned type = 0;
    ProtoField inside;
    if (!read_tag(inside.number, type)) return false;
    if (type == kBeginGroup) {
      if (depth == kMostDepth) return false;
      open[static_cast<std::size_t>(depth++)] = inside.number;
    } else if (type == kEndGroup) {
      if (open[static_cast<std::size_t>(--depth)] != inside.number) return false;
    } else if (!read_content(type, inside)) {
      return false;
    }
  }
  return true;
}

bool ProtoReader::next(ProtoField& field) noexcept {
  while (!failed_ && offset_ < bytes_.size()) {
    unsigned type = 0;
    field = {};
    if (!read_tag(field.number, type)) {
      failed_ = true;
    } else if (type == kBeginGroup) {
      failed_ = !skip_group(field.number);
    } else {
      failed_ = !read_content(type, field);
      return !failed_;
    }
  }
  return false;
}

std::size_t varint_size(std::uint64_t value) noexcept {
  std::size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

void ProtoWriter::put_varint(std::uint64_t value) {
  std::array<std::byte, 10> bytes{};
  std::size_t size = 0;
  for (; value >= 0x80; value >>= 7) bytes[size++] = static_cast<std::byte>(value | 0x80U);
  bytes[size++] = static_cast<std::byte>(value);
  message_.put({bytes.data(), size});
}

void ProtoWriter::varint(std::uint32_t field, std::uint64_t value) {
  put_tag(field, kVarint);
  put_varint(value);
}
void ProtoWriter::begin(std::uint32_t field, std::size_t size) {
  put_tag(field, kBytes);
  put_varint(size);
}
void ProtoWriter::text(std::uint32_t field, std::string_view value) {
  begin(field, value.size());
  message_.put(std::as_bytes(std::span(value)));
}
void ProtoWriter::floats(std::uint32_t field, std::span<const float> values) {
  if (values.empty()) return;
  begin(field, values.size_bytes());
  message_.put(std::as_bytes(values));  // little-endian, as the format has them
}
void ProtoWriter::varints(std::uint32_t field, std::span<const std::int64_t> values) {
  if (values.empty()) return;
  std::size_t size = 0;
  for (const std::int64_t value : values) size += varint_size(static_cast<std::uint64_t>(value));
  begin(field, size);
  for (const std::int64_t value : values) put_varint(static_cast<std::uint64_t>(value));
}
void ProtoWriter::bytes(std::uint32_t field, std::span<const std::byte> value) {
  begin(field, value.size());
  message_.refer(value);
}

}  // namespace sinew::remote
