// SPDX-License-Identifier: Apache-2.0
// The refusals of JsonCursor.
#include "sinew/io/json_cursor.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"

namespace sinew {

namespace {

/// nearest_name is quadratic in the length: a key of a megabyte is no slip of one of ours.
std::string_view likely_slip(std::string_view word, std::span<const std::string_view> names) {
  return word.size() <= 64 ? nearest_name(word, names) : std::string_view{};
}

std::string suggestion(std::string_view near) { return near.empty() ? std::string() : fmt::format("did you mean {}?", quote(near)); }

}  // namespace

JsonCursor::JsonCursor(const Json& value, const JsonCursor& parent, std::string_view token)
    : value_(&value), where_(parent.where_), pointer_(parent.pointer_ + '/') {
  for (const char c : token) {
    if (c == '~') {
      pointer_ += "~0";
    } else if (c == '/') {
      pointer_ += "~1";
    } else {
      pointer_ += c;
    }
  }
}

std::string JsonCursor::place() const { return pointer_.empty() ? where_ : where_ + ' ' + printable(pointer_, 256); }

void JsonCursor::refuse(std::string_view expected, std::string_view hint) const {
  fail(ErrorCode::parse, {place(), "JSON value", expected, describe(*value_), hint});
}

const Json::Object& JsonCursor::object() const {
  const auto* members = value_->as_object();
  if (members == nullptr) refuse("an object");
  return *members;
}

const Json::Array& JsonCursor::array() const {
  const auto* elements = value_->as_array();
  if (elements == nullptr) refuse("an array");
  return *elements;
}

std::optional<JsonCursor> JsonCursor::optional(std::string_view key) const {
  for (const auto& [name, member] : object())
    if (name == key) return JsonCursor(member, *this, key);
  return std::nullopt;
}

JsonCursor JsonCursor::at(std::string_view key) const {
  if (auto member = optional(key)) return *std::move(member);
  std::vector<std::string_view> present;
  for (const auto& [name, member] : object())
    if (name.size() <= 64 && present.size() < 256) present.push_back(name);
  const auto near = likely_slip(key, present);
  fail(ErrorCode::parse, {place(), "key " + quote(key), "it to be there", "no such key",
                          near.empty() ? "" : fmt::format("is {} meant to be it?", quote(near))});
}

void JsonCursor::only_keys(std::span<const std::string_view> known) const {
  for (const auto& [name, member] : object())
    if (std::find(known.begin(), known.end(), name) == known.end())
      fail(ErrorCode::parse, {place(), "unknown key " + quote(name), known.empty() ? "no key" : "one of " + join_names(known), "",
                              suggestion(likely_slip(name, known))});
}

std::vector<std::pair<std::string, JsonCursor>> JsonCursor::members() const {
  std::vector<std::pair<std::string, JsonCursor>> all;
  for (const auto& [name, member] : object()) all.emplace_back(name, JsonCursor(member, *this, name));
  return all;
}

std::vector<JsonCursor> JsonCursor::elements() const {
  std::vector<JsonCursor> all;
  for (const auto& element : array()) all.push_back(JsonCursor(element, *this, std::to_string(all.size())));
  return all;
}

bool JsonCursor::boolean() const {
  const auto* content = value_->as_boolean();
  if (content == nullptr) refuse("true or false");
  return *content;
}

std::int64_t JsonCursor::integer(std::int64_t least, std::int64_t most) const {
  const auto* content = value_->as_integer();
  if (content == nullptr) refuse("an integer");
  if (*content < least || *content > most) refuse(fmt::format("an integer from {} to {}", least, most));
  return *content;
}

double JsonCursor::number() const {
  if (const auto* content = value_->as_number()) return *content;
  const auto* integer = value_->as_integer();
  if (integer == nullptr) refuse("a number");
  constexpr std::int64_t kExact = std::int64_t{1} << 53;  // beyond, a double would not be what the file says
  if (*integer < -kExact || *integer > kExact) refuse("a number that a double holds exactly");
  return static_cast<double>(*integer);
}

const std::string& JsonCursor::text() const {
  const auto* content = value_->as_text();
  if (content == nullptr) refuse("a text");
  return *content;
}

std::size_t JsonCursor::one_of(std::span<const std::string_view> names) const {
  const auto found = std::find(names.begin(), names.end(), text());
  if (found == names.end()) refuse("one of " + join_names(names), suggestion(likely_slip(text(), names)));
  return static_cast<std::size_t>(found - names.begin());
}

std::vector<double> JsonCursor::numbers() const {
  std::vector<double> all;
  for (const auto& element : elements()) all.push_back(element.number());
  return all;
}

std::vector<std::string> JsonCursor::texts() const {
  std::vector<std::string> all;
  for (const auto& element : elements()) all.push_back(element.text());
  return all;
}

}  // namespace sinew
