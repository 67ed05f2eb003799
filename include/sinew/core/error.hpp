// SPDX-License-Identifier: Apache-2.0
// What set-up throws: one exception type with a code and a text that says where, what, expected, got and how to mend it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace sinew {

/// Kind of a set-up error, for programs; people read `what()`.
enum class ErrorCode : std::uint8_t {
  invalid_argument,  ///< a value that the caller passed
  not_found,         ///< a file, name or key that does not exist
  parse,             ///< a file or message that is not well-formed
  unsupported,       ///< well-formed, but not something that Sinew does
  io,                ///< the operating system refused
  limit,             ///< larger, deeper or longer than the reader allows
  failed,            ///< a call that was right but could not be carried out
  internal           ///< a defect of ours
};

/// Name of the enumerator, e.g. "invalid_argument".
[[nodiscard]] std::string_view to_string(ErrorCode code) noexcept;

/// Thrown by set-up calls only. `what()` reads "[where] what: expected X, got Y (hint)".
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& text) : std::runtime_error(text), code_(code) {}
  [[nodiscard]] ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

/// The parts of an error text; `expected`, `got` and `hint` may be empty.
struct Complaint {
  std::string_view where;     ///< function, file or place in a file: "Chain::from_urdf", "sinew.json /state/names"
  std::string_view what;      ///< the thing that is wrong: "joint 'elbow' lower limit"
  std::string_view expected;  ///< what would have been right
  std::string_view got;       ///< what was there
  std::string_view hint;      ///< how to mend it
};

/// Formats the parts as "[where] what: expected X, got Y (hint)".
[[nodiscard]] std::string to_string(const Complaint& complaint);

/// Throws Error with the formatted parts.
[[noreturn]] void fail(ErrorCode code, const Complaint& complaint);

/// The candidate nearest to `word` by edit distance, or empty when none is near enough to be a likely slip.
[[nodiscard]] std::string_view nearest_name(std::string_view word, std::span<const std::string_view> candidates);

/// Where `name` is among `names`. Throws Error(invalid_argument) "[where] what: expected one of ..., got 'name' (did you mean ...?)".
[[nodiscard]] std::size_t find_name(std::string_view name, std::span<const std::string_view> names, std::string_view where,
                                    std::string_view what);

/// "a, b, c" for error texts.
[[nodiscard]] std::string join_names(std::span<const std::string_view> names);

}  // namespace sinew
