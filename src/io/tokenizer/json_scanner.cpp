// SPDX-License-Identifier: Apache-2.0
#include "json_scanner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "sinew/io/text.hpp"
#include "unicode.hpp"

namespace sinew::tokenizer {

namespace {

bool is_plain(char c) noexcept {
  return static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x80 && c != '"' && c != '\\';
}

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  const int letter = (c | 0x20) - 'a';
  return letter >= 0 && letter < 6 ? letter + 10 : -1;
}

/// A byte that ends a number, true, false or null.
bool ends_literal(char c) noexcept { return std::string_view(",}]\"{[ \n\r\t").find(c) != std::string_view::npos; }

}  // namespace

void JsonScanner::refuse(ErrorCode code, std::string_view what, std::string_view expected, std::string_view got) const {
  const std::string_view before = text_.substr(0, static_cast<std::size_t>(at_ - text_.data()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const auto newline = before.rfind('\n');
  const auto column = before.size() - (newline == std::string_view::npos ? 0 : newline + 1) + 1;
  fail(code, {fmt::format("{}:{}:{}", where_, line, column), what, expected, got, ""});
}

void JsonScanner::read_string(std::string& content) {
  expect('"');
  content.clear();
  for (;;) {
    const char* const begin = at_;
    while (at_ < end_ && is_plain(*at_)) ++at_;
    content.append(begin, static_cast<std::size_t>(at_ - begin));
    if (at_ == end_) refuse(ErrorCode::parse, "JSON string", "its closing quote", "the end of the text");
    if (*at_ == '"') {
      ++at_;
      return;
    }
    if (*at_ == '\\') {
      read_escape(content);
    } else if (static_cast<unsigned char>(*at_) < 0x20) {
      refuse(ErrorCode::parse, "JSON string", "control characters as escapes",
             fmt::format("byte 0x{:02x}", static_cast<unsigned char>(*at_)));
    } else {
      read_beyond_ascii(content);
    }
  }
}

void JsonScanner::read_beyond_ascii(std::string& content) {
  // The usual case are the two-byte characters of byte-level spelling.
  const auto second = at_ + 1 < end_ ? static_cast<unsigned char>(at_[1]) : 0U;
  const auto lead = static_cast<unsigned char>(*at_);
  std::size_t length = lead >= 0xC2 && lead < 0xE0 && (second & 0xC0) == 0x80 ? 2 : 0;
  if (length == 0) length = utf8_prefix({at_, std::min<std::size_t>(lead < 0xF0 ? 3 : 4, static_cast<std::size_t>(end_ - at_))});
  if (length == 0) refuse(ErrorCode::parse, "JSON text", "well-formed UTF-8", fmt::format("byte 0x{:02x}", lead));
  content.append(at_, length);
  at_ += length;
}

std::uint32_t JsonScanner::read_hex() {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    const int digit = at_ < end_ ? hex_digit(*at_) : -1;
    if (digit < 0) refuse(ErrorCode::parse, "JSON escape", "four hexadecimal digits", "something else");
    value = value << 4 | static_cast<std::uint32_t>(digit);
  }
  return value;
}

void JsonScanner::read_escape(std::string& content) {
  static constexpr std::string_view kNames = "\"\\/bfnrt", kMeant = "\"\\/\b\f\n\r\t";
  ++at_;
  const char name = at_ < end_ ? *at_ : '\0';
  if (name == 'u') {
    ++at_;
    char32_t c = read_hex();
    if (c >= 0xD800 && c < 0xDC00 && end_ - at_ > 2 && at_[0] == '\\' && at_[1] == 'u') {
      at_ += 2;
      const char32_t low = read_hex();
      if (low < 0xDC00 || low > 0xDFFF) refuse(ErrorCode::parse, "JSON escape", "the second half of a surrogate pair", "something else");
      c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    } else if (c >= 0xD800 && c < 0xE000) {
      refuse(ErrorCode::parse, "JSON escape", "a whole surrogate pair", "half of one");
    }
    return append_utf8(content, c);
  }
  const auto found = kNames.find(name);
  if (found == std::string_view::npos || name == '\0') refuse(ErrorCode::parse, "JSON escape", "one that JSON has", "another");
  content.push_back(kMeant[found]);
  ++at_;
}

std::uint64_t JsonScanner::read_integer(std::string_view what, std::uint64_t limit) {
  skip_space();
  const char* const begin = at_;
  std::uint64_t value = 0;
  constexpr std::ptrdiff_t kDigits = 19;  // never more than 64 bits
  while (at_ < end_ && *at_ >= '0' && *at_ <= '9' && at_ - begin < kDigits) value = value * 10 + static_cast<std::uint64_t>(*at_++ - '0');
  const bool number_goes_on = at_ < end_ && ((*at_ >= '0' && *at_ <= '9') || *at_ == '.' || *at_ == 'e' || *at_ == 'E');
  const bool plain = at_ > begin && !number_goes_on && (*begin != '0' || at_ - begin == 1);
  if (plain && value < limit) return value;
  at_ = begin;
  if (!plain) refuse(ErrorCode::parse, what, "a non-negative integer of at most 19 digits", "something else");
  refuse(ErrorCode::limit, what, fmt::format("less than {}", limit), std::to_string(value));
}

bool JsonScanner::skip_string(std::string_view& raw) noexcept {
  const char* const begin = ++at_;
  while (at_ < end_ && *at_ != '"') at_ += *at_ == '\\' && end_ - at_ > 1 ? 2 : 1;
  if (at_ >= end_) return false;
  raw = {begin, static_cast<std::size_t>(at_ - begin)};
  ++at_;
  return true;
}

bool JsonScanner::skip_value() noexcept {
  std::size_t depth = 0;
  do {
    skip_space();
    if (!skip_part(depth)) return false;
  } while (depth > 0);
  return true;
}

/// A string, a literal, a bracket, or inside of brackets a comma or colon.
bool JsonScanner::skip_part(std::size_t& depth) noexcept {
  if (at_ == end_) return false;
  const char c = *at_;
  std::string_view raw;
  if (c == '"') return skip_string(raw);
  const bool opens = c == '{' || c == '[', closes = c == '}' || c == ']';
  if (depth == 0 && (closes || c == ',')) return false;
  if (opens) ++depth;
  if (closes) --depth;
  ++at_;
  if (opens || closes || c == ',') return true;
  while (at_ < end_ && !ends_literal(*at_)) ++at_;
  return true;
}

}  // namespace sinew::tokenizer
