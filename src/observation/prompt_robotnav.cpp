// SPDX-License-Identifier: Apache-2.0
// Qwen-RobotNav: the preamble, the frames by time step and view, the task.
#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "prompt_writer.hpp"

namespace sinew::detail {

namespace {

/// "front_right" as "Front Right View"; a name that ends so already stays as it is.
void write_view(std::string_view view, PromptWriter& writer) noexcept {
  if (view.ends_with(" View")) {
    writer << view;
    return;
  }
  bool first = true;
  for (const char c : view) {
    const char shown = c == '_' ? ' ' : first && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    writer << std::string_view(&shown, 1);
    first = shown == ' ';
  }
  writer << " View";
}

Status write_frames(std::span<const PromptImage> images, PromptSink sink) noexcept {
  if (images.empty()) return Status::missing;
  int step = -1;
  for (const PromptImage& image : images) {
    if (image.view.empty()) return Status::missing;
    if (image.time_step < std::max(step, 0) || !is_utf8(image.view) || image.view.find_first_of("<>|\r\n") != std::string_view::npos)
      return Status::out_of_range;
    if (image.time_step != step) sink.writer << "Time step " << image.time_step << " ";
    step = image.time_step;
    write_view(image.view, sink.writer);
    sink.writer << " " << sink.slot << " ";
  }
  return Status::ok;
}

/// The turn and the straight way to a target, x forward and y left in metres.
Status write_primitives(std::span<const double> target, PromptWriter& writer) noexcept {
  constexpr double kFarthest = 1e6;
  if (target.empty()) return Status::missing;
  if (target.size() != 2) return Status::bad_shape;
  const double distance = std::hypot(target[0], target[1]);
  if (!std::isfinite(distance)) return Status::not_finite;
  if (distance > kFarthest) return Status::out_of_range;
  const auto degrees = static_cast<int>(std::lround(std::atan2(target[1], target[0]) * 180 / std::numbers::pi));
  if (degrees != 0) writer << "Turn " << (degrees > 0 ? "left " : "right ") << std::abs(degrees) << " degrees. ";
  std::array<char, 16> text;
  const std::size_t size = fmt::format_to_n(text.data(), text.size(), "{:.1f}", distance).size;
  writer << "Move forward " << std::string_view(text.data(), size) << " meters.";
  return Status::ok;
}

}  // namespace

Status write(const RobotNavPrompt& prompt, const PromptInput& input, PromptSink sink) noexcept {
  sink.writer << "Imagine you are a " << (prompt.car ? "car programmed for autonomous driving" : "robot programmed for navigation tasks")
              << ". ";
  if (const Status status = write_frames(input.images, sink); status != Status::ok) return status;
  if (prompt.task == NavigationTask::objnav) sink.writer << (prompt.find ? "find and reach the " : "navigate to the ");
  sink.writer << input.instruction;
  if (prompt.task != NavigationTask::pointnav || !prompt.target_from_state) return Status::ok;
  if (!input.instruction.empty()) sink.writer << " ";
  return write_primitives(input.state, sink.writer);
}

}  // namespace sinew::detail
