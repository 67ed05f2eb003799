// SPDX-License-Identifier: Apache-2.0
// Keeps what a robot saw, was told and did, without making anybody wait for the disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "sinew/core/action_chunk.hpp"
#include "sinew/core/card.hpp"
#include "sinew/core/observation.hpp"
#include "sinew/core/status.hpp"
#include "sinew/record/record_writer.hpp"

namespace sinew {

struct RecorderOptions {
  RecordWriterOptions file = {};
  std::size_t queue_bytes = std::size_t{4} << 20;   ///< room for records that wait for the disk, camera frames apart
  std::size_t queue_records = 16384;                ///< how many may wait
  std::size_t frame_bytes = std::size_t{64} << 20;  ///< room for camera frames that wait
  bool wait_for_room = false;  ///< for simulators and conversions: an add waits for the disk instead of dropping, but for what can never
                               ///< fit; not for a robot
};

/// Writes one recording on a thread of its own.
///
/// Each `add…` copies its record into a queue of bounded size and returns the record's number, counted from 1; 0 when it is dropped,
/// because the queue or the memory for frames is full or smaller than the record, its time is negative, or the recorder is closed. Drops
/// are counted, and reported in the file. Any thread may add, many at once: no lock is taken, nothing waits, nothing throws, and after the
/// first records of a size nothing is allocated. (With `wait_for_room` an add waits.) Numbers are in the order of the file. Chunks of the
/// file end after `chunk_interval` of robot time or, when nothing comes, of real time: so long, at most, a record waits for the kernel.
class Recorder {
 public:
  /// Creates the file with the card, when there is one, attached as sinew.json; starts the thread. Throws Error.
  explicit Recorder(const std::filesystem::path& path, const PolicyCard* card = nullptr, const RecorderOptions& options = {});
  /// Closes.
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  /// Records an observation and what was decided from it: `command` `[dof]` (rad or m) and `chunk`, where given. Of a frame that has a
  /// JPEG the JPEG is kept, of others the pixels.
  std::uint64_t add(const Observation& observation, std::span<const double> command = {}, const ActionChunk* chunk = nullptr) noexcept;
  /// The same without copying frames: they are exchanged for frames of the recorder's pool, of the same size and with pixels that mean
  /// nothing, into which the next frames may go. A record that is dropped leaves the observation as it is.
  std::uint64_t add(Observation&& observation, std::span<const double> command = {}, const ActionChunk* chunk = nullptr) noexcept;
  /// Records joint position targets `[dof]`, rad or m, sent to the robot at `time`.
  std::uint64_t add_command(Time time, std::span<const double> command) noexcept;
  /// Records a tick: as a command, with what `replay` needs besides.
  std::uint64_t add_tick(const TickNote& tick) noexcept;
  /// Records a chunk that was delivered at `time`: accepted (`ok`), or refused and why.
  std::uint64_t add_chunk(Time time, const ActionChunk& chunk, Status status = Status::ok) noexcept;
  /// Records something that happened: `kind` is a word such as "episode", "intervention" or "limit", `text` says more.
  std::uint64_t add_event(Time time, std::string_view kind, std::string_view text) noexcept;
  std::uint64_t add_motion(const MotionNote& note) noexcept;

  /// Newest record that a crash of the process cannot lose: the kernel has it and everything before, drops apart. 0 = none.
  [[nodiscard]] std::uint64_t acknowledged() const noexcept;
  /// Newest record that a power cut cannot lose: the device has it and everything before, drops apart. 0 = none.
  [[nodiscard]] std::uint64_t durable() const noexcept;
  /// Records that are not, or not completely, in the file.
  [[nodiscard]] std::uint64_t dropped() const noexcept;
  /// Why the latest record was dropped; empty when none was. Not for a control thread.
  [[nodiscard]] std::string last_error() const;

  /// Waits until everything added before is with the device: durable afterwards. False on failure.
  bool flush();
  /// Writes what is left and the summary, and ends the thread. True when the file is complete: the summary is there and nothing was
  /// dropped. A second call does nothing and answers the same. Nobody may add meanwhile.
  bool close();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sinew
