// SPDX-License-Identifier: Apache-2.0
#include "added_tokens.hpp"

#include <algorithm>

namespace sinew::tokenizer {

AddedTokenMatcher::AddedTokenMatcher(std::vector<Entry> entries) : entries_(std::move(entries)) {
  std::stable_sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) { return a.text < b.text; });
  const auto same = [](const Entry& a, const Entry& b) { return a.text == b.text; };
  entries_.erase(std::unique(entries_.begin(), entries_.end(), same), entries_.end());
  for (const Entry& entry : entries_) starts_[static_cast<unsigned char>(entry.text.front())] = true;
}

/// Narrows the sorted entries byte by byte to those that `text` begins with.
const AddedTokenMatcher::Entry* AddedTokenMatcher::match(std::string_view text) const noexcept {
  const Entry* longest = nullptr;
  auto low = entries_.begin(), high = entries_.end();
  for (std::size_t depth = 0;; ++depth) {
    if (low->text.size() == depth) longest = &*low++;  // the shortest of those with one start comes first
    if (low == high || depth == text.size()) return longest;
    const auto byte = static_cast<unsigned char>(text[depth]);
    const auto at_depth = [depth](const Entry& entry) { return static_cast<unsigned char>(entry.text[depth]); };
    low = std::lower_bound(low, high, byte, [&](const Entry& entry, unsigned char value) { return at_depth(entry) < value; });
    high = std::upper_bound(low, high, byte, [&](unsigned char value, const Entry& entry) { return value < at_depth(entry); });
    if (low == high) return longest;
  }
}

std::size_t AddedTokenMatcher::spaces_begin(std::string_view text, std::size_t end, const CharacterTable& table) noexcept {
  while (end > 0) {
    std::size_t begin = end - 1;
    while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
    const char* at = text.data() + begin;
    if (table.kind(next_code_point(at)) != Kind::space) break;
    end = begin;
  }
  return end;
}

std::size_t AddedTokenMatcher::spaces_end(std::string_view text, std::size_t begin, const CharacterTable& table) noexcept {
  while (begin < text.size()) {
    const char* at = text.data() + begin;
    if (table.kind(next_code_point(at)) != Kind::space) break;
    begin = static_cast<std::size_t>(at - text.data());
  }
  return begin;
}

}  // namespace sinew::tokenizer
