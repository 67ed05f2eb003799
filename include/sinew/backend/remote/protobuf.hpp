// SPDX-License-Identifier: Apache-2.0
// The few Protocol Buffers that a policy server needs: fields one after the other, bounded, and a writer that does not copy pixels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "sinew/backend/remote/piece_list.hpp"
#include "sinew/backend/remote/protocol.hpp"

namespace sinew::remote {

/// A field of a message: its number, and what it holds by its wire type.
struct ProtoField {
  enum class Type : std::uint8_t { varint, fixed64, bytes, fixed32 };
  std::uint32_t number = 0;
  Type type = Type::varint;
  std::uint64_t value = 0;               ///< of varint, fixed64, fixed32
  std::span<const std::byte> content{};  ///< of bytes
};

/// Goes through the fields of one message. Groups are passed over, to a depth of 32.
class ProtoReader {
 public:
  explicit ProtoReader(std::span<const std::byte> message) noexcept : bytes_(message) {}

  /// The next field; false at the end and when the bytes are no message, which failed() tells apart.
  [[nodiscard]] bool next(ProtoField& field) noexcept;
  [[nodiscard]] bool failed() const noexcept { return failed_; }
  [[nodiscard]] std::size_t offset() const noexcept { return offset_; }

 private:
  bool varint(std::uint64_t& value) noexcept;
  bool fixed(std::size_t bytes, std::uint64_t& value) noexcept;
  bool skip_group(std::uint32_t number) noexcept;
  bool read_tag(std::uint32_t& number, unsigned& type) noexcept;
  bool read_content(unsigned type, ProtoField& field) noexcept;

  std::span<const std::byte> bytes_;
  std::size_t offset_ = 0;
  bool failed_ = false;
};

/// Writes one message as pieces; what is handed to `bytes` must outlive it.
class ProtoWriter {
 public:
  void clear() noexcept { message_.clear(); }
  void varint(std::uint32_t field, std::uint64_t value);
  void text(std::uint32_t field, std::string_view value);
  void floats(std::uint32_t field, std::span<const float> values);  ///< packed; nothing for none
  void varints(std::uint32_t field, std::span<const std::int64_t> values);
  /// The header of a message or bytes of `size` that are written next.
  void begin(std::uint32_t field, std::size_t size);
  /// Bytes that stay where they are.
  void bytes(std::uint32_t field, std::span<const std::byte> value);

  [[nodiscard]] Pieces pieces() { return message_.views(); }
  [[nodiscard]] std::size_t size() const noexcept { return message_.size(); }

 private:
  void put_varint(std::uint64_t value);
  void put_tag(std::uint32_t field, unsigned type) { put_varint(std::uint64_t{field} << 3 | type); }

  PieceList message_;
};

/// Bytes that a varint takes.
[[nodiscard]] std::size_t varint_size(std::uint64_t value) noexcept;

}  // namespace sinew::remote
