// SPDX-License-Identifier: Apache-2.0
// Json look-ups, descriptions and the writer.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>

#include "sinew/core/error.hpp"
#include "sinew/io/json.hpp"
#include "sinew/io/text.hpp"

namespace sinew {

const Json* Json::find(std::string_view key) const noexcept {
  const Object* members = as_object();
  if (members == nullptr) return nullptr;
  for (const auto& [name, value] : *members)
    if (name == key) return &value;
  return nullptr;
}

std::string_view to_string(Json::Kind kind) noexcept {
  static constexpr std::array<std::string_view, 7> kNames{"null", "boolean", "integer", "number", "text", "array", "object"};
  return kNames[static_cast<std::size_t>(kind)];
}

namespace {

/// The fewest digits that read back exactly, always with a mark that tells it from an integer.
std::string number_text(double value) {
  std::array<char, 32> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  std::string text(buffer.data(), result.ptr);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

class Writer {
 public:
  explicit Writer(int indent) : indent_(static_cast<std::size_t>(std::max(indent, 0))) {}

  void value(const Json& value) {
    switch (value.kind()) {
      case Json::Kind::null: text_ += "null"; break;
      case Json::Kind::boolean: text_ += *value.as_boolean() ? "true" : "false"; break;
      case Json::Kind::integer: text_ += std::to_string(*value.as_integer()); break;
      case Json::Kind::number: number(*value.as_number()); break;
      case Json::Kind::text: string(*value.as_text()); break;
      case Json::Kind::array: array(*value.as_array()); break;
      case Json::Kind::object: object(*value.as_object()); break;
    }
  }

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void number(double value) {
    if (!std::isfinite(value))
      fail(ErrorCode::invalid_argument, {"to_text", "JSON number", "a finite number", fmt::format("{}", value), ""});
    text_ += number_text(value);
  }

  void string(std::string_view text) {
    if (!is_utf8(text)) fail(ErrorCode::invalid_argument, {"to_text", "JSON text", "well-formed UTF-8", quote(text), ""});
    text_ += '"';
    for (const char c : text) {
      switch (c) {
        case '"': text_ += "\\\""; break;
        case '\\': text_ += "\\\\"; break;
        case '\n': text_ += "\\n"; break;
        case '\r': text_ += "\\r"; break;
        case '\t': text_ += "\\t"; break;
        default:
          if (static_cast<unsigned char>(c) < 0x20) {
            text_ += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
          } else {
            text_ += c;
          }
      }
    }
    text_ += '"';
  }

  void array(const Json::Array& elements) {
    const bool plain =
        std::none_of(elements.begin(), elements.end(), [](const Json& e) { return e.as_array() != nullptr || e.as_object() != nullptr; });
    begin('[');
    for (std::size_t i = 0; i < elements.size(); ++i) {
      separate(i, plain);
      value(elements[i]);
    }
    end(']', elements.empty() || plain);
  }

  void object(const Json::Object& members) {
    std::set<std::string_view> seen;
    begin('{');
    for (std::size_t i = 0; i < members.size(); ++i) {
      const auto& [key, member] = members[i];
      if (!seen.insert(key).second)
        fail(ErrorCode::invalid_argument, {"to_text", "JSON key " + quote(key), "each key once", "it twice", ""});
      separate(i, false);
      string(key);
      text_ += indent_ > 0 ? ": " : ":";
      value(member);
    }
    end('}', members.empty());
  }

  void begin(char bracket) {
    if (++depth_ > JsonLimits{}.max_depth)
      fail(ErrorCode::limit, {"to_text", "JSON nesting", fmt::format("at most {} levels", JsonLimits{}.max_depth), "more", ""});
    text_ += bracket;
  }
  void separate(std::size_t index, bool same_line) {
    if (index > 0) text_ += ',';
    if (!same_line) {
      new_line();
    } else if (index > 0 && indent_ > 0) {
      text_ += ' ';
    }
  }
  void end(char bracket, bool same_line) {
    --depth_;
    if (!same_line) new_line();
    text_ += bracket;
  }
  void new_line() {
    if (indent_ > 0) text_.append(1, '\n').append(depth_ * indent_, ' ');
  }

  std::string text_;
  std::size_t indent_;
  std::size_t depth_ = 0;
};

}  // namespace

std::string to_text(const Json& value, int indent) {
  Writer writer(indent);
  writer.value(value);
  return writer.take();
}

std::string describe(const Json& value) {
  switch (value.kind()) {
    case Json::Kind::null: return "null";
    case Json::Kind::boolean: return *value.as_boolean() ? "true" : "false";
    case Json::Kind::integer: return "the integer " + std::to_string(*value.as_integer());
    case Json::Kind::number: return "the number " + number_text(*value.as_number());
    case Json::Kind::text: return "the text " + quote(*value.as_text());
    case Json::Kind::array: return fmt::format("an array of {}", value.as_array()->size());
    case Json::Kind::object: return fmt::format("an object with {} keys", value.as_object()->size());
  }
  return "nothing";
}

}  // namespace sinew
