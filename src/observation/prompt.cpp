// SPDX-License-Identifier: Apache-2.0
#include "sinew/observation/prompt.hpp"

#include <array>
#include <utility>

#include "prompt_fields.hpp"
#include "prompt_writer.hpp"
#include "sinew/io/text.hpp"

namespace sinew {

using detail::PromptFields;

namespace {

constexpr std::array<std::string_view, 15> kTemplates = {
    "instruction", "qwen_chat", "qwen_vla",       "robotmanip",      "robotnav",         "starvla", "pi0",  "smolvla",
    "pi0_openpi",  "pi05",      "pi05_lerobot04", "pi0_fast_openpi", "pi0_fast_lerobot", "openvla", "groot"};
constexpr std::array<std::string_view, 4> kFamilies = {"qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_5"};
constexpr std::array<std::string_view, 4> kTasks = {"vln", "pointnav", "objnav", "tracking"};
constexpr int kMostPlaceholders = 1000;
constexpr int kMost = 1000000;

QwenVlaPrompt qwen_vla_from(PromptFields& fields) {
  static constexpr std::array<std::string_view, 2> kArms = {"single arm", "dual arms"};
  QwenVlaPrompt prompt;
  prompt.robot_tag = fields.line("robot_tag", true);
  prompt.arms = kArms[fields.choice("arms", kArms, true)];
  prompt.waist = fields.flag("waist");
  prompt.mobile_base = fields.flag("mobile_base");
  prompt.fps = fields.positive("fps", true);
  prompt.chunk_size = fields.count("chunk_size", true, kMost);
  return prompt;
}

RobotManipPrompt robotmanip_from(PromptFields& fields) {
  static constexpr std::array<std::string_view, 2> kDirections = {"arm side", "opposite side"};
  RobotManipPrompt prompt;
  prompt.embodiment = fields.line("embodiment", false);
  prompt.speed = fields.count("speed", false, kMost, 500);
  prompt.fps = fields.positive("fps", false);
  prompt.camera_view_direction = kDirections[fields.choice("camera_view_direction", kDirections, true)];
  return prompt;
}

RobotNavPrompt robotnav_from(PromptFields& fields) {
  static constexpr std::array<std::string_view, 2> kEmbodiments = {"robot", "car"};
  static constexpr std::array<std::string_view, 2> kPhrases = {"navigate", "find"};
  RobotNavPrompt prompt;
  prompt.task = static_cast<NavigationTask>(fields.choice("task", kTasks, true));
  prompt.car = fields.choice("embodiment", kEmbodiments, false) == 1;
  if (prompt.task == NavigationTask::objnav) prompt.find = fields.choice("phrase", kPhrases, false) == 1;
  if (prompt.task == NavigationTask::pointnav) prompt.target_from_state = fields.flag("target_from_state");
  return prompt;
}

StarVlaPrompt starvla_from(PromptFields& fields) {
  StarVlaPrompt prompt;
  prompt.cot_prompt = fields.text("cot_prompt", false);
  if (fields.has("cot_prompt") && prompt.cot_prompt.find("{instruction}") == std::string::npos)
    fields.refuse(ErrorCode::invalid_argument, "cot_prompt", "a text with {instruction} in it", quote(prompt.cot_prompt));
  prompt.state_bins = fields.flag("state_bins");
  prompt.chunk_size = fields.count("chunk_size", false, kMostPlaceholders);
  return prompt;
}

/// The chat that a card asks for: `key` names its family. Templates that place the slots themselves take no view tags.
std::optional<QwenChat> chat_from(PromptFields& fields, std::string_view key, bool required, bool takes_tags) {
  if (!required && !fields.has(key)) return std::nullopt;
  QwenChat chat;
  chat.family = static_cast<ChatFamily>(fields.choice(key, kFamilies, true));
  if (fields.has("system")) chat.system = fields.text("system", true);
  chat.generation_prompt = fields.flag("generation_prompt", true);
  if (chat.family == ChatFamily::qwen3_5) chat.enable_thinking = fields.flag("enable_thinking", true);
  if (takes_tags) chat.view_tags = fields.flag("view_tags");
  return chat;
}

PromptTemplate template_from(std::string_view name, PromptFields& fields) {
  if (name == "qwen_vla") return qwen_vla_from(fields);
  if (name == "robotmanip") return robotmanip_from(fields);
  if (name == "robotnav") return robotnav_from(fields);
  if (name == "starvla") return starvla_from(fields);
  if (name == "pi0" || name == "smolvla") return Pi0Prompt{.source = PiSource::lerobot};
  if (name == "pi0_openpi") return Pi0Prompt{.source = PiSource::openpi};
  if (name == "pi05") return Pi05Prompt{.state_bins = fields.flag("state_bins", true)};
  if (name == "pi05_lerobot04") return Pi05Prompt{.padded_state = 32};
  if (name == "pi0_fast_openpi") return Pi0FastPrompt{.source = PiSource::openpi};
  if (name == "pi0_fast_lerobot") return Pi0FastPrompt{.source = PiSource::lerobot};
  if (name == "openvla") return OpenVlaPrompt{.v01 = fields.flag("v01")};
  if (name == "groot") return GrootPrompt{.formalize_language = fields.flag("formalize_language", true)};
  return InstructionPrompt{};
}

/// What the chat's control tokens and the plain slot begin with; text that has it could pass for them.
bool can_forge(std::string_view text, bool in_chat, bool plain_slots) noexcept {
  return (in_chat && text.find("<|") != std::string_view::npos) || (plain_slots && text.find(detail::kPlainSlot) != std::string_view::npos);
}

}  // namespace

Prompt::Prompt(const PromptCard& card) {
  if (std::ranges::find(kTemplates, card.name) == kTemplates.end()) {
    const auto near = nearest_name(card.name, kTemplates);
    fail(ErrorCode::unsupported, {"prompt", "template " + quote(card.name), "one of " + join_names(kTemplates), "no such template",
                                  near.empty() ? "" : fmt::format("did you mean '{}'?", near)});
  }
  PromptFields fields(card);
  template_ = template_from(card.name, fields);
  if (card.name == "qwen_chat") {
    chat_ = chat_from(fields, "family", true, true);
  } else if (std::holds_alternative<RobotNavPrompt>(template_)) {
    chat_ = chat_from(fields, "chat", false, false);
  } else if (std::holds_alternative<QwenVlaPrompt>(template_) || std::holds_alternative<RobotManipPrompt>(template_) ||
             std::holds_alternative<StarVlaPrompt>(template_) || std::holds_alternative<GrootPrompt>(template_)) {
    chat_ = chat_from(fields, "chat", false, true);
  }
  fields.finish();
}

Status Prompt::render(const PromptInput& input, std::span<char> out, std::size_t& size) const noexcept {
  size = 0;
  const bool places_slots = std::holds_alternative<RobotNavPrompt>(template_);
  if (!is_utf8(input.instruction) || can_forge(input.instruction, chat_.has_value(), places_slots && !chat_)) return Status::out_of_range;
  detail::PromptWriter writer(out);
  const detail::PromptSink sink{writer, chat_ ? detail::kQwenSlot : detail::kPlainSlot};
  if (chat_)
    if (const Status status = detail::open_chat(*chat_, places_slots ? std::span<const PromptImage>() : input.images, writer);
        status != Status::ok)
      return status;
  if (const Status status = std::visit([&](const auto& prompt) noexcept { return detail::write(prompt, input, sink); }, template_);
      status != Status::ok)
    return status;
  if (chat_) detail::close_chat(*chat_, writer);
  return writer.finish(size);
}

bool Prompt::needs_state() const noexcept {
  if (const auto* prompt = std::get_if<StarVlaPrompt>(&template_)) return prompt->state_bins;
  if (const auto* prompt = std::get_if<Pi05Prompt>(&template_)) return prompt->state_bins;
  if (const auto* prompt = std::get_if<RobotNavPrompt>(&template_))
    return prompt->task == NavigationTask::pointnav && prompt->target_from_state;
  return std::holds_alternative<Pi0FastPrompt>(template_);
}

bool Prompt::has_image_slots() const noexcept { return chat_.has_value() || std::holds_alternative<RobotNavPrompt>(template_); }

std::string_view to_string(ChatFamily family) noexcept { return kFamilies[static_cast<std::size_t>(family)]; }

std::span<const std::string_view> prompt_names() noexcept { return kTemplates; }

}  // namespace sinew
