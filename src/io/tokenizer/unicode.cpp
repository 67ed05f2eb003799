// SPDX-License-Identifier: Apache-2.0
#include "unicode.hpp"

#include <algorithm>
#include <cstring>

#include "sinew/io/text.hpp"

namespace sinew::tokenizer {

namespace {

constexpr std::size_t kCodePoints = 0x110000;

void mark_active(std::vector<std::uint8_t>& flat) {
  const auto mark = [&flat](char32_t c) { flat[c] |= CharacterTable::kActive; };
  for (const auto& range : kCombiningClasses)
    for (char32_t c = range.first; c <= range.last; ++c) mark(c);
  for (const auto& entry : kCompositions) mark(entry.second);
  for (char32_t c = 0x1161; c < 0x1176; ++c) mark(c);  // vowels and final consonants of Hangul
  for (char32_t c = 0x11A8; c < 0x11C3; ++c) mark(c);
  // What decomposes and is composed again, as a whole, need not be looked at.
  std::vector<char32_t> primary;
  for (const auto& entry : kCompositions) primary.push_back(entry.composed);
  std::sort(primary.begin(), primary.end());
  for (const auto& entry : kDecompositions)
    if (!std::binary_search(primary.begin(), primary.end(), entry.composed)) mark(entry.composed);
}

/// Length of the longest start of a well-formed sequence at the start of `text`, which is broken; at least 1.
std::size_t broken_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const unsigned lead = byte(0);
  if (lead < 0xE0 || lead > 0xF4) return 1;  // C2..DF: alone, or it would not be broken
  const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < low || byte(1) > high) return 1;
  return lead >= 0xF0 && byte(2) >= 0x80 && byte(2) <= 0xBF ? 3 : 2;
}

}  // namespace

CharacterTable::CharacterTable() {
  std::vector<std::uint8_t> flat(kCodePoints, 0);
  for (const auto& range : kCharacterClasses) std::fill(flat.begin() + range.first, flat.begin() + range.last + 1, range.value);
  mark_active(flat);
  for (std::size_t block = 0; block < index_.size(); ++block) {
    const auto* wanted = flat.data() + (block << 8);
    std::size_t found = 0;
    while (found < blocks_.size() >> 8 && std::memcmp(blocks_.data() + (found << 8), wanted, 256) != 0) ++found;
    if (found == blocks_.size() >> 8) blocks_.insert(blocks_.end(), wanted, wanted + 256);
    index_[block] = static_cast<std::uint16_t>(found);
  }
}

const CharacterTable& CharacterTable::instance() {
  static const CharacterTable kTable;
  return kTable;
}

void append_utf8(std::string& text, char32_t c) {
  const auto put = [&text](char32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (c < 0x80) return put(c);
  if (c < 0x800) {
    put(0xC0 | c >> 6);
  } else {
    if (c < 0x10000) {
      put(0xE0 | c >> 12);
    } else {
      put(0xF0 | c >> 18);
      put(0x80 | (c >> 12 & 0x3F));
    }
    put(0x80 | (c >> 6 & 0x3F));
  }
  put(0x80 | (c & 0x3F));
}

bool is_ascii(std::string_view text) noexcept {
  std::uint64_t seen = 0, word = 0;
  std::size_t at = 0;
  for (; at + sizeof(word) <= text.size(); at += sizeof(word)) {
    std::memcpy(&word, text.data() + at, sizeof(word));
    seen |= word;
  }
  for (; at < text.size(); ++at) seen |= static_cast<unsigned char>(text[at]);
  return (seen & 0x8080808080808080U) == 0;
}

void append_well_formed(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t good = utf8_prefix(text);
    out.append(text.substr(0, good));
    text.remove_prefix(good);
    if (text.empty()) return;
    append_utf8(out, kReplacement);
    text.remove_prefix(broken_length(text));
  }
}

}  // namespace sinew::tokenizer
