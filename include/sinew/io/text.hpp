// SPDX-License-Identifier: Apache-2.0
// Text from strangers: is it UTF-8, and how to show it in a message without letting it drive the terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sinew {

/// Length in bytes of the longest prefix of `text` that is well-formed UTF-8 (Unicode 15, table 3-7): no overlong form,
/// no surrogate, nothing above U+10FFFF, no sequence cut short.
[[nodiscard]] std::size_t utf8_prefix(std::string_view text) noexcept;

/// True when all of `text` is well-formed UTF-8.
[[nodiscard]] inline bool is_utf8(std::string_view text) noexcept { return utf8_prefix(text) == text.size(); }

/// `text` for a message: control characters and broken UTF-8 as `\xNN`, cut after about `most` bytes with "...".
[[nodiscard]] std::string printable(std::string_view text, std::size_t most = 64);

/// `printable(text)` between single quotes.
[[nodiscard]] std::string quote(std::string_view text, std::size_t most = 64);

}  // namespace sinew
