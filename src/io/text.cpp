// SPDX-License-Identifier: Apache-2.0
// UTF-8 validation by the table of well-formed byte sequences, and safe display.
#include "sinew/io/text.hpp"

#include <fmt/format.h>

namespace sinew {

namespace {

/// Length of the well-formed sequence at the start of `text`, 0 when there is none.
std::size_t sequence_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) -> unsigned { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto within = [](unsigned value, unsigned low, unsigned high) { return value >= low && value <= high; };
  const auto tail = [&](std::size_t i) { return within(byte(i), 0x80, 0xBF); };
  const unsigned lead = byte(0);
  if (text.empty()) return 0;
  if (lead < 0x80) return 1;
  if (within(lead, 0xC2, 0xDF)) return tail(1) ? 2 : 0;
  if (within(lead, 0xE0, 0xEF)) {
    const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;   // E0 below A0 would be overlong
    const unsigned high = lead == 0xED ? 0x9F : 0xBF;  // ED above 9F would be a surrogate
    return within(byte(1), low, high) && tail(2) ? 3 : 0;
  }
  if (within(lead, 0xF0, 0xF4)) {
    const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;  // F4 above 8F would be beyond U+10FFFF
    return within(byte(1), low, high) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::size_t utf8_prefix(std::string_view text) noexcept {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t length = sequence_length(text.substr(at));
    if (length == 0) break;
    at += length;
  }
  return at;
}

std::string printable(std::string_view text, std::size_t most) {
  std::string shown;
  std::size_t at = 0;
  while (at < text.size()) {
    if (shown.size() >= most) return shown + "...";
    const std::size_t length = sequence_length(text.substr(at));
    const auto byte = static_cast<unsigned char>(text[at]);
    const auto next = static_cast<unsigned char>(at + 1 < text.size() ? text[at + 1] : '\0');
    const bool control = byte < 0x20 || byte == 0x7F || (byte == 0xC2 && next < 0xA0);  // C1 controls drive terminals too
    if (length == 0 || control) {
      shown += fmt::format("\\x{:02x}", byte);
      ++at;
    } else {
      shown += text.substr(at, length);
      at += length;
    }
  }
  return shown;
}

std::string quote(std::string_view text, std::size_t most) { return '\'' + printable(text, most) + '\''; }

}  // namespace sinew
