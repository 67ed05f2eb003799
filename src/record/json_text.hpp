// SPDX-License-Identifier: Apache-2.0
// Appends JSON to a string that is reused: what io/json.hpp says with a tree, without its allocations.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "sinew/core/clock.hpp"

namespace sinew::detail {

/// `text` with U+FFFD for each byte that is not UTF-8.
[[nodiscard]] std::string repaired(std::string_view text);

/// Well-formed whatever the input: UTF-8 that is broken becomes U+FFFD, numbers that are not finite become null.
/// A finite double reads back to the same bits, and always with a fraction or an exponent.
class JsonText {
 public:
  explicit JsonText(std::string& out) : out_(out) { out_.clear(); }

  JsonText& begin_object() { return open('{'); }
  JsonText& end_object() { return close('}'); }
  JsonText& begin_array() { return open('['); }
  JsonText& end_array() { return close(']'); }
  JsonText& key(std::string_view name);
  JsonText& value(std::string_view text);
  JsonText& value(double number);
  JsonText& value(std::uint64_t number);
  JsonText& value(std::int64_t number);
  JsonText& value(int number) { return value(std::int64_t{number}); }
  JsonText& value(Time time) { return value(static_cast<std::int64_t>(time.count())); }
  JsonText& value(std::span<const double> numbers);

  template <class Value>
  JsonText& member(std::string_view name, const Value& content) {
    return key(name).value(content);
  }

 private:
  JsonText& open(char bracket);
  JsonText& close(char bracket);
  void separate();
  void quoted(std::string_view text);

  std::string& out_;
  bool first_ = true;  // nothing precedes the next element on its level
};

}  // namespace sinew::detail
