// SPDX-License-Identifier: Apache-2.0
// What the writer, the reader and recovery know of MCAP 0: opcodes, magic, and the records of the tail.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "little_endian.hpp"
#include "sinew/record/mcap_reader.hpp"

namespace sinew::detail {

enum class McapOpcode : std::uint8_t {
  header = 0x01,
  footer = 0x02,
  schema = 0x03,
  channel = 0x04,
  message = 0x05,
  chunk = 0x06,
  message_index = 0x07,
  chunk_index = 0x08,
  attachment = 0x09,
  attachment_index = 0x0A,
  statistics = 0x0B,
  metadata = 0x0C,
  metadata_index = 0x0D,
  summary_offset = 0x0E,
  data_end = 0x0F,
  first_private = 0x80
};

inline constexpr std::array<std::uint8_t, 8> kMcapMagic = {0x89, 'M', 'C', 'A', 'P', '0', '\r', '\n'};
inline constexpr std::size_t kMcapRecordHead = 1 + 8;                             // opcode, length
inline constexpr std::size_t kMcapMessageHead = kMcapRecordHead + 2 + 4 + 8 + 8;  // channel, sequence, two times
inline constexpr std::size_t kMcapFooter = 8 + 8 + 4;                             // content
inline constexpr std::size_t kMcapTail = kMcapRecordHead + kMcapFooter + kMcapMagic.size();

/// Starts a record; the length is filled in by `end_record` with the returned offset.
inline std::size_t begin_record(Bytes& out, McapOpcode opcode) {
  put<std::uint8_t>(out, static_cast<std::uint8_t>(opcode));
  put<std::uint64_t>(out, 0);
  return out.size();
}
inline void end_record(Bytes& out, std::size_t content) { patch<std::uint64_t>(out, content - 8, out.size() - content); }

/// Channel id, and the file offset of its MessageIndex record.
using McapIndexPositions = std::vector<std::pair<McapId, std::uint64_t>>;

/// One chunk as the summary lists it. Times in nanoseconds.
struct McapChunkIndex {
  std::uint64_t first_time = 0;
  std::uint64_t last_time = 0;
  std::uint64_t start = 0;   // of the chunk record in the file
  std::uint64_t length = 0;  // of the whole record
  McapIndexPositions positions;
  std::uint64_t indexes_length = 0;  // of all its MessageIndex records
  std::uint64_t records = 0;         // bytes of records in it

  friend bool operator==(const McapChunkIndex&, const McapChunkIndex&) = default;
};

/// One attachment as the summary lists it.
struct McapAttachmentIndex {
  std::uint64_t start = 0;
  std::uint64_t length = 0;
  std::uint64_t log_time = 0;
  std::uint64_t create_time = 0;
  std::uint64_t size = 0;
  std::string name;
  std::string media_type;

  friend bool operator==(const McapAttachmentIndex&, const McapAttachmentIndex&) = default;
};

/// One metadata record as the summary lists it.
struct McapMetadataIndex {
  std::uint64_t start = 0;
  std::uint64_t length = 0;
  std::string name;

  friend bool operator==(const McapMetadataIndex&, const McapMetadataIndex&) = default;
};

/// Counts and times of a whole file; `channels`: id and number of messages, in the order of the ids.
struct McapStatistics {
  std::uint64_t messages = 0;
  std::uint16_t schemas = 0;
  std::uint32_t channels_count = 0;
  std::uint32_t attachments = 0;
  std::uint32_t metadata = 0;
  std::uint32_t chunks = 0;
  std::uint64_t first_time = 0;
  std::uint64_t last_time = 0;
  std::vector<std::pair<McapId, std::uint64_t>> channels;
};

/// The magic and the header record: what every file begins with.
void put_head(Bytes& out);
void put_schema(Bytes& out, const McapSchema& schema);
void put_channel(Bytes& out, const McapChannel& channel);
void put_chunk_index(Bytes& out, const McapChunkIndex& index);
void put_attachment_index(Bytes& out, const McapAttachmentIndex& index);
void put_metadata_index(Bytes& out, const McapMetadataIndex& index);

/// What stands between the last chunk and the end of the file. The byte strings are whole records, one behind the other.
struct McapTail {
  std::uint64_t start = 0;     // of the tail in the file
  std::uint32_t data_crc = 0;  // of everything before it
  Bytes schemas;
  Bytes channels;
  McapStatistics statistics;
  std::span<const std::uint8_t> chunk_indexes;
  std::span<const std::uint8_t> attachment_indexes;
  std::span<const std::uint8_t> metadata_indexes;
};

/// Replaces `out` by DataEnd, the summary section and its offsets, the footer and the closing magic.
void put_tail(Bytes& out, const McapTail& tail);

}  // namespace sinew::detail
