// SPDX-License-Identifier: Apache-2.0
// The records of MCAP's summary, field by field, in the order of the specification.
#include "mcap_format.hpp"

#include <string>

#include "sinew/core/version.hpp"
#include "sinew/record/crc32.hpp"

namespace sinew::detail {
namespace {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

void put_statistics(Bytes& out, const McapStatistics& statistics) {
  const auto record = begin_record(out, McapOpcode::statistics);
  put<u64>(out, statistics.messages);
  put<u16>(out, statistics.schemas);
  put<u32>(out, statistics.channels_count);
  put<u32>(out, statistics.attachments);
  put<u32>(out, statistics.metadata);
  put<u32>(out, statistics.chunks);
  put<u64>(out, statistics.first_time);
  put<u64>(out, statistics.last_time);
  put<u32>(out, static_cast<u32>(statistics.channels.size() * 10));
  for (const auto& [id, messages] : statistics.channels) {
    put<u16>(out, id);
    put<u64>(out, messages);
  }
  end_record(out, record);
}

}  // namespace

void put_head(Bytes& out) {
  put_bytes(out, kMcapMagic);
  const auto record = begin_record(out, McapOpcode::header);
  put_string(out, "");  // profile: none, the encodings are mixed
  put_string(out, "sinew " + std::string(version()));
  end_record(out, record);
}

void put_schema(Bytes& out, const McapSchema& schema) {
  const auto record = begin_record(out, McapOpcode::schema);
  put<u16>(out, schema.id);
  put_string(out, schema.name);
  put_string(out, schema.encoding);
  put_string(out, schema.text);
  end_record(out, record);
}

void put_channel(Bytes& out, const McapChannel& channel) {
  const auto record = begin_record(out, McapOpcode::channel);
  put<u16>(out, channel.id);
  put<u16>(out, channel.schema);
  put_string(out, channel.topic);
  put_string(out, channel.encoding);
  const auto map = out.size();
  put<u32>(out, 0);
  for (const auto& [key, value] : channel.metadata) {
    put_string(out, key);
    put_string(out, value);
  }
  patch<u32>(out, map, static_cast<u32>(out.size() - map - 4));
  end_record(out, record);
}

void put_chunk_index(Bytes& out, const McapChunkIndex& index) {
  const auto record = begin_record(out, McapOpcode::chunk_index);
  put<u64>(out, index.first_time);
  put<u64>(out, index.last_time);
  put<u64>(out, index.start);
  put<u64>(out, index.length);
  put<u32>(out, static_cast<u32>(index.positions.size() * 10));
  for (const auto& [id, position] : index.positions) {
    put<u16>(out, id);
    put<u64>(out, position);
  }
  put<u64>(out, index.indexes_length);
  put_string(out, "");  // compression
  put<u64>(out, index.records);
  put<u64>(out, index.records);
  end_record(out, record);
}

void put_attachment_index(Bytes& out, const McapAttachmentIndex& index) {
  const auto record = begin_record(out, McapOpcode::attachment_index);
  put<u64>(out, index.start);
  put<u64>(out, index.length);
  put<u64>(out, index.log_time);
  put<u64>(out, index.create_time);
  put<u64>(out, index.size);
  put_string(out, index.name);
  put_string(out, index.media_type);
  end_record(out, record);
}

void put_metadata_index(Bytes& out, const McapMetadataIndex& index) {
  const auto record = begin_record(out, McapOpcode::metadata_index);
  put<u64>(out, index.start);
  put<u64>(out, index.length);
  put_string(out, index.name);
  end_record(out, record);
}

void put_tail(Bytes& out, const McapTail& tail) {
  out.clear();
  const auto record = begin_record(out, McapOpcode::data_end);
  put<u32>(out, tail.data_crc);
  end_record(out, record);

  const std::size_t summary = out.size();
  Bytes statistics;
  put_statistics(statistics, tail.statistics);
  Bytes offsets;
  const auto group = [&](McapOpcode opcode, std::span<const u8> records) {
    if (records.empty()) return;
    const auto entry = begin_record(offsets, McapOpcode::summary_offset);
    put<u8>(offsets, static_cast<u8>(opcode));
    put<u64>(offsets, tail.start + out.size());
    put<u64>(offsets, records.size());
    end_record(offsets, entry);
    put_bytes(out, records);
  };
  group(McapOpcode::schema, tail.schemas);
  group(McapOpcode::channel, tail.channels);
  group(McapOpcode::statistics, statistics);
  group(McapOpcode::chunk_index, tail.chunk_indexes);
  group(McapOpcode::attachment_index, tail.attachment_indexes);
  group(McapOpcode::metadata_index, tail.metadata_indexes);

  const u64 offset_start = tail.start + out.size();
  put_bytes(out, offsets);
  put<u8>(out, static_cast<u8>(McapOpcode::footer));
  put<u64>(out, kMcapFooter);  // its length, which the checksum covers
  put<u64>(out, tail.start + summary);
  put<u64>(out, offset_start);
  put<u32>(out, crc32(std::span(out).subspan(summary)));
  put_bytes(out, kMcapMagic);
}

}  // namespace sinew::detail
