// SPDX-License-Identifier: Apache-2.0
#include "urdf_skip.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace sinew::detail {
namespace {

constexpr auto kNone = std::string_view::npos;
constexpr std::size_t kMostDeep = 60;        // below the reader's own limit, which has a message
constexpr std::size_t kMostAttributes = 24;  // of one element; compared pairwise

enum Class : std::uint8_t { kOther = 0, kSpace = 1, kName = 2, kNameStart = 4 };

constexpr std::array<std::uint8_t, 256> kClass = [] {
  std::array<std::uint8_t, 256> table{};
  for (const char c : {' ', '\t', '\r', '\n'}) table[static_cast<unsigned char>(c)] = kSpace;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = kName | kNameStart;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] = kName | kNameStart;
  for (const char c : {'_', ':'}) table[static_cast<unsigned char>(c)] = kName | kNameStart;
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = kName;
  for (const char c : {'.', '-'}) table[static_cast<unsigned char>(c)] = kName;
  return table;
}();

/// Walks over a subset of XML of which the library accepts every text. Each step says false when it leaves the subset.
class Walker {
 public:
  explicit Walker(std::string_view xml) : xml_(xml) {}

  [[nodiscard]] std::size_t position() const { return at_; }
  [[nodiscard]] bool starts_with(std::string_view text) const { return xml_.substr(at_).starts_with(text); }

  /// Moves to the next '<'.
  bool skip_text() {
    const std::size_t open = xml_.find('<', at_);
    at_ = std::min(open, xml_.size());
    return open != kNone;
  }

  /// Moves behind `end`, which is not looked for in the first `skipped` bytes.
  bool skip_section(std::size_t skipped, std::string_view end) {
    const std::size_t found = xml_.find(end, at_ + skipped);
    if (found == kNone) return false;
    at_ = found + end.size();
    return true;
  }

  struct Tag {
    std::string_view name;
    bool closed = false;   ///< "<name/>"
    std::size_t head = 0;  ///< behind the attributes
  };

  std::optional<Tag> start_tag() {
    ++at_;
    Tag tag{.name = name()};
    if (tag.name.empty() || tag.name.starts_with("xacro:")) return std::nullopt;
    std::array<std::string_view, kMostAttributes> attributes;
    std::size_t count = 0;
    for (;;) {
      tag.head = at_;
      skip_space();
      if (take('>')) return tag;
      if (take('/')) {
        tag.closed = true;
        return take('>') ? std::optional(tag) : std::nullopt;
      }
      const std::string_view attribute = name();
      const auto used = attributes.begin() + static_cast<std::ptrdiff_t>(count);
      if (attribute.empty() || count == kMostAttributes || std::find(attributes.begin(), used, attribute) != used || !value())
        return std::nullopt;
      attributes[count++] = attribute;
    }
  }

  /// From behind a start tag to behind its end tag.
  bool content(std::string_view element) {
    std::array<std::string_view, kMostDeep> open{element};
    std::size_t depth = 1;
    while (depth > 0) {
      if (!skip_text()) return false;
      if (starts_with("<!--")) {
        if (!skip_section(4, "-->")) return false;
      } else if (starts_with("</")) {
        at_ += 2;
        if (name() != open[--depth]) return false;
        skip_space();
        if (!take('>')) return false;
      } else {
        const auto tag = start_tag();
        if (!tag || depth == kMostDeep) return false;
        if (!tag->closed) open[depth++] = tag->name;
      }
    }
    return true;
  }

 private:
  [[nodiscard]] bool is(Class wanted) const { return at_ < xml_.size() && (kClass[static_cast<unsigned char>(xml_[at_])] & wanted) != 0; }
  void skip_space() {
    while (is(kSpace)) ++at_;
  }
  bool take(char c) {
    const bool there = at_ < xml_.size() && xml_[at_] == c;
    at_ += there ? 1 : 0;
    return there;
  }
  std::string_view name() {
    const std::size_t begin = at_;
    if (is(kNameStart))
      while (is(kName)) ++at_;
    return xml_.substr(begin, at_ - begin);
  }
  bool value() {
    if (!take('=')) return false;
    const char quote = at_ < xml_.size() ? xml_[at_] : '\0';
    return (quote == '"' || quote == '\'') && skip_section(1, {&quote, 1});
  }

  std::string_view xml_;
  std::size_t at_ = 0;
};

void append_lines(std::string& result, std::string_view skipped) {
  result.append(static_cast<std::size_t>(std::count(skipped.begin(), skipped.end(), '\n')), '\n');
}

}  // namespace

std::string without_unread(std::string_view xml) {
  std::string result;
  result.reserve(xml.size());
  std::size_t done = 0;  // what is in `result`, whole or shortened
  const auto keep = [&](std::size_t end) {
    result.append(xml.substr(done, end - done));
    done = end;
  };
  const auto drop = [&](std::size_t end) {
    append_lines(result, xml.substr(done, end - done));
    done = end;
  };
  Walker walker(xml);
  bool inside = false;
  while (walker.skip_text()) {
    keep(walker.position());
    if (walker.starts_with("<!--")) {
      if (!walker.skip_section(4, "-->")) break;
      drop(walker.position());
    } else if (!inside && walker.starts_with("<?")) {
      if (!walker.skip_section(2, "?>")) break;
    } else {
      if (walker.starts_with("</")) break;
      const auto tag = walker.start_tag();
      if (!tag || (!inside && (tag->name != "robot" || tag->closed))) break;
      if (!inside) {
        inside = true;
      } else if (!tag->closed) {
        if (!walker.content(tag->name)) break;
        if (tag->name == "joint") continue;
        keep(tag->head);
        result.append("/>");
        drop(walker.position());
      }
    }
  }
  keep(xml.size());
  return result;
}

}  // namespace sinew::detail
