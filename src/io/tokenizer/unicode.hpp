// SPDX-License-Identifier: Apache-2.0
// Character classes and canonical composition as the `tokenizers` package has them, and UTF-8 in and out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sinew::tokenizer {

// The generated data: every list is sorted by its first member.
struct CodePointRange {
  char32_t first, last;
  std::uint8_t value;
};
struct Decomposition {
  char32_t composed;
  std::uint32_t begin, size;  // in kDecompositionParts
};
struct Composition {
  char32_t first, second, composed;
};
extern const std::span<const CodePointRange> kCharacterClasses;
extern const std::span<const CodePointRange> kCombiningClasses;
extern const std::span<const Decomposition> kDecompositions;
extern const std::span<const char32_t> kDecompositionParts;
extern const std::span<const Composition> kCompositions;

inline constexpr char32_t kReplacement = 0xFFFD;
inline constexpr char32_t kHangulBase = 0xAC00, kHangulEnd = 0xD7A4;

/// Classes of the regular expressions: \p{L}, \p{N}, \p{M}, \s, the rest.
enum class Kind : std::uint8_t { other = 0, letter = 1, number = 2, mark = 3, space = 4 };

/// One byte per code point: its kind, and whether NFC must look at it.
class CharacterTable {
 public:
  static constexpr std::uint8_t kKind = 0x07;
  static constexpr std::uint8_t kActive = 0x08;  ///< decomposes, combines with what is before it, or is reordered

  static const CharacterTable& instance();

  [[nodiscard]] std::uint8_t entry(char32_t c) const noexcept { return blocks_[std::size_t{index_[c >> 8]} << 8 | (c & 0xFF)]; }
  [[nodiscard]] Kind kind(char32_t c) const noexcept { return static_cast<Kind>(entry(c) & kKind); }
  [[nodiscard]] Kind ascii_kind(unsigned char c) const noexcept { return static_cast<Kind>(blocks_[c] & kKind); }
  [[nodiscard]] bool active(char32_t c) const noexcept { return (entry(c) & kActive) != 0; }

 private:
  CharacterTable();
  std::array<std::uint16_t, 0x1100> index_{};
  std::vector<std::uint8_t> blocks_;  // the first is that of U+0000
};

/// The code point at `at`, which is moved behind it. The text must be well-formed.
inline char32_t next_code_point(const char*& at) noexcept {
  const auto tail = [&at] { return static_cast<char32_t>(static_cast<unsigned char>(*at++) & 0x3F); };
  const auto lead = static_cast<unsigned char>(*at++);
  if (lead < 0x80) return lead;
  char32_t c = lead < 0xE0 ? lead & 0x1FU : lead < 0xF0 ? lead & 0x0FU : lead & 0x07U;
  c = c << 6 | tail();
  if (lead >= 0xE0) c = c << 6 | tail();
  if (lead >= 0xF0) c = c << 6 | tail();
  return c;
}

void append_utf8(std::string& text, char32_t c);

/// True when no byte of `text` is above 0x7F.
[[nodiscard]] bool is_ascii(std::string_view text) noexcept;

/// Appends `text` with each maximal part of a broken sequence (Unicode, 3.9) as U+FFFD.
void append_well_formed(std::string& out, std::string_view text);

}  // namespace sinew::tokenizer
