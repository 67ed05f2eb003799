// SPDX-License-Identifier: Apache-2.0
#include "sinew/observation/prompt.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <set>
#include <vector>

#include "sinew/core/error.hpp"

namespace sinew {

namespace {

constexpr std::array<std::string_view, 3> kTemplates = {"instruction", "qwen_vla", "robotmanip"};

/// Appends to a buffer and goes on counting where it ends.
class Writer {
 public:
  explicit Writer(std::span<char> out) noexcept : out_(out) {}
  Writer& operator<<(std::string_view text) noexcept {
    if (!text.empty() && size_ + text.size() <= out_.size()) std::memcpy(out_.data() + size_, text.data(), text.size());
    size_ += text.size();
    return *this;
  }
  /// The shortest decimal text that reads back as `number`: "30", "12.5".
  Writer& operator<<(double number) noexcept {
    std::array<char, 32> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
    return *this << std::string_view(text.data(), static_cast<std::size_t>(end - text.data()));
  }
  Status finish(std::size_t& size) const noexcept {
    size = size_;
    return size_ <= out_.size() ? Status::ok : Status::over_capacity;
  }

 private:
  std::span<char> out_;
  std::size_t size_ = 0;
};

/// Takes the fields of a card one by one and refuses what is left over.
class Fields {
 public:
  explicit Fields(const PromptCard& card) : card_(card), where_("prompt " + card.name) {}

  const std::string* find(std::string_view name) {
    known_.push_back(name);
    const auto found = card_.fields.find(std::string(name));
    return found != card_.fields.end() ? &found->second : nullptr;
  }
  std::string line(std::string_view name, bool required) {
    const std::string* value = find(name);
    if (value == nullptr && !required) return {};
    if (value == nullptr) refuse(ErrorCode::not_found, name, "a value", "none");
    if (value->empty() || value->find_first_of("\r\n") != std::string::npos)
      refuse(ErrorCode::invalid_argument, name, "one line of text", *value);
    return *value;
  }
  std::string choice(std::string_view name, std::span<const std::string_view> choices) {
    const std::string value = line(name, true);
    for (const auto candidate : choices)
      if (value == candidate) return value;
    refuse(ErrorCode::invalid_argument, name, "one of " + join_names(choices), value);
  }
  bool flag(std::string_view name) {
    const std::string* value = find(name);
    if (value != nullptr && *value != "true" && *value != "false") refuse(ErrorCode::invalid_argument, name, "true or false", *value);
    return value != nullptr && *value == "true";
  }
  double positive(std::string_view name, bool required) {
    const std::string text = line(name, required);
    if (text.empty()) return 0;
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value) || value <= 0)
      refuse(ErrorCode::invalid_argument, name, "a number above 0", text);
    return value;
  }
  int count(std::string_view name, bool required, int step) {
    const double value = positive(name, required);
    if (value > 1e6 || std::fmod(value, step) != 0)
      refuse(ErrorCode::invalid_argument, name,
             step == 1 ? "a whole number up to 1000000" : fmt::format("a multiple of {} up to 1000000", step), fmt::format("{}", value));
    return static_cast<int>(value);
  }
  void finish() const {
    for (const auto& [name, unused] : card_.fields) {
      if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
      const auto near = nearest_name(name, known_);
      fail(ErrorCode::invalid_argument,
           {where_, fmt::format("field '{}'", name), known_.empty() ? "no fields" : "only " + join_names(known_), "it",
            near.empty() ? "" : fmt::format("did you mean '{}'?", near)});
    }
  }

 private:
  [[noreturn]] void refuse(ErrorCode code, std::string_view name, const std::string& expected, const std::string& got) const {
    // A misspelled name is the likely cause of a missing one: say that first.
    if (code == ErrorCode::not_found)
      for (const auto& [given, unused] : card_.fields)
        if (nearest_name(given, std::span(&name, 1)) == name)
          fail(code, {where_, fmt::format("field '{}'", name), expected, got, fmt::format("'{}' is given", given)});
    fail(code, {where_, fmt::format("field '{}'", name), expected, got, ""});
  }

  const PromptCard& card_;
  std::string where_;
  std::vector<std::string_view> known_;
};

QwenVlaPrompt qwen_vla_from(Fields& fields) {
  static constexpr std::array<std::string_view, 2> kArms = {"single arm", "dual arms"};
  QwenVlaPrompt prompt;
  prompt.robot_tag = fields.line("robot_tag", true);
  prompt.arms = fields.choice("arms", kArms);
  prompt.waist = fields.flag("waist");
  prompt.mobile_base = fields.flag("mobile_base");
  prompt.fps = fields.positive("fps", true);
  prompt.chunk_size = fields.count("chunk_size", true, 1);
  return prompt;
}

RobotManipPrompt robotmanip_from(Fields& fields) {
  static constexpr std::array<std::string_view, 2> kDirections = {"arm side", "opposite side"};
  RobotManipPrompt prompt;
  prompt.embodiment = fields.line("embodiment", false);
  prompt.speed = fields.count("speed", false, 500);
  prompt.fps = fields.positive("fps", false);
  prompt.camera_view_direction = fields.choice("camera_view_direction", kDirections);
  return prompt;
}

}  // namespace

Status render(const InstructionPrompt&, std::string_view instruction, std::span<char> out, std::size_t& size) noexcept {
  return (Writer(out) << instruction).finish(size);
}

Status render(const QwenVlaPrompt& prompt, std::string_view instruction, std::span<char> out, std::size_t& size) noexcept {
  Writer writer(out);
  writer << "The robot is " << prompt.robot_tag << " with " << prompt.arms << (prompt.waist ? ", waist" : "")
         << (prompt.mobile_base ? ", and mobile base" : "") << ". The control frequency is " << prompt.fps
         << " Hz. Please predict the next " << static_cast<double>(prompt.chunk_size)
         << " control actions to execute the following task: " << instruction << ".";
  return writer.finish(size);
}

Status render(const RobotManipPrompt& prompt, std::string_view instruction, std::span<char> out, std::size_t& size) noexcept {
  size = 0;
  // Another line would read as another field.
  if (instruction.find_first_of("\r\n") != std::string_view::npos) return Status::out_of_range;
  Writer writer(out);
  if (!prompt.embodiment.empty()) writer << "embodiment: " << prompt.embodiment << "\n";
  writer << "instruction: " << instruction << "\n";
  if (prompt.speed > 0) writer << "speed: " << static_cast<double>(prompt.speed) << "\n";
  if (prompt.fps > 0) writer << "fps: " << prompt.fps << "\n";
  writer << "camera view direction: " << prompt.camera_view_direction;
  return writer.finish(size);
}

Prompt::Prompt(const PromptCard& card) {
  Fields fields(card);
  if (card.name == "qwen_vla") {
    template_ = qwen_vla_from(fields);
  } else if (card.name == "robotmanip") {
    template_ = robotmanip_from(fields);
  } else if (card.name != "instruction") {
    const auto near = nearest_name(card.name, kTemplates);
    fail(ErrorCode::unsupported, {"prompt", fmt::format("template '{}'", card.name), "one of " + join_names(kTemplates), "no such template",
                                  near.empty() ? "" : fmt::format("did you mean '{}'?", near)});
  }
  fields.finish();
}

Status Prompt::render(std::string_view instruction, std::span<char> out, std::size_t& size) const noexcept {
  return std::visit([&](const auto& prompt) noexcept { return sinew::render(prompt, instruction, out, size); }, template_);
}

}  // namespace sinew
