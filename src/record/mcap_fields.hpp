// SPDX-License-Identifier: Apache-2.0
// The fields of one record, every access checked, every refusal with the byte of the file. Messages are read with it, so it
// takes no copy of the path.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>

#include "sinew/core/clock.hpp"
#include "sinew/core/error.hpp"

namespace sinew::detail {

/// Throws "[where, byte N] what: expected X, got Y (hint)".
[[noreturn]] void refuse_at(std::uint64_t byte, ErrorCode code, const Complaint& complaint);

class McapFields {
 public:
  /// `content` begins at byte `offset` of the file `where`, which must outlive this.
  McapFields(std::span<const std::uint8_t> content, std::uint64_t offset, const std::string& where) noexcept
      : content_(content), offset_(offset), where_(where) {}

  [[nodiscard]] std::size_t position() const noexcept { return position_; }
  [[nodiscard]] std::size_t remaining() const noexcept { return content_.size() - position_; }
  /// The byte of the file that comes next.
  [[nodiscard]] std::uint64_t byte() const noexcept { return offset_ + position_; }
  [[nodiscard]] const std::string& where() const noexcept { return where_; }

  template <std::unsigned_integral Integer>
  [[nodiscard]] Integer number(std::string_view what) {
    std::uint64_t value = 0;
    unsigned shift = 0;
    for (const std::uint8_t byte : bytes(sizeof(Integer), what)) {
      value |= std::uint64_t{byte} << shift;
      shift += 8;
    }
    return static_cast<Integer>(value);
  }
  /// The next `size` bytes, in place.
  [[nodiscard]] std::span<const std::uint8_t> bytes(std::uint64_t size, std::string_view what) {
    if (size > remaining()) refuse_short(size, what);
    const auto part = content_.subspan(position_, static_cast<std::size_t>(size));
    position_ += part.size();
    return part;
  }
  void skip(std::uint64_t size) { static_cast<void>(bytes(size, "")); }
  /// All bytes that are left.
  [[nodiscard]] std::span<const std::uint8_t> rest() { return bytes(remaining(), ""); }
  /// The fields of the next `size` bytes alone.
  [[nodiscard]] McapFields part(std::uint64_t size, std::string_view what) {
    const std::uint64_t start = byte();
    return {bytes(size, what), start, where_};
  }
  /// A string: 32-bit length, then bytes; `text` wants them to be UTF-8.
  [[nodiscard]] std::string_view string(std::string_view what);
  [[nodiscard]] std::string_view text(std::string_view what);
  [[nodiscard]] Time time(std::string_view what);

  /// Throws Error at the byte that comes next.
  [[noreturn]] void refuse(std::string_view what, std::string_view expected, std::string_view got, std::string_view hint = "") const {
    refuse_at(byte(), ErrorCode::parse, {where_, what, expected, got, hint});
  }

 private:
  [[noreturn]] void refuse_short(std::uint64_t size, std::string_view what) const;

  std::span<const std::uint8_t> content_;
  std::uint64_t offset_;
  const std::string& where_;
  std::size_t position_ = 0;
};

}  // namespace sinew::detail
