// SPDX-License-Identifier: Apache-2.0
// The messages of a recording as values. docs/recording.md describes their form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/record/recording.hpp"

namespace sinew::detail {

/// A camera as an observation announces it; its frame is a message of its own.
struct AnnouncedFrame {
  std::string name;
  Time stamp{};
  int height = 0;
  int width = 0;
  bool jpeg = false;  // then without a size
};

/// Each reads the JSON of one message; `where` names file and message. Throw Error.
/// The cameras of the observation have names and stamps but no pixels; `frames` says which must come.
[[nodiscard]] Observation read_observation(std::string_view json, const std::string& where, std::vector<AnnouncedFrame>& frames);
[[nodiscard]] RecordedCommand read_command(std::string_view json, const std::string& where);
[[nodiscard]] RecordedChunk read_action_chunk(std::string_view json, const std::string& where);
[[nodiscard]] RecordedMotion read_motion(std::string_view json, const std::string& where);
[[nodiscard]] RecordedEvent read_event(std::string_view json, const std::string& where);
[[nodiscard]] std::vector<std::string> read_joint_names(std::string_view json, const std::string& where);

struct RecordedLimits {
  std::vector<std::string> joint_names;
  LimitsCard limits;
};
[[nodiscard]] RecordedLimits read_limits(std::string_view json, const std::string& where);

/// Reads the CDR of a sensor_msgs/msg/Image that must be the frame announced. Throws Error.
void read_image(std::span<const std::uint8_t> cdr, const std::string& where, const AnnouncedFrame& frame, Image& image);
/// The same for a sensor_msgs/msg/CompressedImage of format "jpeg": its bytes as they are.
void read_jpeg(std::span<const std::uint8_t> cdr, const std::string& where, const AnnouncedFrame& frame, std::vector<std::uint8_t>& jpeg);

}  // namespace sinew::detail
