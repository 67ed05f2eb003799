// SPDX-License-Identifier: Apache-2.0
// One episode of a recording as arrays: what curation judges and training reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/core/clock.hpp"

namespace sinew {

/// A channel over all frames, `[n, width]` row-major. Where a frame lacks it, or has another width, its row is NaN.
struct EpisodeChannel {
  std::string name;
  std::string unit;  ///< as recorded: "rad", "rad,m", "m,quat_wxyz"
  std::size_t width = 0;
  std::vector<double> values;
};

/// A camera over all frames. What was measured is empty unless EpisodeOptions::measure_cameras; NaN and 0 where a frame lacks it.
struct CameraTrack {
  std::string name;
  std::vector<double> brightness;     ///< `[n]` mean of the luminance, 0 to 255
  std::vector<double> sharpness;      ///< `[n]` variance of the luminance's Laplacian
  std::vector<std::uint64_t> digest;  ///< `[n]` of the pixels: equal pixels have equal digests, others almost surely not
};

/// Something about a frame that is not as the rest of its episode promises.
struct EpisodeFault {
  std::size_t frame = 0;
  std::string name;  ///< of the channel or camera, "command" or "time"
  std::string reason;
};

/// One episode. A frame is one observation; its action is the command that was recorded with it, else the newest command at or before
/// the next observation's time (what the robot was told to reach by then), for the last frame the newest of all.
struct Episode {
  std::int64_t index = 0;
  std::string instruction;
  std::optional<bool> succeeded;  ///< unknown when the recording does not say
  bool finished = false;          ///< false: the recording ends, or another episode begins, before this one's end
  std::vector<Time> times;        ///< `[n]`
  std::vector<EpisodeChannel> channels;
  std::size_t dof = 0;          ///< 0: no command was recorded
  std::vector<double> actions;  ///< `[n, dof]` row-major, rad or m; NaN before the first command
  std::vector<CameraTrack> cameras;
  std::vector<EpisodeFault> faults;  ///< in the order of the frames

  [[nodiscard]] std::size_t frames() const noexcept { return times.size(); }
  /// The entry of that name, or nullptr.
  [[nodiscard]] const EpisodeChannel* find_channel(std::string_view name) const noexcept;
  [[nodiscard]] EpisodeChannel* find_channel(std::string_view name) noexcept;
  /// Usual time from one frame to the next, s: the median; 0 with fewer than two frames.
  [[nodiscard]] double period() const;
};

/// For each frame the place of the command that is its action, as Episode says it; -1 where there is none. Commands are in the order of
/// the file, and so their sequence numbers ascend. Without `frame_sequences` only times count.
[[nodiscard]] std::vector<std::ptrdiff_t> choose_commands(std::span<const Time> frame_times, std::span<const std::uint64_t> frame_sequences,
                                                          std::span<const Time> command_times,
                                                          std::span<const std::uint64_t> command_sequences);

}  // namespace sinew
