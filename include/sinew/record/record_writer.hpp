// SPDX-License-Identifier: Apache-2.0
// Writes what a robot saw, was told and did into an MCAP file that survives a crash. docs/recording.md lists the channels.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sinew/core/action_chunk.hpp"
#include "sinew/core/card.hpp"
#include "sinew/core/observation.hpp"
#include "sinew/core/status.hpp"
#include "sinew/record/mcap_writer.hpp"

namespace sinew {

/// What a recording holds besides its records, and how soon records are safe.
struct RecordWriterOptions {
  std::vector<std::string> joint_names = {};             ///< of the commands, in order; written into the `/command` channel
  std::optional<LimitsCard> limits = {};                 ///< of those joints; attached as joint_limits.json
  std::size_t chunk_bytes = std::size_t{1} << 20;        ///< a chunk is closed before it outgrows this; one larger record gets its own
  Time chunk_interval = std::chrono::milliseconds(250);  ///< robot time that a chunk spans at most
  Time sync_interval = std::chrono::milliseconds(250);  ///< real time between two fdatasync calls at least; looked at whenever a chunk ends
  bool overwrite = false;                               ///< take the place of an existing file
};

/// What a motion control was told besides chunks and ticks: all that `replay` needs of it.
struct MotionNote {
  Time time{};
  std::string_view kind;           ///< "arm", "event", "limits" or "skip"
  std::string_view event;          ///< of "event": its name
  Time dt{};                       ///< of "skip": how long nobody ticked
  std::span<const double> values;  ///< of "arm": measured `[dof]`; of "limits": lower, upper, velocity, acceleration, jerk, each `[dof]`
};

/// A control tick: `measured` `[dof]`, empty where the robot gave none, and the `command` `[dof]` that came of it; rad or m.
struct TickNote {
  Time time{};
  Time dt{};
  std::span<const double> measured;
  std::span<const double> command;
};

/// Writes one recording on the thread that calls it; the same records give the same bytes. Programs with deadlines want a Recorder.
///
/// Each `add…` returns the record's sequence number, counted from 1. Records wait in memory for the end of their chunk.
/// No `add…` throws: a record that the disk refuses, or whose time is negative, is dropped, counted and reported in the
/// file as soon as it takes writes again. An `add…` that ends a chunk writes it, and may wait for the disk. Not for several threads.
class RecordWriter {
 public:
  /// Creates the file with the card, when there is one, attached as sinew.json. Throws Error.
  explicit RecordWriter(const std::filesystem::path& path, const PolicyCard* card = nullptr, RecordWriterOptions options = {});
  /// Closes.
  ~RecordWriter() { close(); }
  RecordWriter(const RecordWriter&) = delete;
  RecordWriter& operator=(const RecordWriter&) = delete;

  /// Records an observation and what was decided from it: `command` `[dof]` (rad or m) and `chunk`, where given.
  std::uint64_t add(const Observation& observation, std::span<const double> command = {}, const ActionChunk* chunk = nullptr) noexcept;
  /// Records joint position targets `[dof]`, rad or m, sent to the robot at `time`.
  std::uint64_t add_command(Time time, std::span<const double> command) noexcept;
  /// Records a tick: as a command, with what `replay` needs besides.
  std::uint64_t add_tick(const TickNote& tick) noexcept;
  /// Records a chunk that was delivered at `time`: accepted (`ok`), or refused and why.
  std::uint64_t add_chunk(Time time, const ActionChunk& chunk, Status status = Status::ok) noexcept;
  std::uint64_t add_motion(const MotionNote& note) noexcept;
  /// Records something that happened: `kind` is a word such as "episode", "intervention" or "limit", `text` says more.
  std::uint64_t add_event(Time time, std::string_view kind, std::string_view text) noexcept;

  /// Newest record that a crash of the process cannot lose: the kernel has it and everything before, drops apart. 0 = none.
  [[nodiscard]] std::uint64_t acknowledged() const noexcept { return acknowledged_; }
  /// Newest record that a power cut cannot lose: the device has it and everything before, drops apart. 0 = none.
  [[nodiscard]] std::uint64_t durable() const noexcept { return durable_; }
  /// Records that are not, or not completely, in the file.
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }
  /// Why the latest record was dropped; empty when none was.
  [[nodiscard]] std::string_view last_error() const noexcept { return last_error_; }
  /// For a caller that waits for the next record: ends a chunk that is older than `chunk_interval` of real time, and syncs when it is time.
  void tend() noexcept;
  /// A record that could not be handed over: it has a number, and is dropped.
  void skip_record(std::string_view reason) noexcept;
  /// Counts records that were lost before they came here; the file reports them with its own.
  void count_dropped(std::uint64_t records, std::string_view reason) noexcept;

  /// Ends the chunk and waits for the device: everything added is durable afterwards. False on failure.
  bool flush() noexcept;
  /// Writes what is left and the summary. True when the file is complete: the summary is there and nothing was dropped.
  /// A second call does nothing and answers the same.
  bool close() noexcept;

 private:
  struct Camera {
    std::string name;
    bool jpeg = false;
    McapId channel = 0;
  };

  template <class Write>
  std::uint64_t record(Time time, const Write& write) noexcept;
  void write_observation(const Observation& observation);
  void write_frame(Time time, const CameraFrame& frame);
  void put_image_head(const CameraFrame& frame);
  void write_command(Time time, std::span<const double> command);
  void write_chunk(Time time, const ActionChunk& chunk, Status status);
  void report_drops(Time time);
  void emit(McapId channel, Time time, Time produced, McapWriter::Parts parts);
  void emit_text(McapId channel, Time time, Time produced);
  [[nodiscard]] McapId camera_channel(std::string_view name, bool jpeg);
  bool flush_chunk() noexcept;
  bool sync() noexcept;
  void drop_current(std::string_view reason) noexcept;
  void set_error(std::string_view text) noexcept;

  McapWriter writer_;
  std::size_t chunk_bytes_;
  Time chunk_interval_;
  Time sync_interval_;
  McapId image_schema_ = 0;
  McapId jpeg_schema_ = 0;
  McapId observation_channel_ = 0;
  McapId command_channel_ = 0;
  McapId chunk_channel_ = 0;
  McapId event_channel_ = 0;
  McapId motion_channel_ = 0;
  std::vector<Camera> cameras_;
  std::string text_;                // JSON of the message being written
  std::vector<std::uint8_t> head_;  // of the image message being written, up to its pixels
  std::string last_error_;

  std::uint64_t sequence_ = 0;  // of the newest record
  std::uint64_t current_ = 0;   // the record being written; 0 = the recorder's own report
  bool current_dropped_ = false;
  std::uint64_t complete_ = 0;          // newest record with all its messages in the open chunk or before
  std::uint64_t records_in_chunk_ = 0;  // that would be dropped with the open chunk
  std::uint64_t newest_in_chunk_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t durable_ = 0;
  std::uint64_t dropped_ = 0;
  std::uint64_t dropped_in_chunk_ = 0;  // the count that the open chunk reports, 0 = none
  std::uint64_t dropped_in_file_ = 0;   // the count that the file reports
  Time chunk_start_{};
  Time chunk_opened_{};  // operating system's clock
  Time newest_time_{};
  Time synced_at_{};
  bool sync_failed_ = false;
  bool closed_ = false;
  bool finished_ = false;  // the summary is in the file
};

}  // namespace sinew
