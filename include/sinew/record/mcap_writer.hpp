// SPDX-License-Identifier: Apache-2.0
// Writes MCAP 0 (https://mcap.dev/spec): uncompressed chunks with CRC-32, indexes, statistics and a checked summary.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sinew/core/clock.hpp"
#include "sinew/record/journal_file.hpp"

namespace sinew {

/// A channel or schema of one writer.
using McapId = std::uint16_t;

/// The file format alone: which message goes where, and when a chunk ends, is the caller's business (see Recorder). Not
/// calling `finish` leaves the file as a crash would: readable up to the last flush.
///
/// Messages gather in memory until `flush` hands them to the kernel as one chunk. Every chunk repeats the schemas and
/// channels that it uses, so it can be read when all others are lost. Not for several threads. `message` and `flush`
/// allocate only when a chunk is larger, or holds more channels, than any before, and to keep the index of the chunks.
class McapWriter {
 public:
  using Metadata = std::vector<std::pair<std::string, std::string>>;
  using Parts = std::initializer_list<std::span<const std::uint8_t>>;

  /// Creates the file and writes its head. Throws Error.
  explicit McapWriter(const std::filesystem::path& path, bool overwrite = false);

  /// `encoding` of the schema's `text`: "jsonschema", "ros2msg", … Ids count from 1. Throws Error beyond 65534.
  [[nodiscard]] McapId add_schema(std::string_view name, std::string_view encoding, std::string_view text);
  /// `encoding` of the messages: "json", "cdr", … Ids count from 0. Throws Error beyond 65535.
  [[nodiscard]] McapId add_channel(std::string_view topic, std::string_view encoding, McapId schema, const Metadata& metadata = {});
  /// Writes a named file into the recording at once, outside of all chunks. Throws Error.
  void add_attachment(std::string_view name, std::string_view media_type, std::span<const std::uint8_t> data, Time time = {});

  /// Bytes that a message with a payload of `payload` bytes would add to the chunk, its channel's definition included.
  [[nodiscard]] std::size_t cost(McapId channel, std::size_t payload) const noexcept;
  /// Bytes gathered since the last flush; 0 = no message waits.
  [[nodiscard]] std::size_t pending() const noexcept { return chunk_.messages == 0 ? 0 : buffer_.size() - kChunkHead; }
  /// Adds one message, the concatenated `parts`, to the chunk. Times must not be negative.
  /// `log_time`: when it was recorded; `publish_time`: when it was produced. May throw std::bad_alloc, then nothing was added.
  void message(McapId channel, std::uint32_t sequence, Time log_time, Time publish_time, Parts parts);
  /// Hands the chunk and its index to the kernel. False on failure: its messages are lost, the file is as before.
  [[nodiscard]] bool flush() noexcept;
  /// Waits until the device has everything that was flushed.
  [[nodiscard]] bool sync() noexcept { return file_.sync(); }
  /// Flushes, writes the summary, syncs and closes. False when any of it failed.
  [[nodiscard]] bool finish() noexcept;

  [[nodiscard]] std::uint64_t size() const noexcept { return file_.size(); }  ///< bytes handed to the kernel
  [[nodiscard]] int error() const noexcept { return file_.error(); }          ///< errno of the latest failure, 0 = none

 private:
  using Bytes = std::vector<std::uint8_t>;
  static constexpr std::size_t kChunkHead = 49;  // record head and fixed fields of a chunk without compression

  struct Channel {
    Bytes definition;  // Channel record
    McapId schema = 0;
    std::uint64_t messages = 0;                                      // in the file
    std::vector<std::pair<std::uint64_t, std::uint64_t>> positions;  // of this chunk: log time, offset
  };
  struct Times {
    std::uint64_t first = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t last = 0;
  };
  struct OpenChunk {
    std::uint64_t messages = 0;
    Times times;
  };

  void begin_chunk();
  void close_chunk(std::uint64_t start);
  void write_summary();

  JournalFile file_;
  std::vector<Bytes> schemas_;  // Schema records; index = id - 1
  std::vector<Channel> channels_;
  std::vector<bool> schema_in_chunk_;
  Bytes buffer_;  // the chunk record under construction, then its message indexes
  OpenChunk chunk_;
  Bytes chunk_indexes_;       // ChunkIndex records of the summary
  Bytes next_chunk_index_;    // of the chunk being flushed
  Bytes attachment_indexes_;  // AttachmentIndex records of the summary
  std::uint32_t chunks_ = 0;
  std::uint32_t attachments_ = 0;
  std::uint64_t messages_ = 0;
  Times times_;
};

}  // namespace sinew
