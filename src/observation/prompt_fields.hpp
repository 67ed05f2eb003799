// SPDX-License-Identifier: Apache-2.0
// Reads the fields of a prompt card. Internal to src/observation.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/core/card.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"

namespace sinew::detail {

/// Takes the fields of a card one by one and refuses what is left over.
class PromptFields {
 public:
  explicit PromptFields(const PromptCard& card) : card_(card), where_("prompt " + printable(card.name)) {}

  [[nodiscard]] bool has(std::string_view name) { return find(name) != nullptr; }
  std::string text(std::string_view name, bool required) {
    const std::string* value = find(name);
    if (value == nullptr && !required) return {};
    if (value == nullptr) refuse(ErrorCode::not_found, name, "a value", "none");
    if (!is_utf8(*value) || value->find("<|") != std::string::npos)
      refuse(ErrorCode::invalid_argument, name, "UTF-8 text without the control tokens' \"<|\"", quote(*value));
    return *value;
  }
  std::string line(std::string_view name, bool required) {
    std::string value = text(name, required);
    if ((value.empty() && has(name)) || value.find_first_of("\r\n") != std::string::npos)
      refuse(ErrorCode::invalid_argument, name, "one line of text", quote(value));
    return value;
  }
  /// The index of the field's value among `choices`; 0 when it is optional and absent.
  std::size_t choice(std::string_view name, std::span<const std::string_view> choices, bool required) {
    if (!required && !has(name)) return 0;
    const std::string value = line(name, true);
    const auto found = std::ranges::find(choices, value);
    if (found == choices.end()) {
      const auto near = nearest_name(value, choices);
      refuse(ErrorCode::invalid_argument, name, "one of " + join_names(choices),
             near.empty() ? quote(value) : fmt::format("{}; did you mean '{}'?", quote(value), near));
    }
    return static_cast<std::size_t>(found - choices.begin());
  }
  bool flag(std::string_view name, bool otherwise = false) {
    const std::string* value = find(name);
    if (value == nullptr) return otherwise;
    if (*value != "true" && *value != "false") refuse(ErrorCode::invalid_argument, name, "true or false", quote(*value));
    return *value == "true";
  }
  double positive(std::string_view name, bool required) {
    const std::string value = line(name, required);
    if (value.empty()) return 0;
    double number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size() || !std::isfinite(number) || number <= 0)
      refuse(ErrorCode::invalid_argument, name, "a number above 0", quote(value));
    return number;
  }
  /// A positive whole number that is a multiple of `step`; 0 when it is optional and absent.
  int count(std::string_view name, bool required, int most, int step = 1) {
    const double value = positive(name, required);
    if (value > most || std::fmod(value, step) != 0)
      refuse(ErrorCode::invalid_argument, name,
             step == 1 ? fmt::format("a whole number up to {}", most) : fmt::format("a multiple of {} up to {}", step, most),
             fmt::format("{}", value));
    return static_cast<int>(value);
  }
  [[noreturn]] void refuse(ErrorCode code, std::string_view name, const std::string& expected, const std::string& got) const {
    // A misspelled name is the likely cause of a missing one: say that first.
    if (code == ErrorCode::not_found)
      for (const auto& [given, unused] : card_.fields)
        if (nearest_name(given, std::span(&name, 1)) == name)
          fail(code, {where_, fmt::format("field '{}'", name), expected, got, fmt::format("{} is given", quote(given))});
    fail(code, {where_, fmt::format("field '{}'", name), expected, got, ""});
  }
  void finish() const {
    for (const auto& [name, unused] : card_.fields) {
      if (std::ranges::find(known_, name) != known_.end()) continue;
      const auto near = nearest_name(name, known_);
      fail(ErrorCode::invalid_argument, {where_, "field " + quote(name), known_.empty() ? "no fields" : "only " + join_names(known_), "it",
                                         near.empty() ? "" : fmt::format("did you mean '{}'?", near)});
    }
  }

 private:
  const std::string* find(std::string_view name) {
    if (std::ranges::find(known_, name) == known_.end()) known_.push_back(name);
    const auto found = card_.fields.find(std::string(name));
    return found != card_.fields.end() ? &found->second : nullptr;
  }

  const PromptCard& card_;
  std::string where_;
  std::vector<std::string_view> known_;
};

}  // namespace sinew::detail
