// SPDX-License-Identifier: Apache-2.0
// Walks the data section of an MCAP file record by record; the reader and recovery are built on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mcap_file.hpp"
#include "mcap_records.hpp"

namespace sinew::detail {

/// A message of the latest chunk.
struct McapMessageRef {
  std::uint64_t offset = 0;  // of its record in the chunk's records
  std::uint64_t length = 0;  // of its content
  std::uint64_t log_time = 0;
  McapId channel = 0;
  bool indexed = false;
};

/// The latest chunk, and the MessageIndex records met behind it.
struct McapScannedChunk {
  McapChunkIndex index;
  std::vector<McapMessageRef> messages;
  std::size_t indexed = 0;  // messages met in an index, once each
  bool verified = false;
};

/// Reads the data section from the file's head to `end`. A step that throws Error leaves the position before the bad record.
class McapScanner {
 public:
  enum class Step : std::uint8_t { end, header, definition, message, chunk, message_index, attachment, metadata, data_end, skipped };

  /// Begins behind the magic. `end`: of the data section at most.
  McapScanner(const RandomAccessFile& file, std::uint64_t end, std::size_t max_record, McapDefinitions& definitions)
      : file_(file), end_(end), max_record_(max_record), definitions_(definitions), crc_(crc32_of_magic()) {}

  /// Reads and verifies one record. Throws Error.
  Step step();
  /// Of the latest record in the file, and of the next.
  [[nodiscard]] std::uint64_t record_start() const noexcept { return record_start_; }
  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }

  /// Whether the latest record was a chunk or an index behind it.
  [[nodiscard]] bool at_chunk() const noexcept { return after_chunk_; }
  /// After `chunk` and the `message_index` steps behind it.
  [[nodiscard]] const McapScannedChunk& chunk() const noexcept { return chunk_; }
  /// After `chunk`: the one before, whose messages' contents are gone.
  [[nodiscard]] const McapScannedChunk& previous_chunk() const noexcept { return previous_chunk_; }
  /// A message of the chunk; valid until the next step that meets a chunk, or throws.
  [[nodiscard]] McapMessage message_of_chunk(std::size_t i) const;
  /// After `message`, `attachment`, `metadata`.
  [[nodiscard]] const McapMessage& message() const noexcept { return message_; }
  [[nodiscard]] const McapAttachmentIndex& attachment() const noexcept { return attachment_; }
  [[nodiscard]] const McapMetadataIndex& metadata() const noexcept { return metadata_; }
  /// Whether the latest attachment, or the data section, had a checksum.
  [[nodiscard]] bool verified() const noexcept { return verified_; }

 private:
  static std::uint32_t crc32_of_magic() noexcept;

  void load(const McapRecordHead& head, std::vector<std::uint8_t>& out);
  void skip(const McapRecordHead& head);
  Step use(const McapRecordHead& head);
  void use_chunk(const McapFields& fields);
  void use_chunk_records(const McapChunkHead& head);
  void use_message_index(McapFields fields);
  void use_data_end(McapFields fields);

  const RandomAccessFile& file_;
  std::uint64_t end_;
  std::size_t max_record_;
  McapDefinitions& definitions_;
  std::uint64_t position_ = kMcapMagic.size();
  std::uint64_t record_start_ = kMcapMagic.size();
  std::uint32_t crc_;           // of everything before position_
  std::uint32_t next_crc_ = 0;  // and of the record being read
  bool has_header_ = false;
  bool after_chunk_ = false;           // only MessageIndex records have come since
  std::vector<std::uint8_t> buffer_;   // content of any record but a chunk
  std::vector<std::uint8_t> content_;  // of the latest chunk
  std::uint64_t records_start_ = 0;    // of its records in the file
  std::size_t records_offset_ = 0;     // and in content_
  McapScannedChunk chunk_;
  McapScannedChunk previous_chunk_;
  McapMessage message_;
  McapAttachmentIndex attachment_;
  McapMetadataIndex metadata_;
  bool verified_ = false;
};

}  // namespace sinew::detail
