// SPDX-License-Identifier: Apache-2.0
// Values of a config.json that says sizes.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

#include "sinew/io/json_cursor.hpp"

namespace sinew::nn::detail {

// Beyond what any model has; products of two of them fit into 63 bits.
inline constexpr std::int64_t kMostLayers = 1024, kMostWidth = 1 << 20, kMostVocab = 1 << 24;

inline std::int64_t size(const JsonCursor& at, std::string_view key, std::int64_t most) { return at.at(key).integer(1, most); }

inline std::int64_t size_or(const JsonCursor& at, std::string_view key, std::int64_t otherwise, std::int64_t most) {
  const auto found = at.optional(key);
  return found && !found->is_null() ? found->integer(1, most) : otherwise;
}

/// Refuses any other text than `expected`; the key may be absent.
inline void require_text(const JsonCursor& at, std::string_view key, std::string_view expected) {
  const auto found = at.optional(key);
  if (found && found->text() != expected) found->refuse(fmt::format("\"{}\"", expected), "nothing else is implemented");
}

/// The same of a flag.
inline void require_flag(const JsonCursor& at, std::string_view key, bool expected) {
  const auto found = at.optional(key);
  if (found && !found->is_null() && found->boolean() != expected) found->refuse(expected ? "true" : "false", "nothing else is implemented");
}

}  // namespace sinew::nn::detail
