// SPDX-License-Identifier: Apache-2.0
// Text without the heap: what `last_error()` of an encoder, decoder or backend points into.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

namespace sinew {

/// The first at most `most` bytes of UTF-8 text, without cutting a character in two.
[[nodiscard]] constexpr std::string_view cut_utf8(std::string_view text, std::size_t most) noexcept {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0U) == 0x80U) --most;
  return text.substr(0, most);
}

/// Up to 255 bytes of formatted text held in place; what is longer is cut. Formatting neither allocates nor throws.
class FixedText {
 public:
  template <class... Args>
  void format(fmt::format_string<Args...> text, Args&&... args) noexcept {
    const std::size_t wanted = fmt::format_to_n(text_.data(), text_.size(), text, std::forward<Args>(args)...).size;
    size_ = wanted < text_.size() ? wanted : cut_utf8({text_.data(), text_.size()}, text_.size() - 1).size();
  }
  void clear() noexcept { size_ = 0; }
  /// Valid until the next change, move or destruction.
  [[nodiscard]] std::string_view view() const noexcept { return {text_.data(), size_}; }

 private:
  std::array<char, 255> text_{};
  std::size_t size_ = 0;
};

}  // namespace sinew
