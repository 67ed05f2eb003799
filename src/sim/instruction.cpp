// SPDX-License-Identifier: Apache-2.0
// Reads instructions word by word.
#include "sinew/sim/instruction.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"

namespace sinew::sim {

namespace {

constexpr std::size_t kWords = 8;
constexpr std::size_t kCubeWord = 2;
constexpr std::size_t kTargetWord = 6;
using Words = std::array<std::string_view, kWords>;

/// One family's sentence. The words at kCubeWord and kTargetWord are free.
struct Form {
  Words words;
  std::size_t size;
  std::span<const std::string_view> targets;
  std::string_view target;  // in errors
};

// In the order of Task.
constexpr std::array<Form, kTasks> kForms{{
    {{"put", "the", "", "cube", "on", "the", "", "plate"}, 8, kPlateColours, "the plate's colour"},
    {{"stack", "the", "", "cube", "on", "the", "", "cube"}, 8, kCubeColours, "the lower cube's colour"},
    {{"push", "the", "", "cube", "to", "the", ""}, 7, kSideNames, "the side"},
}};

constexpr bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_word(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

/// Index of `word` among `names`, or -1.
int index_of(std::string_view word, std::span<const std::string_view> names) noexcept {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (same_word(word, names[i])) return static_cast<int>(i);
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

/// The words of one sentence from the front of `text`, as many as follow each other; empty when they are not of this form.
std::optional<Words> take_sentence(const Form& form, std::string_view& text) noexcept {
  Words words;
  std::string_view rest = text;
  for (std::size_t i = 0; i < form.size; ++i) {
    words[i] = take_word(rest);
    const bool fits = i == kCubeWord || i == kTargetWord ? !words[i].empty() : same_word(words[i], form.words[i]);
    if (!fits) return std::nullopt;
  }
  text = rest;
  return words;
}

/// An instruction of the family whose verb `text` begins with, else of the first.
Instruction example(std::string_view text) noexcept {
  const int task = index_of(take_word(text), kTaskNames);
  return task == static_cast<int>(Task::stack) ? Instruction{Task::stack, 0, 1} : Instruction{static_cast<Task>(std::max(task, 0)), 0, 0};
}

[[noreturn]] void complain(std::string_view text, std::string_view what, std::string_view got, std::string_view near) {
  const std::string expected =
      fmt::format("{} with cubes {} and plates {}", kSentenceForms, join_names(kCubeColours), join_names(kPlateColours));
  const std::string hint =
      near.empty() ? fmt::format("for example \"{}\"", to_string(example(text))) : fmt::format("did you mean '{}'?", near);
  constexpr std::size_t kShown = 120;
  const std::string shown = quote(got.empty() ? text : got, kShown);
  fail(ErrorCode::invalid_argument, {"instruction", what, expected, shown, hint});
}

int choice(std::string_view text, std::string_view word, std::span<const std::string_view> names, std::string_view what) {
  const int index = index_of(word, names);
  if (index >= 0) return index;
  std::string lowered(word);
  for (char& c : lowered) c = lower(c);
  complain(text, what, word, nearest_name(lowered, names));
}

bool in_range(int index, std::size_t size) noexcept { return index >= 0 && static_cast<std::size_t>(index) < size; }

}  // namespace

std::string_view to_string(Task task) noexcept { return kTaskNames[static_cast<std::size_t>(task)]; }

bool valid(const Instruction& instruction) noexcept {
  const auto task = static_cast<std::size_t>(instruction.task);
  return task < kForms.size() && in_range(instruction.cube, kCubeColours.size()) &&
         in_range(instruction.target, kForms[task].targets.size()) &&
         !(instruction.task == Task::stack && instruction.cube == instruction.target);
}

std::string_view target_name(const Instruction& instruction) noexcept {
  return kForms[static_cast<std::size_t>(instruction.task)].targets[static_cast<std::size_t>(instruction.target)];
}

std::string to_string(const Instruction& instruction) {
  if (!valid(instruction))
    fail(ErrorCode::invalid_argument,
         {"instruction", "task, cube and target", "indices of what there is, and two different cubes",
          fmt::format("{}, {}, {}", static_cast<int>(instruction.task), instruction.cube, instruction.target), ""});
  const Form& form = kForms[static_cast<std::size_t>(instruction.task)];
  std::string text;
  for (std::size_t i = 0; i < form.size; ++i) {
    if (i > 0) text += ' ';
    if (i == kCubeWord)
      text += kCubeColours[static_cast<std::size_t>(instruction.cube)];
    else
      text += i == kTargetWord ? target_name(instruction) : form.words[i];
  }
  return text;
}

Instruction parse_instruction(std::string_view text) {
  for (std::size_t task = 0; task < kForms.size(); ++task) {
    const Form& form = kForms[task];
    std::string_view rest = text;
    const auto words = take_sentence(form, rest);
    if (!words) continue;
    if (!rest.empty() && rest.front() == '.') rest.remove_prefix(1);
    while (!rest.empty() && is_space(rest.front())) rest.remove_prefix(1);
    if (!rest.empty()) break;
    const Instruction instruction{static_cast<Task>(task), choice(text, (*words)[kCubeWord], kCubeColours, "the cube's colour"),
                                  choice(text, (*words)[kTargetWord], form.targets, form.target)};
    if (!valid(instruction)) complain(text, "two different cubes", (*words)[kTargetWord], "");
    return instruction;
  }
  complain(text, "the sentence", "", "");
}

std::optional<Instruction> find_instruction(std::string_view text) noexcept {
  std::optional<Instruction> found;
  for (std::size_t begin = 0; begin < text.size(); ++begin) {
    const bool letter_before = begin > 0 && lower(text[begin - 1]) >= 'a' && lower(text[begin - 1]) <= 'z';
    if (letter_before) continue;
    for (std::size_t task = 0; task < kForms.size(); ++task) {
      std::string_view rest = text.substr(begin);
      if (lower(rest.front()) != kForms[task].words[0].front()) continue;
      const auto words = take_sentence(kForms[task], rest);
      if (!words) continue;
      const Instruction instruction{static_cast<Task>(task), index_of((*words)[kCubeWord], kCubeColours),
                                    index_of((*words)[kTargetWord], kForms[task].targets)};
      if (valid(instruction)) found = instruction;
    }
  }
  return found;
}

std::vector<std::string> known_instructions() {
  std::vector<std::string> all;
  for (std::size_t task = 0; task < kForms.size(); ++task)
    for (int cube = 0; cube < kColours; ++cube)
      for (int target = 0; target < static_cast<int>(kForms[task].targets.size()); ++target) {
        const Instruction instruction{static_cast<Task>(task), cube, target};
        if (valid(instruction)) all.push_back(to_string(instruction));
      }
  return all;
}

}  // namespace sinew::sim
