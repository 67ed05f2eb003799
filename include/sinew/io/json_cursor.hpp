// SPDX-License-Identifier: Apache-2.0
// Binds a JSON value to a schema: every access checks, and every refusal says where in the document.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sinew/io/json.hpp"

namespace sinew {

/// A value inside a document, with the document's name and the JSON pointer (RFC 6901) to the value. Refers to the
/// document, which must outlive it. All accessors throw Error(parse) whose text begins with "[document /pointer]".
///
///     const JsonCursor root(json, "config.json");
///     root.only_keys({"architecture", "weight", "bias"});
///     const auto bias = root.at("bias").numbers();
class JsonCursor {
 public:
  /// The root of `document`; `where` names the document in messages.
  JsonCursor(const Json& document, std::string where) : value_(&document), where_(std::move(where)) {}
  JsonCursor(Json&& document, std::string where) = delete;

  [[nodiscard]] const Json& value() const noexcept { return *value_; }
  /// "config.json /state/0", for messages of the caller's own.
  [[nodiscard]] std::string place() const;

  /// The member of that name. Refused: not an object; no such member, with the member there is that looks like a slip of it.
  [[nodiscard]] JsonCursor at(std::string_view key) const;
  /// The member of that name, or nothing when it is absent. Refused: not an object.
  [[nodiscard]] std::optional<JsonCursor> optional(std::string_view key) const;
  /// Refuses members with any other name, naming the nearest of `keys`.
  void only_keys(std::span<const std::string_view> keys) const;
  void only_keys(std::initializer_list<std::string_view> keys) const { only_keys(std::span(keys.begin(), keys.size())); }
  /// All members, in the order of the file. Refused: not an object.
  [[nodiscard]] std::vector<std::pair<std::string, JsonCursor>> members() const;
  /// All elements. Refused: not an array.
  [[nodiscard]] std::vector<JsonCursor> elements() const;

  [[nodiscard]] bool is_null() const noexcept { return value_->is_null(); }
  [[nodiscard]] bool boolean() const;
  /// Refused: written with fraction or exponent, or outside `[least, most]`.
  [[nodiscard]] std::int64_t integer(std::int64_t least = std::numeric_limits<std::int64_t>::min(),
                                     std::int64_t most = std::numeric_limits<std::int64_t>::max()) const;
  /// A finite number; integers up to 2^53 too. Refused: others.
  [[nodiscard]] double number() const;
  [[nodiscard]] const std::string& text() const;
  /// A text that must be one of `names`; gives its index. The refusal lists them and names the nearest.
  [[nodiscard]] std::size_t one_of(std::span<const std::string_view> names) const;
  [[nodiscard]] std::size_t one_of(std::initializer_list<std::string_view> names) const {
    return one_of(std::span(names.begin(), names.size()));
  }
  /// An array of numbers, of texts.
  [[nodiscard]] std::vector<double> numbers() const;
  [[nodiscard]] std::vector<std::string> texts() const;

  /// Throws Error(parse) at this place: "expected X, got <description of the value> (hint)".
  [[noreturn]] void refuse(std::string_view expected, std::string_view hint = "") const;

 private:
  JsonCursor(const Json& value, const JsonCursor& parent, std::string_view token);
  [[nodiscard]] const Json::Object& object() const;
  [[nodiscard]] const Json::Array& array() const;

  const Json* value_;
  std::string where_;
  std::string pointer_;
};

}  // namespace sinew
