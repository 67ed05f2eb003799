// SPDX-License-Identifier: Apache-2.0
// A strict cursor over the JSON of large, plain lists: strings and small integers, no tree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sinew/core/error.hpp"

namespace sinew::tokenizer {

/// Reads JSON text piece by piece. Members that read throw Error with "[where:line:column]" for what is not strict JSON.
class JsonScanner {
 public:
  JsonScanner(std::string_view text, const std::string& where) noexcept
      : text_(text), where_(where), at_(text.data()), end_(text.data() + text.size()) {}

  [[nodiscard]] const char* at() const noexcept { return at_; }
  void move_to(const char* place) noexcept { at_ = place; }

  void skip_space() noexcept {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  /// Takes white space and `c`, or white space alone.
  [[nodiscard]] bool take(char c) noexcept {
    skip_space();
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  [[nodiscard]] bool sees(char c) noexcept {
    skip_space();
    return at_ < end_ && *at_ == c;
  }
  void expect(char c) {
    if (!take(c)) refuse(ErrorCode::parse, "JSON syntax", std::string{'\'', c, '\''}, "something else");
  }

  /// The next string, decoded, in place of what `content` held.
  void read_string(std::string& content);
  /// A non-negative integer below `limit`; `what` names it in messages.
  [[nodiscard]] std::uint64_t read_integer(std::string_view what, std::uint64_t limit);
  [[nodiscard]] std::int32_t read_id(std::int32_t limit) {
    return static_cast<std::int32_t>(read_integer("token id", static_cast<std::uint64_t>(limit)));
  }

  /// Moves behind the string that begins here and gives what stands between its quotes, undecoded and unchecked; false at
  /// the end of the text.
  [[nodiscard]] bool skip_string(std::string_view& raw) noexcept;
  /// Moves behind the value that begins here, unchecked; false at the end of the text.
  [[nodiscard]] bool skip_value() noexcept;

  [[noreturn]] void refuse(ErrorCode code, std::string_view what, std::string_view expected, std::string_view got) const;

 private:
  [[nodiscard]] bool skip_part(std::size_t& depth) noexcept;
  void read_escape(std::string& content);
  [[nodiscard]] std::uint32_t read_hex();
  void read_beyond_ascii(std::string& content);

  std::string_view text_;
  const std::string& where_;
  const char* at_;
  const char* end_;
};

}  // namespace sinew::tokenizer
