// SPDX-License-Identifier: Apache-2.0
// Prompts: what a policy's instruction is wrapped in. A template with its fields is set up once and rendered into the
// caller's buffer at every step.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "sinew/core/card.hpp"
#include "sinew/core/status.hpp"

namespace sinew {

/// Template "instruction": the bare text.
struct InstructionPrompt {};

/// Template "qwen_vla" (Qwen-VLA, arXiv 2605.30280): "The robot is {robot_tag} with {arms}[, waist][, and mobile base]. The
/// control frequency is {fps} Hz. Please predict the next {chunk_size} control actions to execute the following task:
/// {instruction}."
struct QwenVlaPrompt {
  std::string robot_tag;
  std::string arms;  ///< "single arm" or "dual arms"
  bool waist = false;
  bool mobile_base = false;
  double fps = 0;      ///< control frequency, Hz
  int chunk_size = 0;  ///< actions per chunk
};

/// Template "robotmanip" (Qwen-RobotManip, arXiv 2606.17846): one "name: value" line per field: embodiment, instruction,
/// speed, fps, camera view direction. Training drops embodiment, speed and fps at times, so each may be left out.
struct RobotManipPrompt {
  std::string embodiment;             ///< e.g. "robot_aloha"; empty leaves the line out
  int speed = 0;                      ///< episode length in steps, in bins of 500; 0 leaves the line out
  double fps = 0;                     ///< Hz; 0 leaves the line out
  std::string camera_view_direction;  ///< "arm side" or "opposite side"
};

/// Write the prompt into `out` and its length in bytes into `size`. `over_capacity` when `out` is too small: `size` is then
/// what was needed. `out_of_range`: an instruction of several lines for a template of one line per field.
[[nodiscard]] Status render(const InstructionPrompt& prompt, std::string_view instruction, std::span<char> out, std::size_t& size) noexcept;
[[nodiscard]] Status render(const QwenVlaPrompt& prompt, std::string_view instruction, std::span<char> out, std::size_t& size) noexcept;
[[nodiscard]] Status render(const RobotManipPrompt& prompt, std::string_view instruction, std::span<char> out, std::size_t& size) noexcept;

/// The template that a card names, with the card's fields checked. Immutable; shared by threads.
class Prompt {
 public:
  /// Throws Error for an unknown template or field (naming the nearest), a missing field or a value that is out of range.
  /// Fields are spelled as the members of the structs above; numbers in decimal, switches "true" or "false".
  explicit Prompt(const PromptCard& card);

  [[nodiscard]] Status render(std::string_view instruction, std::span<char> out, std::size_t& size) const noexcept;

 private:
  std::variant<InstructionPrompt, QwenVlaPrompt, RobotManipPrompt> template_;
};

}  // namespace sinew
