// SPDX-License-Identifier: Apache-2.0
// Prompts: what a policy's instruction is wrapped in. A template with its fields is set up once and rendered into the
// caller's buffer at every step, with the state and the images that some templates write into the text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "sinew/core/card.hpp"
#include "sinew/core/status.hpp"

namespace sinew {

/// One image of the prompt, in the order in which the encoder passes its pixels.
struct PromptImage {
  std::string_view view;  ///< view tag, e.g. "ego", "cam_left_wrist", "front_right"; empty where tags are not written
  int time_step = 0;      ///< of the history, for templates that number it; must not decrease
};

/// What changes from step to step.
struct PromptInput {
  std::string_view instruction;              ///< UTF-8
  std::span<const double> state = {};        ///< normalised as in training; float32 values bin as the references bin them
  std::span<const PromptImage> images = {};  ///< one slot each; templates without slots ignore them
};

/// A bin of 256 over [-1, 1): numpy.digitize(value, numpy.linspace(-1, 1, 257)[:-1]) - 1, which is -1 below and 255 from 1 on.
/// `value` must be finite.
[[nodiscard]] int state_bin(double value) noexcept;

/// Whose chat template: they differ in the system turn, in trimming and in the text that opens the answer.
enum class ChatFamily : std::uint8_t { qwen2_vl, qwen2_5_vl, qwen3_vl, qwen3_5 };

/// What "qwen_chat" and the templates with a field `chat` are wrapped in: one system turn, one user turn with the
/// images' slots `<|vision_start|><|image_pad|><|vision_end|>` before the text, the opening of the answer. The encoder repeats
/// image_pad later, among the ids. As transformers 5.23 renders the families' templates; Qwen3.5's trims the user's content.
/// `out_of_range`: an instruction with "<|", which could forge a turn or a slot.
struct QwenChat {
  ChatFamily family = ChatFamily::qwen3_vl;
  std::optional<std::string> system;  ///< absent: the family's own ("You are a helpful assistant." in Qwen2-VL and 2.5-VL); empty: none
  bool generation_prompt = true;      ///< open the assistant's turn
  bool enable_thinking = true;        ///< Qwen3.5: open a thought, else write an empty one
  /// Write each slot as `<view>slot</view>`. Qwen-VLA's report says that views are wrapped in tags, not how: this form is ours.
  bool view_tags = false;
};

/// Templates "instruction", the bare text, and "qwen_chat", the same in a chat.
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
/// `out_of_range`: an instruction of several lines.
struct RobotManipPrompt {
  std::string embodiment;             ///< e.g. "robot_aloha"; empty leaves the line out
  int speed = 0;                      ///< episode length in steps, in bins of 500; 0 leaves the line out
  double fps = 0;                     ///< Hz; 0 leaves the line out
  std::string camera_view_direction;  ///< "arm side" or "opposite side"
};

/// What a call of Qwen-RobotNav asks for.
enum class NavigationTask : std::uint8_t { vln, pointnav, objnav, tracking };

/// Template "robotnav" (Qwen-RobotNav, arXiv 2606.18112): "{preamble}. Time step 0 Front View <image> Front Right View <image>
/// Time step 1 Front View <image> {task}". The pieces are the report's, their order is ours. Views: "front_right" is written
/// "Front Right View". The slot is `<image>`, or Qwen's with a chat. Task: the instruction; objnav: "navigate to the
/// {instruction}" or "find and reach the {instruction}"; pointnav with `target_from_state`: after the instruction, if any, the
/// primitives that lead to the state (x forward, y left, m): "Turn left 90 degrees. Move forward 2.0 meters."
/// `missing`: no images or a view without a name; `out_of_range`: time steps that decrease.
struct RobotNavPrompt {
  NavigationTask task = NavigationTask::vln;
  bool car = false;                ///< preamble "... a car programmed for autonomous driving", else "... a robot programmed for ..."
  bool find = false;               ///< objnav: the second phrase
  bool target_from_state = false;  ///< pointnav
};

/// Template "starvla" (starVLA 0ed0aad): the instruction, then " [STATE] {bins} [ACTION]" with `state_bins` (PI_v3), then with
/// `chunk_size` QwenOFT's " Please predict the next {K} robot actions: <action>", K times U+1F50D, "<action>."; all of it in place
/// of every "{instruction}" of `cot_prompt`, if there is one.
struct StarVlaPrompt {
  std::string cot_prompt;
  bool state_bins = false;
  int chunk_size = 0;  ///< K; 0 leaves the suffix out
};

/// Whose code a pi prompt reproduces.
enum class PiSource : std::uint8_t { lerobot, openpi };

/// Templates "pi0" and "smolvla" (LeRobot 0.4 to 7427f31): the text, ended by a newline unless it ends with one. "pi0_openpi"
/// (openpi 15a9616): stripped, `_` and newline made spaces, then a newline.
struct Pi0Prompt {
  PiSource source = PiSource::lerobot;
};

/// Template "pi05" (LeRobot 0.6, and openpi, whose text is the same): "Task: {text}, State: {bins};\nAction: ", text as in
/// pi0_openpi. "pi05_lerobot04" (0.4) pads the state with zeros to 32 values first.
struct Pi05Prompt {
  int padded_state = 0;    ///< least number of bins
  bool state_bins = true;  ///< false (LeRobot's proprioceptive memory): "Task: {text};\nAction: "
};

/// Templates "pi0_fast_openpi" and "pi0_fast_lerobot": "Task: {text}, State: {bins};\n". openpi's text is lower-case and keeps
/// its newlines, LeRobot's (7427f31) is cleaned as in pi05.
struct Pi0FastPrompt {
  PiSource source = PiSource::openpi;
};

/// Template "openvla": "In: What action should the robot take to {lower-case instruction}?\nOut:". With `v01` the chat of the
/// first checkpoints, "... USER: What action should the robot take to {lower-case instruction}? ASSISTANT:".
struct OpenVlaPrompt {
  bool v01 = false;
};

/// Template "groot" (GR00T N1.7 in LeRobot 7427f31): the instruction, lower-case and without punctuation (whatever Python's re
/// takes for neither `\w` nor `\s`).
struct GrootPrompt {
  bool formalize_language = true;  ///< false: as it is
};

/// Any of them.
using PromptTemplate = std::variant<InstructionPrompt, QwenVlaPrompt, RobotManipPrompt, RobotNavPrompt, StarVlaPrompt, Pi0Prompt,
                                    Pi05Prompt, Pi0FastPrompt, OpenVlaPrompt, GrootPrompt>;

/// A template that a card names, with the card's fields checked, or one that the caller has filled in. Immutable; shared by threads.
class Prompt {
 public:
  /// Throws Error for an unknown template or field (naming the nearest), a missing field or a value that is out of range.
  /// Fields are spelled as the members of the structs above; numbers in decimal, switches "true" or "false". robotnav's are
  /// `task` ("vln", ...), `embodiment` ("robot" or "car"), `phrase` ("navigate" or "find") and `target_from_state`. "qwen_vla",
  /// "robotmanip", "robotnav", "starvla" and "groot" take `chat` (a family) and with it the members of QwenChat, but for
  /// robotnav's view tags; "qwen_chat" calls the family `family`. No field may have "<|" in it.
  explicit Prompt(const PromptCard& card);
  /// Takes the members as they are.
  explicit Prompt(PromptTemplate what, std::optional<QwenChat> chat = std::nullopt) noexcept
      : template_(std::move(what)), chat_(std::move(chat)) {}

