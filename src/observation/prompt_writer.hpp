// SPDX-License-Identifier: Apache-2.0
// What the templates write with. Internal to src/observation.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <span>
#include <string_view>

#include "python_text.hpp"
#include "sinew/io/text.hpp"
#include "sinew/observation/prompt.hpp"

namespace sinew::detail {

/// Appends to a buffer and goes on counting where it ends.
class PromptWriter {
 public:
  explicit PromptWriter(std::span<char> out) noexcept : out_(out) {}

  PromptWriter& operator<<(std::string_view text) noexcept {
    if (trimming_ && trimmed_size_ == begin_) text = strip_left(text);
    // A piece that fits in part is written in part: trimming may yet take its end away.
    const std::size_t room = out_.size() - std::min(out_.size(), size_);
    if (const std::size_t fits = std::min(room, text.size()); fits > 0) std::memcpy(out_.data() + size_, text.data(), fits);
    if (const std::size_t kept = trimming_ ? strip_right(text).size() : 0; kept > 0) trimmed_size_ = size_ + kept;
    size_ += text.size();
    return *this;
  }
  /// The shortest decimal text that reads back as `number`: "30", "12.5", "100000" (not "1e+05").
  PromptWriter& operator<<(double number) noexcept {
    constexpr double kLongest = 1e15;
    std::array<char, 32> text;
    const auto format = number >= 1e-5 && number < kLongest ? std::chars_format::fixed : std::chars_format::general;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number, format).ptr;
    return *this << std::string_view(text.data(), static_cast<std::size_t>(end - text.data()));
  }
  PromptWriter& operator<<(int number) noexcept {
    std::array<char, 16> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
    return *this << std::string_view(text.data(), static_cast<std::size_t>(end - text.data()));
  }

  /// From here to `end_trimmed`, white space at both ends of what is written goes, as with Python's str.strip.
  void begin_trimmed() noexcept {
    trimming_ = true;
    begin_ = trimmed_size_ = size_;
  }
  void end_trimmed() noexcept {
    trimming_ = false;
    size_ = trimmed_size_;
  }

  Status finish(std::size_t& size) const noexcept {
    size = size_;
    return size_ <= out_.size() ? Status::ok : Status::over_capacity;
  }

 private:
  std::span<char> out_;
  std::size_t size_ = 0;
  bool trimming_ = false;
  std::size_t begin_ = 0;         // of the trimmed part
  std::size_t trimmed_size_ = 0;  // size up to the last character that is not white space
};

/// Where a template writes, and how an image's slot is spelled there.
struct PromptSink {
  PromptWriter& writer;
  std::string_view slot;
};

/// Stripped, `_` made a space, and with `newlines` "\n" too: str.strip, str.replace.
void write_cleaned(std::string_view text, bool newlines, PromptWriter& writer) noexcept;
/// str.lower; with `formal`, without what is neither a word character nor white space; with `underscores`, `_` made a space.
struct LowerOptions {
  bool formal = false;
  bool underscores = false;
};
void write_lower(std::string_view text, LowerOptions options, PromptWriter& writer) noexcept;
/// The bins, joined by spaces, padded with that of zero to `padded` values. `missing` for no values, `not_finite`.
[[nodiscard]] Status write_bins(std::span<const double> state, std::size_t padded, PromptWriter& writer) noexcept;
/// The system turn, the slots and whatever opens the user's text; then what ends the turns.
[[nodiscard]] Status open_chat(const QwenChat& chat, std::span<const PromptImage> images, PromptWriter& writer) noexcept;
void close_chat(const QwenChat& chat, PromptWriter& writer) noexcept;

inline constexpr std::string_view kQwenSlot = "<|vision_start|><|image_pad|><|vision_end|>";
inline constexpr std::string_view kPlainSlot = "<image>";

[[nodiscard]] Status write(const InstructionPrompt& prompt, const PromptInput& input, PromptSink sink) noexcept;
[[nodiscard]] Status write(const QwenVlaPrompt& prompt, const PromptInput& input, PromptSink sink) noexcept;
[[nodiscard]] Status write(const RobotManipPrompt& prompt, const PromptInput& input, PromptSink sink) noexcept;
[[nodiscard]] Status write(const RobotNavPrompt& prompt, const PromptInput& input, PromptSink sink) noexcept;
[[nodiscard]] Status write(const StarVlaPrompt& prompt, const PromptInput& input, PromptSink sink) noexcept;
[[nodiscard]] Status write(const Pi0Prompt& prompt, const PromptInput& input, PromptSink sink) noexcept;
[[nodiscard]] Status write(const Pi05Prompt& prompt, const PromptInput& input, PromptSink sink) noexcept;
[[nodiscard]] Status write(const Pi0FastPrompt& prompt, const PromptInput& input, PromptSink sink) noexcept;
[[nodiscard]] Status write(const OpenVlaPrompt& prompt, const PromptInput& input, PromptSink sink) noexcept;
[[nodiscard]] Status write(const GrootPrompt& prompt, const PromptInput& input, PromptSink sink) noexcept;

}  // namespace sinew::detail
