// SPDX-License-Identifier: Apache-2.0
// Which tokens of FAST may follow one another, so that they are a chunk.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace sinew::nn {

/// A chunk is a text with one character for each coefficient; tokens are bytes of it and may cut a character. A token may follow when what
/// there is then begins some text of exactly so many characters, all of them in the trained range, that single bytes can complete.
class FastGrammar {
 public:
  /// Reads tokenizer.json. Throws Error, also when no text of characters of the range can be spelled.
  FastGrammar(const std::filesystem::path& file, std::int64_t coefficients);

  [[nodiscard]] std::int64_t tokens() const noexcept { return static_cast<std::int64_t>(spelled_.size()); }
  [[nodiscard]] std::int64_t coefficients() const noexcept { return coefficients_; }
  /// Of the text so far.
  [[nodiscard]] std::int64_t count() const noexcept { return count_; }
  [[nodiscard]] bool complete() const noexcept { return count_ == coefficients_ && cut_.size == 0; }

  void reset() noexcept;
  /// Whether action token `id` may be next. Tokens that do not exist may not.
  [[nodiscard]] bool allows(std::int64_t id) const noexcept;
  /// Adds a token that may be next.
  void take(std::int64_t id) noexcept;

 private:
  /// The first bytes of a character.
  struct Cut {
    std::array<unsigned char, 4> bytes{};
    int size = 0;
  };
  /// What a text becomes when bytes follow; false when they cannot.
  bool follow(std::string_view bytes, Cut& cut, std::int64_t& count) const noexcept;
  [[nodiscard]] bool can_close(const Cut& cut) const noexcept;

  std::vector<std::string> spelled_;  // by id; empty: no such token
  std::array<bool, 256> single_{};    // bytes that are tokens
  std::int32_t trained_ = 0;          // code points below it have been seen
  std::int64_t coefficients_ = 0;
  std::int64_t count_ = 0;
  Cut cut_;
};

}  // namespace sinew::nn
