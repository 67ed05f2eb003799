// SPDX-License-Identifier: Apache-2.0
// Cuts a recording into its episodes, one at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/core/observation.hpp"
#include "sinew/data/episode.hpp"
#include "sinew/record/recording.hpp"

namespace sinew {

/// What an event of kind "episode" says: a JSON object. {"index", "instruction"?, ...} begins an episode, {"index", "succeeded", ...} ends
/// it.
struct EpisodeMark {
  std::int64_t index = 0;
  std::optional<std::string> instruction;
  bool end = false;
  std::optional<bool> succeeded;  ///< of an end; null: unknown
};

/// Throws Error for a text that is no such object; `file` names the recording in it.
[[nodiscard]] EpisodeMark parse_episode_mark(const RecordedEvent& event, std::string_view file);

/// How a recording is read.
struct EpisodeOptions {
  McapReadOptions file = {};
  bool measure_cameras = false;  ///< fill CameraTrack's numbers
  /// Sees each frame as it is read, its index within the episode first; frames are not kept.
  std::function<void(std::size_t frame, const Observation& observation)> on_frame = {};
  std::vector<std::string> without = {};  ///< channels that are passed over, as those of a simulator's own state; absent ones are no error
};

/// Reads episodes from front to back. Memory: one episode without its frames, and what Recording holds.
///
/// Episodes are what lies between events of kind "episode" (EpisodeMark); what lies outside belongs to none. A file without such an event
/// is one episode.
class EpisodeReader {
 public:
  /// Throws Error. A file whose first record is no such event is searched for one.
  explicit EpisodeReader(const std::filesystem::path& path, EpisodeOptions options = {});
  ~EpisodeReader();
  EpisodeReader(EpisodeReader&& other) noexcept;
  EpisodeReader& operator=(EpisodeReader&& other) noexcept;

  /// The next episode; it may have no frame. False at the end. Throws Error, as parse_episode_mark() too.
  [[nodiscard]] bool next(Episode& episode);

  /// The file, for its card, joint names and how it ended.
  [[nodiscard]] const Recording& recording() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sinew
