// SPDX-License-Identifier: Apache-2.0
#include "python_text.hpp"

#include <algorithm>
#include <iterator>
#include <span>

#include "generated/python_text_tables.hpp"

namespace sinew::detail {

namespace {

template <class Range>
const Range* find_range(std::span<const Range> ranges, char32_t character) noexcept {
  const auto after = std::ranges::upper_bound(ranges, character, {}, &Range::first);
  if (after == ranges.begin() || character > std::prev(after)->last) return nullptr;
  return &*std::prev(after);
}

bool is_in(std::span<const CharacterRange> ranges, char32_t character) noexcept { return find_range(ranges, character) != nullptr; }

char32_t lower(char32_t character) noexcept {
  if (character < 0x80) return character >= U'A' && character <= U'Z' ? character + 32 : character;
  const LowerStep* step = find_range<LowerStep>(kLowerSteps, character);
  if (step == nullptr || (character - step->first) % step->stride != 0) return character;
  return static_cast<char32_t>(static_cast<int>(character) + step->delta);
}

/// Unicode's Final_Sigma: a cased character before, none after, ignorable ones apart.
bool is_final_sigma(std::string_view before, std::string_view after) noexcept {
  while (!before.empty() && is_in(kIgnorableRanges, last_character(before).value)) before.remove_suffix(last_character(before).bytes);
  if (before.empty() || !is_in(kCasedRanges, last_character(before).value)) return false;
  while (!after.empty() && is_in(kIgnorableRanges, first_character(after).value)) after.remove_prefix(first_character(after).bytes);
  return after.empty() || !is_in(kCasedRanges, first_character(after).value);
}

}  // namespace

bool is_space(char32_t character) noexcept {
  if (character <= 0x20) return character == 0x20 || (character >= 0x09 && character <= 0x0D) || (character >= 0x1C && character <= 0x1F);
  return character == 0x85 || character == 0xA0 || character == 0x1680 || (character >= 0x2000 && character <= 0x200A) ||
         character == 0x2028 || character == 0x2029 || character == 0x202F || character == 0x205F || character == 0x3000;
}

bool is_word(char32_t character) noexcept { return is_in(kWordRanges, character); }

Character first_character(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const char32_t lead = byte(0);
  if (lead < 0xC0) return {lead, 1};
  const std::size_t bytes = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  char32_t value = lead & (0xFFU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) value = value << 6U | (byte(i) & 0x3FU);
  return {value, std::min(bytes, text.size())};
}

Character last_character(std::string_view text) noexcept {
  std::size_t at = text.size() - 1;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U) --at;
  return {first_character(text.substr(at)).value, text.size() - at};
}

std::string_view strip_left(std::string_view text) noexcept {
  while (!text.empty() && is_space(first_character(text).value)) text.remove_prefix(first_character(text).bytes);
  return text;
}

std::string_view strip_right(std::string_view text) noexcept {
  while (!text.empty() && is_space(last_character(text).value)) text.remove_suffix(last_character(text).bytes);
  return text;
}

char32_t lower_at(std::string_view text, std::size_t place) noexcept {
  constexpr char32_t kCapitalSigma = 0x3A3;
  const Character character = first_character(text.substr(place));
  if (character.value == 0x130) return U'i';
  if (character.value == kCapitalSigma && is_final_sigma(text.substr(0, place), text.substr(place + character.bytes))) return 0x3C2;
  return lower(character.value);
}

}  // namespace sinew::detail
