// SPDX-License-Identifier: Apache-2.0
// The regular expressions that published tokenizers cut text with, as hand-written scanners.
#pragma once

#include <cstddef>
#include <string_view>

#include "unicode.hpp"

namespace sinew::tokenizer {

/// How text is cut before BPE. The regular expressions are in kPatterns.
enum class Cut : std::uint8_t {
  whole,   ///< not at all
  gpt2,    ///< GPT-2, and ByteLevel with use_regex
  llama3,  ///< Llama 3
  qwen2,   ///< Qwen2, Qwen2.5, Qwen3 and their VL models
  qwen35   ///< Qwen3.5
};

/// A regular expression of a `Split` that we know, and the scanner that does the same.
struct KnownPattern {
  Cut cut;
  std::string_view name, regex;
};

inline constexpr KnownPattern kPatterns[] = {
    {Cut::qwen2, "Qwen2",
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {Cut::qwen35, "Qwen3.5",
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {Cut::llama3, "Llama 3",
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {Cut::gpt2, "GPT-2", R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"},
};

/// Walks through one well-formed text. Every regular expression above matches at every place, so the pieces are the text.
template <Cut How>
class Scanner {
 public:
  Scanner(std::string_view text, const CharacterTable& table) noexcept : end_(text.data() + text.size()), table_(table) {}

  /// The end of the piece that begins at `at`, which is not the end of the text.
  [[nodiscard]] const char* piece_end(const char* at) const noexcept {
    if constexpr (How == Cut::whole) return end_;
    if constexpr (How == Cut::gpt2) return gpt2_end(at);
    return modern_end(at);
  }

 private:
  struct Character {
    Kind kind;
    const char* end;
  };

  [[nodiscard]] Character look(const char* at) const noexcept {
    const auto byte = static_cast<unsigned char>(*at);
    if (byte < 0x80) return {table_.ascii_kind(byte), at + 1};
    const char32_t c = next_code_point(at);
    return {table_.kind(c), at};
  }

  /// A character of a word: Qwen3.5 counts marks as letters.
  [[nodiscard]] static bool in_word(Kind kind) noexcept { return kind == Kind::letter || (How == Cut::qwen35 && kind == Kind::mark); }
  [[nodiscard]] static bool is_symbol(Kind kind) noexcept { return kind == Kind::other || (How != Cut::qwen35 && kind == Kind::mark); }
  [[nodiscard]] static bool is_newline(char c) noexcept { return c == '\n' || c == '\r'; }

  template <class Accept>
  [[nodiscard]] const char* run(const char* at, const Accept& accept) const noexcept {
    while (at < end_) {
      const Character next = look(at);
      if (!accept(next.kind)) break;
      at = next.end;
    }
    return at;
  }
  [[nodiscard]] const char* word(const char* at) const noexcept { return run(at, in_word); }

  /// The end of 's, 't, 're, 've, 'm, 'll or 'd, whose apostrophe is at `at`, or nullptr. Without case, U+017F is an s too.
  [[nodiscard]] const char* contraction(const char* at) const noexcept {
    constexpr char kFold = How == Cut::gpt2 ? 0 : 0x20;
    const auto letter = [&](int i) { return at + i < end_ ? static_cast<char>(at[i] | kFold) : '\0'; };
    const char first = letter(1), second = letter(2);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return at + 2;
    if ((first == 'r' && second == 'e') || (first == 'v' && second == 'e') || (first == 'l' && second == 'l')) return at + 3;
    if (kFold != 0 && end_ - at > 2 && at[1] == '\xC5' && at[2] == '\xBF') return at + 3;
    return nullptr;
  }

  /// White space that belongs to no word: \s*[\r\n]+ (unless GPT-2), \s+(?!\S), \s+.
  [[nodiscard]] const char* space(const char* at) const noexcept {
    const char* last = at;            // where the last character of the run begins
    const char* lines_end = nullptr;  // behind the last newline of the run
    const char* next = at;
    while (next < end_) {
      const Character character = look(next);
      if (character.kind != Kind::space) break;
      if (How != Cut::gpt2 && is_newline(*next)) lines_end = character.end;
      last = next;
      next = character.end;
    }
    if (lines_end != nullptr) return lines_end;
    return next == end_ || last == at ? next : last;
  }

  [[nodiscard]] const char* modern_end(const char* at) const noexcept {
    const Character first = look(at);
    if (in_word(first.kind)) return word(first.end);
    if (*at == '\'')
      if (const char* stop = contraction(at)) return stop;
    if (first.kind == Kind::number) return number(first.end);
    if (first.end < end_ && !is_newline(*at)) {
      const Character second = look(first.end);
      if (in_word(second.kind)) return word(second.end);
      if (*at == ' ' && is_symbol(second.kind)) return symbols(second.end);
    }
    return is_symbol(first.kind) ? symbols(first.end) : space(at);
  }

  [[nodiscard]] const char* number(const char* at) const noexcept {
    if constexpr (How == Cut::llama3) {
      for (int more = 0; more < 2 && at < end_; ++more) {
        const Character next = look(at);
        if (next.kind != Kind::number) break;
        at = next.end;
      }
    }
    return at;
  }
  [[nodiscard]] const char* symbols(const char* at) const noexcept {
    at = run(at, is_symbol);
    while (at < end_ && is_newline(*at)) ++at;
    return at;
  }

  [[nodiscard]] const char* gpt2_end(const char* at) const noexcept {
    if (*at == '\'')
      if (const char* stop = contraction(at)) return stop;
    const char* const start = *at == ' ' ? at + 1 : at;
    if (start == end_) return end_;
    const Character first = look(start);
    if (first.kind == Kind::space) return space(at);
    if (first.kind == Kind::letter) return word(first.end);
    if (first.kind == Kind::number) return run(first.end, [](Kind kind) { return kind == Kind::number; });
    return run(first.end, is_symbol);
  }

  const char* end_;
  const CharacterTable& table_;
};

/// Calls `take` with every piece of `text`, in order.
template <Cut How, class Take>
void for_each_piece(std::string_view text, const CharacterTable& table, const Take& take) noexcept {
  const Scanner<How> scanner(text, table);
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at < end;) {
    const char* const stop = scanner.piece_end(at);
    take(std::string_view(at, static_cast<std::size_t>(stop - at)));
    at = stop;
  }
}

}  // namespace sinew::tokenizer