  /// Writes the prompt into `out` and its length in bytes into `size`. Beside what the templates say: `over_capacity` when `out`
  /// is too small (`size` is then what was needed), `missing` when a state, image or view tag that the template writes was not
  /// given, `not_finite` for a state value, `out_of_range` for text that is not UTF-8 or a view that could forge a slot.
  /// But for `ok` and `over_capacity`, `size` is 0.
  [[nodiscard]] Status render(const PromptInput& input, std::span<char> out, std::size_t& size) const noexcept;
  [[nodiscard]] Status render(std::string_view instruction, std::span<char> out, std::size_t& size) const noexcept {
    return render(PromptInput{.instruction = instruction}, out, size);
  }

  /// Whether `render` wants the normalised state.
  [[nodiscard]] bool needs_state() const noexcept;
  /// Whether each image becomes one slot of the text.
  [[nodiscard]] bool has_image_slots() const noexcept;
  /// The chat around the template, if there is one.
  [[nodiscard]] const std::optional<QwenChat>& chat() const noexcept { return chat_; }

 private:
  PromptTemplate template_;
  std::optional<QwenChat> chat_;
};

/// "qwen2_vl", ...
[[nodiscard]] std::string_view to_string(ChatFamily family) noexcept;
/// All template names, in the order of the structs above.
[[nodiscard]] std::span<const std::string_view> prompt_names() noexcept;

}  // namespace sinew
