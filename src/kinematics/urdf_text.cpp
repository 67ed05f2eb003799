// SPDX-License-Identifier: Apache-2.0
#include "urdf_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "sinew/kinematics/urdf.hpp"

namespace sinew::detail {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

bool is_utf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80                   ? 1
                               : lead >= 0xC2 && lead < 0xE0 ? 2
                               : lead >= 0xE0 && lead < 0xF0 ? 3
                               : lead >= 0xF0 && lead < 0xF5 ? 4
                                                             : 0;
    if (length == 0 || i + length > text.size()) return false;
    unsigned code = length == 1 ? lead : lead & (0xFFu >> (length + 1));
    for (std::size_t k = 1; k < length; ++k) {
      const auto byte = static_cast<unsigned char>(text[i + k]);
      if ((byte & 0xC0) != 0x80) return false;
      code = (code << 6) | (byte & 0x3Fu);
    }
    const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    if (overlong || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
    i += length;
  }
  return true;
}

bool is_known_entity(std::string_view rest) {
  constexpr std::array<std::string_view, 5> kEntities = {"&lt;", "&gt;", "&amp;", "&quot;", "&apos;"};
  return rest.starts_with("&#") || std::any_of(kEntities.begin(), kEntities.end(), [&](auto entity) { return rest.starts_with(entity); });
}

}  // namespace

std::string printable(std::string_view text) {
  std::string result(text.substr(0, 60));
  std::replace_if(result.begin(), result.end(), [](char c) { return c < 0x20 || c > 0x7E; }, '?');
  if (text.size() > 60) result += "...";
  return result;
}

void UrdfText::refuse(ErrorCode code, int line, std::string_view what, std::string_view expected, std::string_view got,
                      std::string_view hint) const {
  fail(code, {.where = fmt::format("{} line {}", where, line), .what = what, .expected = expected, .got = got, .hint = hint});
}

void UrdfText::check_markup(std::string_view xml) const {
  if (xml.size() > kUrdfMaxBytes)
    fail(ErrorCode::limit, {where, "size", fmt::format("at most {} bytes", kUrdfMaxBytes), fmt::format("{}", xml.size()), ""});
  int line = 1;
  std::size_t elements = 0;
  std::size_t i = 0;
  // Skips to the end of a section that may hold anything, counting its lines.
  const auto skip = [&](std::string_view end, std::string_view section) {
    const std::size_t found = xml.find(end, i);
    if (found == std::string_view::npos) refuse(ErrorCode::parse, line, section, fmt::format("an end '{}'", end), "the end of the text");
    line +=
        static_cast<int>(std::count(xml.begin() + static_cast<std::ptrdiff_t>(i), xml.begin() + static_cast<std::ptrdiff_t>(found), '\n'));
    i = found + end.size();
  };
  while (i < xml.size()) {
    const std::string_view rest = xml.substr(i);
    if (rest.starts_with("<!--")) {
      i += 4;
      skip("-->", "comment");
    } else if (rest.starts_with("<![CDATA[")) {
      skip("]]>", "CDATA section");
    } else if (rest.starts_with("<!")) {
      refuse(ErrorCode::unsupported, line, "markup", "elements and comments only", printable(rest.substr(0, 9)), "no DOCTYPE, no entities");
    } else if (rest.starts_with("<?")) {
      const bool declaration = rest.size() > 5 && rest.starts_with("<?xml") && kSpace.find(rest[5]) != std::string_view::npos;
      if (!declaration || elements > 0)
        refuse(ErrorCode::unsupported, line, "processing instruction", "none but the XML declaration", printable(rest.substr(0, 20)));
      skip("?>", "XML declaration");
    } else {
      if (rest[0] == '&' && !is_known_entity(rest))
        refuse(ErrorCode::unsupported, line, "entity", "&lt; &gt; &amp; &quot; &apos; or a character number", printable(rest.substr(0, 20)),
               "write & as &amp;");
      if (rest[0] == '\0') refuse(ErrorCode::parse, line, "text", "no NUL byte", "one");
      if (rest[0] == '<' && ++elements > 2 * kUrdfMaxElements)
        refuse(ErrorCode::limit, line, "elements", fmt::format("at most {}", kUrdfMaxElements), "more");
      line += rest[0] == '\n' ? 1 : 0;
      ++i;
    }
  }
}

void UrdfText::read_numbers(std::string_view text, int line, std::string_view what, std::span<double> values) const {
  const std::string expected = values.size() == 1 ? "a finite number" : fmt::format("{} finite numbers", values.size());
  const auto complain = [&] {
    const bool xacro = text.find("${") != std::string_view::npos || text.find("$(") != std::string_view::npos;
    refuse(xacro ? ErrorCode::unsupported : ErrorCode::parse, line, what, expected, fmt::format("\"{}\"", printable(text)),
           xacro ? "this is xacro: expand it first" : "");
  };
  std::string_view rest = text;
  std::size_t count = 0;
  for (;;) {
    rest.remove_prefix(std::min(rest.find_first_not_of(kSpace), rest.size()));
    if (rest.empty()) break;
    std::string_view token = rest.substr(0, rest.find_first_of(kSpace));
    rest.remove_prefix(token.size());
    if (count == values.size()) complain();
    if (token.size() > 1 && token[0] == '+' && token[1] != '-') token.remove_prefix(1);  // valid in XML, unknown to from_chars
    double value = 0;
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
    if (error != std::errc() || end != token.data() + token.size() || !(std::abs(value) <= kUrdfMaxNumber)) complain();
    values[count++] = value;
  }
  if (count != values.size()) complain();
}

void UrdfText::check_name(std::string_view name, int line, std::string_view what) const {
  if (name.find("${") != std::string_view::npos || name.find("$(") != std::string_view::npos)
    refuse(ErrorCode::unsupported, line, what, "a name", fmt::format("\"{}\"", printable(name)), "this is xacro: expand it first");
  const bool control = std::any_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
  if (name.empty() || name.size() > kUrdfMaxName || control || !is_utf8(name))
    refuse(ErrorCode::parse, line, what, fmt::format("1 to {} bytes of UTF-8 without control characters", kUrdfMaxName),
           fmt::format("\"{}\"", printable(name)));
}

}  // namespace sinew::detail
