// SPDX-License-Identifier: Apache-2.0
// What the checks of a policy card share: refusals that carry their place.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>

#include "shown.hpp"
#include "sinew/core/card.hpp"
#include "sinew/core/error.hpp"

namespace sinew::detail {

inline constexpr std::size_t kMaxName = 256;

/// Carries the place of the card through the checks; `at` is a JSON pointer into the card.
class Checker {
 public:
  explicit Checker(const std::string& where) : where_(where) {}

  void require(bool condition, std::string_view at, std::string_view expected, std::string_view got, std::string_view hint = "") const {
    if (!condition) fail(ErrorCode::invalid_argument, {fmt::format("{} {}", where_, at), "policy card", expected, got, hint});
  }
  void text(const std::string& value, std::string_view at) const {
    const bool plain = std::none_of(value.begin(), value.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
    require(!value.empty() && value.size() <= kMaxName && plain, at,
            fmt::format("a text of 1 to {} bytes without control characters", kMaxName), shown(value));
  }
  void positive(double value, std::string_view at) const {
    require(std::isfinite(value) && value > 0, at, "a finite number above 0", fmt::format("{}", value));
  }
  void bounded(int value, int most, std::string_view at) const {
    require(value > 0 && value <= most, at, fmt::format("1 to {}", most), std::to_string(value));
  }
  template <class Entries, class Name>
  void unique(const Entries& entries, Name name, std::string_view at) const {
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const std::string& text_i = name(entries[i]);
      text(text_i, fmt::format("{}/{}", at, i));
      require(seen.insert(text_i).second, fmt::format("{}/{}", at, i), "each name once", shown(text_i) + " twice");
    }
  }

 private:
  const std::string& where_;
};

/// The parts, layout and tokens of an action; card_action.cpp.
void check_action(const PolicyCard& card, const Checker& check);

/// Mode, rule and key, where they stand at `at`.
void check_normalization(const NormalizationCard& normalization, const StatisticsCard& statistics, const Checker& check,
                         std::string_view at);

}  // namespace sinew::detail
