// SPDX-License-Identifier: Apache-2.0
// What is checked in URDF text before and below the XML library: markup that we refuse, numbers, names. Internal to src/kinematics.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "sinew/core/error.hpp"

namespace sinew::detail {

/// The thing that a message is about, put into words only when there is a message: "joint 'elbow' origin xyz".
struct UrdfPlace {
  std::string_view kind;          ///< "joint", "link", "robot"
  std::string_view name = {};     ///< as in the file
  std::string_view element = {};  ///< below it
  std::string_view detail = {};

  [[nodiscard]] std::string text() const;
};

/// Where messages of one description begin, and how they end.
struct UrdfText {
  std::string where;

  /// Throws Error "[where line N] what: expected X, got Y (hint)".
  [[noreturn]] void refuse(ErrorCode code, int line, std::string_view what, std::string_view expected, std::string_view got = {},
                           std::string_view hint = {}) const;

  /// Refuses DOCTYPE, entities beyond the five built-in ones, processing instructions, NUL and too many elements.
  void check_markup(std::string_view xml) const;

  /// Exactly `values.size()` finite numbers, separated by white space; independent of the locale.
  void read_numbers(std::string_view text, int line, const UrdfPlace& place, std::span<double> values) const;

  /// Throws unless `name` is 1 to kUrdfMaxName bytes of UTF-8 without control characters.
  void check_name(std::string_view name, int line, const UrdfPlace& place) const;

 private:
  void check_entity(std::string_view xml, std::size_t position) const;
  [[noreturn]] void refuse_at(std::string_view xml, std::size_t position, ErrorCode code, std::string_view what, std::string_view expected,
                              std::string_view got, std::string_view hint = {}) const;
};

}  // namespace sinew::detail
