// SPDX-License-Identifier: Apache-2.0
// Reads what a Recorder wrote back into the values that it was given.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sinew/core/action_chunk.hpp"
#include "sinew/core/card.hpp"
#include "sinew/core/observation.hpp"
#include "sinew/record/mcap_reader.hpp"

namespace sinew {

/// Joint position targets, rad or m, sent to the robot at `time`.
struct RecordedCommand {
  Time time{};
  std::vector<double> values = {};
  Time dt{};                          ///< of a control tick: its length; else 0
  std::vector<double> measured = {};  ///< of a control tick: what the robot measured, empty where it gave nothing
};

/// A chunk that was delivered at `time`.
struct RecordedChunk {
  Time time{};
  ActionChunk chunk;
  std::string status = "ok";  ///< accepted; else why it was refused, as `to_string` of a Status says
};

/// What the motion control was told besides: see MotionNote.
struct RecordedMotion {
  Time time{};
  std::string kind;
  std::string event;
  Time dt{};
  std::vector<double> values;
};

/// Something that happened.
struct RecordedEvent {
  Time time{};
  std::string kind;
  std::string text;
  std::uint64_t dropped = 0;  ///< of kind "drop": records that are not in the file, counted since it was begun
};

/// One observation, command, chunk, event or call of the motion control. What Recorder::add was given at once are several, with the same
/// sequence.
struct Record {
  std::uint64_t sequence = 0;  ///< as Recorder returned it; 0 = a report of the recorder itself
  std::variant<Observation, RecordedCommand, RecordedChunk, RecordedEvent, RecordedMotion> content;
};

struct RecordingOptions {
  McapReadOptions file = {};
  bool decode_jpeg = true;  ///< frames that were recorded as JPEG get their pixels too
};

/// Reads a recording from front to back, as strictly as McapReader does. Finite doubles, times and pixels are those that were
/// recorded, bit for bit; what was not finite is NaN. Messages on topics that are not a Recorder's are passed over. Ids and sequence
/// numbers from 2^63 are refused, as by every JSON reader of ours. Memory: one chunk of the file and one record.
class Recording {
 public:
  /// Opens the file and reads what is attached to it. Throws Error.
  explicit Recording(const std::filesystem::path& path, const RecordingOptions& options = {});
  ~Recording();
  Recording(Recording&& other) noexcept;
  Recording& operator=(Recording&& other) noexcept;

  /// The policy card, where one was recorded.
  [[nodiscard]] const std::optional<PolicyCard>& card() const noexcept;
  /// The limits of the joints, where recorded.
  [[nodiscard]] const std::optional<LimitsCard>& limits() const noexcept;
  /// Joints of the commands, in order; of a torn file known only once a command or limits were met. Throws Error.
  [[nodiscard]] std::vector<std::string> joint_names() const;

  /// The next record in the order of the file. False at the end. Throws Error.
  [[nodiscard]] bool next(Record& record);

  /// As McapReader says them.
  [[nodiscard]] bool complete() const noexcept;
  [[nodiscard]] const McapEnd& end() const noexcept;
  [[nodiscard]] const McapUnverified& unverified() const noexcept;
  /// Observations passed over so far because frames of theirs are not in the file, or frames without their observation.
  [[nodiscard]] std::uint64_t incomplete() const noexcept;
  /// Records that the events of kind "drop" read so far say are not in the file.
  [[nodiscard]] std::uint64_t dropped() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sinew
