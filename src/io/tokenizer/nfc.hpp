// SPDX-License-Identifier: Apache-2.0
// Canonical composition (NFC) with the tables of the `tokenizers` package.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "unicode.hpp"

namespace sinew::tokenizer {

/// A code point with its combining class.
struct ClassedCodePoint {
  char32_t c;
  std::uint32_t combining;
};

/// What compose() works in; grown and reused.
struct NfcBuffers {
  std::vector<ClassedCodePoint> parts, sorted;
};

/// True when NFC leaves `text` (well-formed) as it is because no character in it can change or move.
[[nodiscard]] bool is_inert(std::string_view text, const CharacterTable& table) noexcept;

/// Appends the NFC of `text` (well-formed) to `out`, in linear time.
void append_nfc(std::string& out, std::string_view text, const CharacterTable& table, NfcBuffers& buffers);

}  // namespace sinew::tokenizer
