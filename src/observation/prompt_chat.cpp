// SPDX-License-Identifier: Apache-2.0
// Qwen's chat, and the sentences of Qwen-VLA and Qwen-RobotManip.
#include "prompt_writer.hpp"

namespace sinew::detail {

namespace {

/// A tag must not end itself, begin another token or break the line.
bool is_tag(std::string_view view) noexcept {
  return !view.empty() && is_utf8(view) && view.find_first_of("<>|\r\n") == std::string_view::npos;
}

bool trims_content(ChatFamily family) noexcept { return family == ChatFamily::qwen3_5; }

std::string_view default_system(ChatFamily family) noexcept {
  const bool has_one = family == ChatFamily::qwen2_vl || family == ChatFamily::qwen2_5_vl;
  return has_one ? "You are a helpful assistant." : "";
}

}  // namespace

Status open_chat(const QwenChat& chat, std::span<const PromptImage> images, PromptWriter& writer) noexcept {
  const bool trim = trims_content(chat.family);
  const std::string_view system = chat.system ? std::string_view(*chat.system) : default_system(chat.family);
  if (!system.empty()) writer << "<|im_start|>system\n" << (trim ? strip(system) : system) << "<|im_end|>\n";
  writer << "<|im_start|>user\n";
  if (trim) writer.begin_trimmed();
  for (const PromptImage& image : images) {
    if (!chat.view_tags) {
      writer << kQwenSlot;
      continue;
    }
    if (image.view.empty()) return Status::missing;
    if (!is_tag(image.view)) return Status::out_of_range;
    writer << "<" << image.view << ">" << kQwenSlot << "</" << image.view << ">";
  }
  return Status::ok;
}

void close_chat(const QwenChat& chat, PromptWriter& writer) noexcept {
  if (trims_content(chat.family)) writer.end_trimmed();
  writer << "<|im_end|>\n";
  if (!chat.generation_prompt) return;
  writer << "<|im_start|>assistant\n";
  if (chat.family == ChatFamily::qwen3_5) writer << (chat.enable_thinking ? "<think>\n" : "<think>\n\n</think>\n\n");
}

Status write(const InstructionPrompt&, const PromptInput& input, PromptSink sink) noexcept {
  sink.writer << input.instruction;
  return Status::ok;
}

Status write(const QwenVlaPrompt& prompt, const PromptInput& input, PromptSink sink) noexcept {
  sink.writer << "The robot is " << prompt.robot_tag << " with " << prompt.arms << (prompt.waist ? ", waist" : "")
              << (prompt.mobile_base ? ", and mobile base" : "") << ". The control frequency is " << prompt.fps
              << " Hz. Please predict the next " << prompt.chunk_size
              << " control actions to execute the following task: " << input.instruction << ".";
  return Status::ok;
}

Status write(const RobotManipPrompt& prompt, const PromptInput& input, PromptSink sink) noexcept {
  // Another line would read as another field.
  if (input.instruction.find_first_of("\r\n") != std::string_view::npos) return Status::out_of_range;
  if (!prompt.embodiment.empty()) sink.writer << "embodiment: " << prompt.embodiment << "\n";
  sink.writer << "instruction: " << input.instruction << "\n";
  if (prompt.speed > 0) sink.writer << "speed: " << prompt.speed << "\n";
  if (prompt.fps > 0) sink.writer << "fps: " << prompt.fps << "\n";
  sink.writer << "camera view direction: " << prompt.camera_view_direction;
  return Status::ok;
}

}  // namespace sinew::detail
