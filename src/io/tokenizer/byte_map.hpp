// SPDX-License-Identifier: Apache-2.0
// GPT-2's way to write any byte as a printable character, in which byte-level vocabularies are spelled.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "unicode.hpp"

namespace sinew::tokenizer {

/// Bytes that print stand for themselves, the others for U+0100 and up, in their order.
constexpr bool prints_itself(unsigned byte) noexcept {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

/// Byte of each character below U+0144, or -1.
inline constexpr auto kByteOf = [] {
  std::array<std::int16_t, 0x144> table{};
  table.fill(-1);
  std::size_t next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) table[prints_itself(byte) ? byte : next++] = static_cast<std::int16_t>(byte);
  return table;
}();

/// Appends the bytes that `spelled` (well-formed) stands for. False, and `bytes` as it was, when it has other characters.
inline bool append_spelled_bytes(std::string& bytes, std::string_view spelled) {
  const std::size_t before = bytes.size();
  bytes.resize(before + spelled.size());
  char* out = bytes.data() + before;
  for (const char* at = spelled.data(); at < spelled.data() + spelled.size();) {
    const char32_t c = next_code_point(at);
    if (c >= kByteOf.size() || kByteOf[c] < 0) {
      bytes.resize(before);
      return false;
    }
    *out++ = static_cast<char>(kByteOf[c]);
  }
  bytes.resize(static_cast<std::size_t>(out - bytes.data()));
  return true;
}

}  // namespace sinew::tokenizer
