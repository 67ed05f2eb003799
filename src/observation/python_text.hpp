// SPDX-License-Identifier: Apache-2.0
// Text as Python's str sees it, on UTF-8: white space, lower case, word characters. Unicode 14, as in Python 3.11.
#pragma once

#include <cstddef>
#include <string_view>

namespace sinew::detail {

/// Whether str.strip removes the character.
[[nodiscard]] bool is_space(char32_t character) noexcept;
/// Whether \w of Python's re matches the character.
[[nodiscard]] bool is_word(char32_t character) noexcept;

/// The first character of well-formed text and the bytes that it takes. `text` must not be empty.
struct Character {
  char32_t value = 0;
  std::size_t bytes = 0;
};
[[nodiscard]] Character first_character(std::string_view text) noexcept;
[[nodiscard]] Character last_character(std::string_view text) noexcept;

/// str.lstrip, str.rstrip and str.strip.
[[nodiscard]] std::string_view strip_left(std::string_view text) noexcept;
[[nodiscard]] std::string_view strip_right(std::string_view text) noexcept;
[[nodiscard]] inline std::string_view strip(std::string_view text) noexcept { return strip_left(strip_right(text)); }

/// str.lower of the character that `text` has at `place`, which its neighbours decide for a capital sigma. U+0130, which
/// becomes two characters, gives 'i': the caller adds U+0307.
[[nodiscard]] char32_t lower_at(std::string_view text, std::size_t place) noexcept;

}  // namespace sinew::detail
