// SPDX-License-Identifier: Apache-2.0
// Reads instructions word by word.
#include "sinew/sim/instruction.hpp"

#include <fmt/format.h>

#include <array>

#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"

namespace sinew::sim {

namespace {

constexpr std::size_t kWords = 8;
constexpr std::size_t kCubeWord = 2;
constexpr std::size_t kPlateWord = 6;
// The empty entries are the colours.
constexpr std::array<std::string_view, kWords> kSentence{"put", "the", "", "cube", "on", "the", "", "plate"};

constexpr bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_word(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

/// Index of `word` among `colours`, or -1.
int index_of(std::string_view word, const std::array<std::string_view, kColours>& colours) noexcept {
  for (std::size_t i = 0; i < colours.size(); ++i)
    if (same_word(word, colours[i])) return static_cast<int>(i);
  return -1;
}

/// Takes the next word of letters from the front of `text`; empty when there is none.
std::string_view take_word(std::string_view& text) noexcept {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  std::size_t length = 0;
  while (length < text.size() && lower(text[length]) >= 'a' && lower(text[length]) <= 'z') ++length;
  const std::string_view word = text.substr(0, length);
  text.remove_prefix(length);
  return word;
}

/// The words of one sentence from the front of `text`, as many as follow each other.
std::array<std::string_view, kWords> take_sentence(std::string_view& text) noexcept {
  std::array<std::string_view, kWords> words;
  for (auto& word : words) word = take_word(text);
  return words;
}

bool has_form(const std::array<std::string_view, kWords>& words) noexcept {
  for (std::size_t i = 0; i < kWords; ++i)
    if (i == kCubeWord || i == kPlateWord ? words[i].empty() : !same_word(words[i], kSentence[i])) return false;
  return true;
}

[[noreturn]] void complain(std::string_view text, std::string_view what, std::string_view got, std::string_view near) {
  const std::string expected = fmt::format("\"put the <colour> cube on the <colour> plate\" with cubes {} and plates {}",
                                           join_names(kCubeColours), join_names(kPlateColours));
  const std::string hint =
      near.empty() ? fmt::format("for example \"{}\"", to_string(Instruction{})) : fmt::format("did you mean '{}'?", near);
  constexpr std::size_t kShown = 120;
  const std::string shown = quote(got.empty() ? text : got, kShown);
  fail(ErrorCode::invalid_argument, {"instruction", what, expected, shown, hint});
}

int colour(std::string_view text, std::string_view word, const std::array<std::string_view, kColours>& colours, std::string_view what) {
  const int index = index_of(word, colours);
  if (index >= 0) return index;
  std::string lowered(word);
  for (char& c : lowered) c = lower(c);
  complain(text, what, word, nearest_name(lowered, colours));
}

}  // namespace

std::string to_string(const Instruction& instruction) {
  return fmt::format("put the {} cube on the {} plate", kCubeColours.at(static_cast<std::size_t>(instruction.cube)),
                     kPlateColours.at(static_cast<std::size_t>(instruction.plate)));
}

Instruction parse_instruction(std::string_view text) {
  std::string_view rest = text;
  const auto words = take_sentence(rest);
  if (!rest.empty() && rest.front() == '.') rest.remove_prefix(1);
  while (!rest.empty() && is_space(rest.front())) rest.remove_prefix(1);
  if (!has_form(words) || !rest.empty()) complain(text, "the sentence", "", "");
  return {colour(text, words[kCubeWord], kCubeColours, "the cube's colour"),
          colour(text, words[kPlateWord], kPlateColours, "the plate's colour")};
}

std::optional<Instruction> find_instruction(std::string_view text) noexcept {
  std::optional<Instruction> found;
  for (std::size_t begin = 0; begin < text.size(); ++begin) {
    const bool letter_before = begin > 0 && lower(text[begin - 1]) >= 'a' && lower(text[begin - 1]) <= 'z';
    if (lower(text[begin]) != 'p' || letter_before) continue;
    std::string_view rest = text.substr(begin);
    const auto words = take_sentence(rest);
    if (!has_form(words)) continue;
    const Instruction instruction{index_of(words[kCubeWord], kCubeColours), index_of(words[kPlateWord], kPlateColours)};
    if (instruction.cube >= 0 && instruction.plate >= 0) found = instruction;
  }
  return found;
}

std::vector<std::string> known_instructions() {
  std::vector<std::string> all;
  for (int cube = 0; cube < kColours; ++cube)
    for (int plate = 0; plate < kColours; ++plate) all.push_back(to_string(Instruction{cube, plate}));
  return all;
}

}  // namespace sinew::sim
