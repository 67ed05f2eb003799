// SPDX-License-Identifier: Apache-2.0
// pi0, pi0.5, pi0-FAST, OpenVLA, GR00T and StarVLA: text that is cleaned, and states that become text.
#include <cmath>

#include "prompt_writer.hpp"

namespace sinew {

int state_bin(double value) noexcept {
  // The edges are multiples of 1/128: scaling by a power of two and flooring are exact, adding 1 first would not be.
  return static_cast<int>(std::clamp(std::floor(value * 128), -129.0, 127.0)) + 128;
}

namespace detail {

namespace {

void write_character(char32_t character, PromptWriter& writer) noexcept {
  const auto continuation = [](char32_t bits) { return static_cast<char>(0x80U | (bits & 0x3FU)); };
  std::array<char, 4> bytes{};
  std::size_t size = 0;
  if (character < 0x80) {
    bytes[size++] = static_cast<char>(character);
  } else if (character < 0x800) {
    bytes[size++] = static_cast<char>(0xC0U | character >> 6U);
  } else if (character < 0x10000) {
    bytes[size++] = static_cast<char>(0xE0U | character >> 12U);
    bytes[size++] = continuation(character >> 6U);
  } else {
    bytes[size++] = static_cast<char>(0xF0U | character >> 18U);
    bytes[size++] = continuation(character >> 12U);
    bytes[size++] = continuation(character >> 6U);
  }
  if (character >= 0x80) bytes[size++] = continuation(character);
  writer << std::string_view(bytes.data(), size);
}

/// The instruction with what StarVLA appends to it.
Status write_extended(const StarVlaPrompt& prompt, const PromptInput& input, PromptWriter& writer) noexcept {
  writer << input.instruction;
  if (prompt.state_bins) {
    writer << " [STATE] ";
    if (const Status status = write_bins(input.state, 0, writer); status != Status::ok) return status;
    writer << " [ACTION]";
  }
  if (prompt.chunk_size > 0) {
    constexpr std::string_view kPlaceholder = "\xF0\x9F\x94\x8D";  // U+1F50D
    writer << " Please predict the next " << prompt.chunk_size << " robot actions: <action>";
    for (int i = 0; i < prompt.chunk_size; ++i) writer << kPlaceholder;
    writer << "<action>.";
  }
  return Status::ok;
}

}  // namespace

void write_cleaned(std::string_view text, bool newlines, PromptWriter& writer) noexcept {
  text = strip(text);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(newlines ? "_\n" : "_"), text.size());
    writer << text.substr(0, end);
    if (end < text.size()) writer << " ";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void write_lower(std::string_view text, LowerOptions options, PromptWriter& writer) noexcept {
  constexpr char32_t kDotAbove = 0x307;
  for (std::size_t at = 0; at < text.size();) {
    const Character character = first_character(text.substr(at));
    const char32_t lower = lower_at(text, at);
    at += character.bytes;
    if (options.formal && !is_word(lower) && !is_space(lower)) continue;
    write_character(options.underscores && lower == U'_' ? U' ' : lower, writer);
    if (character.value == 0x130 && !options.formal) write_character(kDotAbove, writer);
  }
}

Status write_bins(std::span<const double> state, std::size_t padded, PromptWriter& writer) noexcept {
  if (state.empty()) return Status::missing;
  for (std::size_t i = 0; i < std::max(state.size(), padded); ++i) {
    const double value = i < state.size() ? state[i] : 0;
    if (!std::isfinite(value)) return Status::not_finite;
    if (i > 0) writer << " ";
    writer << state_bin(value);
  }
  return Status::ok;
}

Status write(const Pi0Prompt& prompt, const PromptInput& input, PromptSink sink) noexcept {
  if (prompt.source == PiSource::openpi) {
    write_cleaned(input.instruction, true, sink.writer);
    sink.writer << "\n";
  } else {
    sink.writer << input.instruction << (input.instruction.ends_with('\n') ? "" : "\n");
  }
  return Status::ok;
}

Status write(const Pi05Prompt& prompt, const PromptInput& input, PromptSink sink) noexcept {
  sink.writer << "Task: ";
  write_cleaned(input.instruction, true, sink.writer);
  if (prompt.state_bins) {
    sink.writer << ", State: ";
    if (const Status status = write_bins(input.state, static_cast<std::size_t>(std::max(prompt.padded_state, 0)), sink.writer);
        status != Status::ok)
      return status;
  }
  sink.writer << ";\nAction: ";
  return Status::ok;
}

Status write(const Pi0FastPrompt& prompt, const PromptInput& input, PromptSink sink) noexcept {
  sink.writer << "Task: ";
  if (prompt.source == PiSource::openpi) {
    write_lower(strip(input.instruction), {.underscores = true}, sink.writer);
  } else {
    write_cleaned(input.instruction, true, sink.writer);
  }
  sink.writer << ", State: ";
  if (const Status status = write_bins(input.state, 0, sink.writer); status != Status::ok) return status;
  sink.writer << ";\n";
  return Status::ok;
}

Status write(const OpenVlaPrompt& prompt, const PromptInput& input, PromptSink sink) noexcept {
  constexpr std::string_view kVicuna =
      "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite "
      "answers to the user's questions. USER: ";
  sink.writer << (prompt.v01 ? kVicuna : "In: ") << "What action should the robot take to ";
  write_lower(input.instruction, {}, sink.writer);
  sink.writer << (prompt.v01 ? "? ASSISTANT:" : "?\nOut:");
  return Status::ok;
}

Status write(const GrootPrompt& prompt, const PromptInput& input, PromptSink sink) noexcept {
  if (prompt.formalize_language) {
    write_lower(input.instruction, {.formal = true}, sink.writer);
  } else {
    sink.writer << input.instruction;
  }
  return Status::ok;
}

Status write(const StarVlaPrompt& prompt, const PromptInput& input, PromptSink sink) noexcept {
  constexpr std::string_view kHole = "{instruction}";
  if (prompt.cot_prompt.empty()) return write_extended(prompt, input, sink.writer);
  std::string_view rest = prompt.cot_prompt;
  for (std::size_t hole = rest.find(kHole); hole != std::string_view::npos; hole = rest.find(kHole)) {
    sink.writer << rest.substr(0, hole);
    if (const Status status = write_extended(prompt, input, sink.writer); status != Status::ok) return status;
    rest.remove_prefix(hole + kHole.size());
  }
  sink.writer << rest;
  return Status::ok;
}

}  // namespace detail

}  // namespace sinew
