// SPDX-License-Identifier: Apache-2.0
// Tokens that are cut out of the text before anything else, as `tokenizers` does (AddedVocabulary).
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/io/tokenizer.hpp"
#include "unicode.hpp"

namespace sinew::tokenizer {

struct AddedToken {
  std::string content;
  std::string shown;  ///< what it is in decoded text: the content, normalized when it is looked for so
  TokenId id = 0;
  bool lstrip = false, rstrip = false;  ///< takes the white space before, after it
  bool normalized = false;              ///< looked for in the normalized text
  bool special = false;
};

/// Finds tokens in text: from left to right, of those that begin at one place the longest.
class AddedTokenMatcher {
 public:
  struct Entry {
    std::string text;
    TokenId id;
    bool lstrip, rstrip;
  };

  /// Entries with a text of another one are dropped when they come later.
  explicit AddedTokenMatcher(std::vector<Entry> entries = {});
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }

  /// Calls `take_text(string_view)` and `take_token(id)` in the order of the text, well-formed.
  template <class TakeText, class TakeToken>
  void split(std::string_view text, const CharacterTable& table, const TakeText& take_text, const TakeToken& take_token) const noexcept {
    std::size_t taken = 0;
    for (std::size_t at = 0; !empty() && at < text.size();) {
      if (!starts_[static_cast<unsigned char>(text[at])]) {
        ++at;
        continue;
      }
      const Entry* const entry = match(text.substr(at));
      if (entry == nullptr) {
        ++at;
        continue;
      }
      std::size_t begin = at;
      at += entry->text.size();
      if (entry->lstrip) begin = std::max(taken, spaces_begin(text, begin, table));
      std::size_t end = at;
      if (entry->rstrip) end = spaces_end(text, end, table);
      if (taken < begin) take_text(text.substr(taken, begin - taken));
      take_token(entry->id);
      taken = end;
    }
    if (taken < text.size()) take_text(text.substr(taken));
  }

 private:
  [[nodiscard]] const Entry* match(std::string_view text) const noexcept;
  static std::size_t spaces_begin(std::string_view text, std::size_t end, const CharacterTable& table) noexcept;
  static std::size_t spaces_end(std::string_view text, std::size_t begin, const CharacterTable& table) noexcept;

  std::vector<Entry> entries_;  // sorted by text
  std::array<bool, 256> starts_{};
};

}  // namespace sinew::tokenizer
