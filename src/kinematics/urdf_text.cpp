// SPDX-License-Identifier: Apache-2.0
#include "urdf_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "sinew/io/text.hpp"
#include "sinew/kinematics/urdf.hpp"

namespace sinew::detail {
namespace {

constexpr auto kNone = std::string_view::npos;

constexpr bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

bool is_xacro(std::string_view text) { return text.find("${") != kNone || text.find("$(") != kNone; }

bool is_known_entity(std::string_view rest) {
  constexpr std::array<std::string_view, 5> kEntities = {"&lt;", "&gt;", "&amp;", "&quot;", "&apos;"};
  return rest.starts_with("&#") || std::any_of(kEntities.begin(), kEntities.end(), [&](auto entity) { return rest.starts_with(entity); });
}

}  // namespace

std::string UrdfPlace::text() const {
  std::string words(kind);
  if (!name.empty()) words += fmt::format(" '{}'", name);
  for (const std::string_view word : {element, detail})
    if (!word.empty()) words.append(" ").append(word);
  return words;
}

void UrdfText::refuse(ErrorCode code, int line, std::string_view what, std::string_view expected, std::string_view got,
                      std::string_view hint) const {
  fail(code, {.where = fmt::format("{} line {}", where, line), .what = what, .expected = expected, .got = got, .hint = hint});
}

/// Lines are counted only when there is something to say: descriptions are read far more often than refused.
void UrdfText::refuse_at(std::string_view xml, std::size_t position, ErrorCode code, std::string_view what, std::string_view expected,
                         std::string_view got, std::string_view hint) const {
  const std::string_view before = xml.substr(0, position);
  refuse(code, 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n')), what, expected, got, hint);
}

void UrdfText::check_entity(std::string_view xml, std::size_t position) const {
  if (!is_known_entity(xml.substr(position)))
    refuse_at(xml, position, ErrorCode::unsupported, "entity", "&lt; &gt; &amp; &quot; &apos; or a character number",
              printable(xml.substr(position, 20)), "write & as &amp;");
}

void UrdfText::check_markup(std::string_view xml) const {
  if (xml.size() > kUrdfMaxBytes)
    fail(ErrorCode::limit, {where, "size", fmt::format("at most {} bytes", kUrdfMaxBytes), fmt::format("{}", xml.size()), ""});
  if (const std::size_t zero = xml.find('\0'); zero != kNone) refuse_at(xml, zero, ErrorCode::parse, "text", "no NUL byte", "one");
  std::size_t entity = xml.find('&');  // the next one; kept, so that each byte is searched once
  std::size_t tags = 0;
  std::size_t i = 0;
  // The place behind a section that may hold anything.
  const auto behind = [&](std::size_t begin, std::string_view end, std::string_view section) {
    const std::size_t found = xml.find(end, begin);
    if (found == kNone) refuse_at(xml, begin, ErrorCode::parse, section, fmt::format("an end '{}'", end), "the end of the text");
    return found + end.size();
  };
  for (;;) {
    const std::size_t open = std::min(xml.find('<', i), xml.size());
    if (entity < i) entity = xml.find('&', i);
    for (; entity < open; entity = xml.find('&', entity + 1)) check_entity(xml, entity);
    if (open == xml.size()) return;
    const std::string_view rest = xml.substr(open);
    i = open + 1;
    if (rest.starts_with("<!--")) {
      i = behind(open + 4, "-->", "comment");
    } else if (rest.starts_with("<![CDATA[")) {
      i = behind(open, "]]>", "CDATA section");
    } else if (rest.starts_with("<!")) {
      refuse_at(xml, open, ErrorCode::unsupported, "markup", "elements and comments only", printable(rest.substr(0, 9)),
                "no DOCTYPE, no entities");
    } else if (rest.starts_with("<?")) {
      const bool declaration = rest.size() > 5 && rest.starts_with("<?xml") && is_space(rest[5]);
      if (!declaration || tags > 0)
        refuse_at(xml, open, ErrorCode::unsupported, "processing instruction", "none but the XML declaration",
                  printable(rest.substr(0, 20)));
      i = behind(open, "?>", "XML declaration");
    } else if (++tags > 2 * kUrdfMaxElements) {
      refuse_at(xml, open, ErrorCode::limit, "elements", fmt::format("at most {}", kUrdfMaxElements), "more");
    }
  }
}

void UrdfText::read_numbers(std::string_view text, int line, const UrdfPlace& place, std::span<double> values) const {
  const auto complain = [&] {
    const std::string expected = values.size() == 1 ? "a finite number" : fmt::format("{} finite numbers", values.size());
    refuse(is_xacro(text) ? ErrorCode::unsupported : ErrorCode::parse, line, place.text(), expected, fmt::format("\"{}\"", printable(text)),
           is_xacro(text) ? "this is xacro: expand it first" : "");
  };
  const char* at = text.data();
  const char* const end = at + text.size();
  std::size_t count = 0;
  for (;;) {
    while (at != end && is_space(*at)) ++at;
    if (at == end) break;
    if (count == values.size()) complain();
    if (*at == '+' && at + 1 != end && at[1] != '-') ++at;  // valid in XML, unknown to from_chars
    double value = 0;
    const auto [stop, error] = std::from_chars(at, end, value);
    if (error != std::errc() || (stop != end && !is_space(*stop)) || !(std::abs(value) <= kUrdfMaxNumber)) complain();
    values[count++] = value;
    at = stop;
  }
  if (count != values.size()) complain();
}

void UrdfText::check_name(std::string_view name, int line, const UrdfPlace& place) const {
  bool plain = !name.empty() && name.size() <= kUrdfMaxName;
  for (const char c : name) plain = plain && static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7F && c != '$';
  if (plain) return;
  if (is_xacro(name))
    refuse(ErrorCode::unsupported, line, place.text(), "a name", fmt::format("\"{}\"", printable(name)), "this is xacro: expand it first");
  const bool control = std::any_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
  if (name.empty() || name.size() > kUrdfMaxName || control || !is_utf8(name))
    refuse(ErrorCode::parse, line, place.text(), fmt::format("1 to {} bytes of UTF-8 without control characters", kUrdfMaxName),
           fmt::format("\"{}\"", printable(name)));
}

}  // namespace sinew::detail
