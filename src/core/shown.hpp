// SPDX-License-Identifier: Apache-2.0
// Names of strangers in messages of core, which cannot use io/text.hpp.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "sinew/core/fixed_text.hpp"

namespace sinew::detail {

/// A name for a message: it may come from a stranger and must neither drive a terminal nor flood a log.
inline std::string shown(std::string_view text) {
  std::string shown = fmt::format("'{}{}'", cut_utf8(text, 64), text.size() > 64 ? "..." : "");
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  return shown;
}

}  // namespace sinew::detail
