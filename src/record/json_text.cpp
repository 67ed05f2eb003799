// SPDX-License-Identifier: Apache-2.0
// JSON as RFC 8259 has it, without white space.
#include "json_text.hpp"

#include <charconv>
#include <cmath>
#include <cstddef>

#include "sinew/io/text.hpp"

namespace sinew::detail {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

template <class Number>
void append_number(std::string& out, Number number) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

/// One byte of a text that is known to be UTF-8.
void append_escaped(std::string& out, char c) {
  constexpr char kHex[] = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  if (byte < 0x20) {
    out.append("\\u00");
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 0xF]);
    return;
  }
  if (c == '"' || c == '\\') out.push_back('\\');
  out.push_back(c);
}

}  // namespace

std::string repaired(std::string_view text) {
  std::string out;
  for (;;) {
    const std::size_t length = utf8_prefix(text);
    out.append(text.substr(0, length));
    if (length == text.size()) return out;
    out.append(kReplacement);
    text.remove_prefix(length + 1);
  }
}

void JsonText::separate() {
  if (!first_) out_.push_back(',');
  first_ = false;
}

JsonText& JsonText::open(char bracket) {
  separate();
  out_.push_back(bracket);
  first_ = true;
  return *this;
}

JsonText& JsonText::close(char bracket) {
  out_.push_back(bracket);
  first_ = false;
  return *this;
}

void JsonText::quoted(std::string_view text) {
  out_.push_back('"');
  while (!text.empty()) {
    const std::size_t length = utf8_prefix(text);
    for (const char c : text.substr(0, length)) append_escaped(out_, c);
    text.remove_prefix(length);
    if (text.empty()) break;
    out_.append(kReplacement);
    text.remove_prefix(1);
  }
  out_.push_back('"');
}

JsonText& JsonText::key(std::string_view name) {
  separate();
  quoted(name);
  out_.push_back(':');
  first_ = true;
  return *this;
}

JsonText& JsonText::value(std::string_view text) {
  separate();
  quoted(text);
  return *this;
}

JsonText& JsonText::value(double number) {
  separate();
  if (!std::isfinite(number)) {
    out_.append("null");
    return *this;
  }
  const std::size_t start = out_.size();
  append_number(out_, number);
  // "-0" would be read as an integer, and lose its sign.
  if (out_.find_first_of(".e", start) == std::string::npos) out_.append(".0");
  return *this;
}

JsonText& JsonText::value(std::uint64_t number) {
  separate();
  append_number(out_, number);
  return *this;
}

JsonText& JsonText::value(std::int64_t number) {
  separate();
  append_number(out_, number);
  return *this;
}

JsonText& JsonText::value(std::span<const double> numbers) {
  begin_array();
  for (const double number : numbers) value(number);
  return end_array();
}

}  // namespace sinew::detail
