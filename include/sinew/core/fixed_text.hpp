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

/// Up to 255 bytes of formatted text held in place; what is longer is cut. Formatting neither allocates nor throws.
class FixedText {
 public:
  template <class... Args>
  void format(fmt::format_string<Args...> text, Args&&... args) noexcept {
    size_ = std::min(fmt::format_to_n(text_.data(), text_.size(), text, std::forward<Args>(args)...).size, text_.size());
  }
  void clear() noexcept { size_ = 0; }
  /// Valid until the next change, move or destruction.
  [[nodiscard]] std::string_view view() const noexcept { return {text_.data(), size_}; }

 private:
  std::array<char, 255> text_{};
  std::size_t size_ = 0;
};

}  // namespace sinew
