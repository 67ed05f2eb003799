// SPDX-License-Identifier: Apache-2.0
// Reads MCAP 0 files from strangers, without compression: every length, checksum, index and count is verified.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sinew/core/clock.hpp"
#include "sinew/record/mcap_writer.hpp"

namespace sinew {

/// What the reader accepts at most.
struct McapReadOptions {
  std::size_t max_record_bytes = std::size_t{64} << 20;  ///< of a chunk or any other record; checked before memory is taken
};

/// A schema; ids count from 1.
struct McapSchema {
  McapId id = 0;
  std::string name;
  std::string encoding;  ///< of the text: "jsonschema", "ros2msg", …
  std::string text;      ///< bytes, not necessarily UTF-8

  friend bool operator==(const McapSchema&, const McapSchema&) = default;
};

/// A channel; `schema` 0 means none.
struct McapChannel {
  McapId id = 0;
  McapId schema = 0;
  std::string topic;
  std::string encoding;  ///< of the messages: "json", "cdr", …
  McapWriter::Metadata metadata;

  friend bool operator==(const McapChannel&, const McapChannel&) = default;
};

/// A named file in the recording; McapReader::read gives its bytes.
struct McapAttachment {
  std::string name;
  std::string media_type;
  Time log_time{};
  Time create_time{};
  std::uint64_t size = 0;    ///< bytes of the content
  std::uint64_t offset = 0;  ///< of its record in the file
};

/// One message. The views are valid until the next call of McapReader::next.
struct McapMessage {
  std::string_view topic;
  std::string_view encoding;
  const McapChannel* channel = nullptr;
  std::uint32_t sequence = 0;
  Time log_time{};      ///< when it was recorded
  Time publish_time{};  ///< when its content came to be
  std::span<const std::uint8_t> data;
};

/// Where reading came to an end in a file without a tail.
struct McapEnd {
  std::uint64_t offset = 0;  ///< of the first byte that is not part of a whole, good record
  std::uint64_t bytes = 0;   ///< from there to the end of the file
  std::string reason;        ///< the complaint about that record; empty when the file ends with a whole record
};

/// What had no checksum to compare with (a writer may leave them out).
struct McapUnverified {
  std::uint64_t chunks = 0;
  std::uint64_t messages = 0;  ///< outside of chunks
  std::uint64_t attachments = 0;
  bool data = false;     ///< the data section as a whole
  bool summary = false;  ///< the summary section
};

/// Reads a file once, from front to back, a chunk at a time: memory for one chunk, the definitions and 16 bytes for each chunk.
///
/// A file that ends as the specification says is read strictly: whatever disagrees with a checksum, an index or a count is an
/// Error(parse) that names the byte, thrown by the constructor, or by the `next` that comes across it; only after `next` has
/// returned false has the whole file been verified. A file without a tail, as a crash leaves it, is read up to the first record
/// that is torn or bad: `complete()` is false, and `end()` says what was left. Compression is refused with Error(unsupported).
/// A file that is written to meanwhile is refused. Not for several threads.
class McapReader {
 public:
  /// Opens the file and verifies its summary. Throws Error.
  explicit McapReader(const std::filesystem::path& path, const McapReadOptions& options = {});
  ~McapReader();
  McapReader(McapReader&& other) noexcept;
  McapReader& operator=(McapReader&& other) noexcept;

  /// Whether the file ends as it should. False: a crash cut it, and reading stops before the first torn record.
  [[nodiscard]] bool complete() const noexcept;
  /// The next message in the order of the file. False at the end. Throws Error.
  [[nodiscard]] bool next(McapMessage& message);
  /// Where reading ended; of use when `complete()` is false and `next` has returned false.
  [[nodiscard]] const McapEnd& end() const noexcept;
  /// Chunks read so far.
  [[nodiscard]] std::uint64_t chunks() const noexcept;
  /// What was read without a checksum so far.
  [[nodiscard]] const McapUnverified& unverified() const noexcept;

  /// The definitions by id: all of a complete file with a summary, else those that reading has met.
  [[nodiscard]] const std::map<McapId, McapSchema>& schemas() const noexcept;
  [[nodiscard]] const std::map<McapId, McapChannel>& channels() const noexcept;
  /// All attachments, in the order of the file; of a file without a tail those in its good records as far as lengths tell.
  [[nodiscard]] const std::vector<McapAttachment>& attachments() const noexcept;
  /// The content of an attachment, its checksum compared. Throws Error.
  [[nodiscard]] std::vector<std::uint8_t> read(const McapAttachment& attachment) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sinew
