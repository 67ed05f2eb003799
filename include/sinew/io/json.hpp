// SPDX-License-Identifier: Apache-2.0
// Strict JSON (RFC 8259) for files from strangers: bounded, no duplicate keys, no silent loss of a number.
// io/json_cursor.hpp binds a value to a schema.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sinew {

/// What the reader accepts at most.
struct JsonLimits {
  std::size_t max_bytes = std::size_t{1} << 20;  ///< of the text
  std::size_t max_depth = 32;                    ///< of nested arrays and objects
  std::size_t max_nodes = 1'000'000;             ///< values, at any depth
};

/// One JSON value. Integers (no fraction, no exponent) are kept apart from other numbers and are exact; members of an
/// object keep the order of the file.
class Json {
 public:
  enum class Kind : std::uint8_t { null, boolean, integer, number, text, array, object };
  using Array = std::vector<Json>;
  using Member = std::pair<std::string, Json>;
  using Object = std::vector<Member>;

  Json() = default;
  Json(std::nullptr_t) {}  // without it, Json(nullptr) would be a text read from a null pointer
  Json(std::same_as<bool> auto value) : value_(value) {}
  Json(std::integral auto value)
    requires(!std::same_as<decltype(value), bool> && (sizeof(value) < 8 || std::is_signed_v<decltype(value)>))
      : value_(static_cast<std::int64_t>(value)) {}
  Json(double value) : value_(value) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(std::string_view value) : value_(std::string(value)) {}
  Json(const char* value) : value_(std::string(value)) {}
  Json(Array value) : value_(std::move(value)) {}
  Json(Object value) : value_(std::move(value)) {}

  /// Reads one JSON text. Throws Error (`parse` or `limit`) whose message begins with "where:line:column", both counted
  /// from 1, columns in bytes. Refused beyond the grammar: duplicate keys (compared after decoding escapes), integers
  /// outside 64 bits, numbers that overflow or vanish in a double, broken UTF-8, a byte order mark, NUL.
  [[nodiscard]] static Json parse(std::string_view text, const std::string& where, const JsonLimits& limits = {});
  /// `parse` of a file; the message begins with its path. Throws Error `not_found` or `io` as well.
  [[nodiscard]] static Json read_file(const std::filesystem::path& path, const JsonLimits& limits = {});

  [[nodiscard]] Kind kind() const noexcept { return static_cast<Kind>(value_.index()); }
  [[nodiscard]] bool is_null() const noexcept { return kind() == Kind::null; }
  /// The content, or nullptr when the value is of another kind. `as_number` does not see integers.
  [[nodiscard]] const bool* as_boolean() const noexcept { return std::get_if<bool>(&value_); }
  [[nodiscard]] const std::int64_t* as_integer() const noexcept { return std::get_if<std::int64_t>(&value_); }
  [[nodiscard]] const double* as_number() const noexcept { return std::get_if<double>(&value_); }
  [[nodiscard]] const std::string* as_text() const noexcept { return std::get_if<std::string>(&value_); }
  [[nodiscard]] const Array* as_array() const noexcept { return std::get_if<Array>(&value_); }
  [[nodiscard]] Array* as_array() noexcept { return std::get_if<Array>(&value_); }
  [[nodiscard]] const Object* as_object() const noexcept { return std::get_if<Object>(&value_); }
  [[nodiscard]] Object* as_object() noexcept { return std::get_if<Object>(&value_); }
  /// The member of that name, or nullptr when there is none or this is no object.
  [[nodiscard]] const Json* find(std::string_view key) const noexcept;

  /// Same kind and content; objects compare their members in order.
  friend bool operator==(const Json& a, const Json& b) { return a.value_ == b.value_; }

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> value_;
};

/// "null", "boolean", "integer", "number", "text", "array" or "object".
[[nodiscard]] std::string_view to_string(Json::Kind kind) noexcept;
/// The value in a few words for a message: "the text 'abc'", "an array of 3", "null".
[[nodiscard]] std::string describe(const Json& value);

/// JSON text that `Json::parse` reads back to an equal value: UTF-8 kept, control characters escaped, doubles in the fewest
/// digits that read back exactly. `indent` spaces for each level, arrays of plain values on one line; 0 writes no white
/// space at all. Throws Error(invalid_argument) for NaN, infinity, broken UTF-8 and duplicate keys, `limit` for more than
/// 32 levels.
[[nodiscard]] std::string to_text(const Json& value, int indent = 2);

}  // namespace sinew
