// SPDX-License-Identifier: Apache-2.0
// What a robot saw, measured and was told at one moment.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/core/clock.hpp"
#include "sinew/core/image.hpp"

namespace sinew {

/// One camera's latest frame, RGB `[height, width, 3]`, with the time at which it was exposed.
struct CameraFrame {
  std::string name;
  Image image;
  Time stamp{};
  /// The same frame as a camera delivered it, where it delivered a JPEG: a recorder keeps these bytes instead of the pixels. Whoever
  /// replaces the image replaces or clears them.
  std::vector<std::uint8_t> jpeg = {};
};

/// One named sensor: joint positions, force/torque, IMU, a tool pose. Values are in `unit` (SI).
struct Channel {
  std::string name;
  std::string unit;  ///< "rad", "m", "rad/s", "N", or "m,quat_wxyz" for a pose
  std::vector<double> values;
  Time stamp{};
};

/// Cameras and channels by name, each with its own time stamp, plus the instruction. Reuse one object: assigning frames
/// of the same size allocates nothing.
struct Observation {
  std::vector<CameraFrame> cameras;
  std::vector<Channel> channels;
  std::string instruction;  ///< UTF-8
  Time time{};              ///< when the observation was assembled, in the robot's monotonic clock
  std::uint64_t id = 0;     ///< echoed by the chunk that was computed from it

  /// The entry of that name, or nullptr.
  [[nodiscard]] const CameraFrame* find_camera(std::string_view name) const noexcept;
  [[nodiscard]] CameraFrame* find_camera(std::string_view name) noexcept;
  [[nodiscard]] const Channel* find_channel(std::string_view name) const noexcept;
  [[nodiscard]] Channel* find_channel(std::string_view name) noexcept;
};

}  // namespace sinew
