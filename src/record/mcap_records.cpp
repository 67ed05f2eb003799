// SPDX-License-Identifier: Apache-2.0
// The parsers of MCAP's records. Fields that a newer minor of the format may append are passed over, as the specification asks.
#include "mcap_records.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sinew/io/text.hpp"
#include "sinew/record/crc32.hpp"

namespace sinew::detail {
namespace {

using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

/// A map of texts: byte length, then keys and values.
McapWriter::Metadata read_text_map(McapFields& fields, std::string_view what) {
  McapWriter::Metadata map;
  auto part = fields.part(fields.number<u32>(what), what);
  while (part.remaining() > 0) {
    const auto key = part.text(what);
    map.emplace_back(key, part.text(what));
  }
  return map;
}

/// Channel ids with a 64-bit number each.
McapIndexPositions read_id_map(McapFields& fields, std::string_view what) {
  McapIndexPositions map;
  auto part = fields.part(fields.number<u32>(what), what);
  while (part.remaining() > 0) {
    const auto id = part.number<u16>(what);
    map.emplace_back(id, part.number<u64>(what));
  }
  return map;
}

/// Well-formed but ours not to read, or a name that nobody would give.
[[noreturn]] void refuse_compression(const McapFields& fields, std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; };
  const bool named = name.size() <= 32 && std::ranges::all_of(name, letter);
  refuse_at(fields.byte(), named ? ErrorCode::unsupported : ErrorCode::parse,
            {fields.where(), "compression of a chunk", "none", quote(name),
             "write the file again without, e.g. mcap convert --compression none"});
}

template <class Definition>
void insert(std::map<McapId, Definition>& known, Definition definition, std::string_view kind, const McapFields& fields) {
  const auto [place, is_new] = known.try_emplace(definition.id, definition);
  if (!is_new && place->second != definition)
    fields.refuse(fmt::format("{} {}", kind, definition.id), "the definition that this id had before", "another one");
}

}  // namespace

void McapDefinitions::read_schema(McapFields fields) {
  McapSchema schema{.id = fields.number<u16>("schema id")};
  if (schema.id == 0) fields.refuse("schema id", "one from 1", "0");
  schema.name = fields.text("schema name");
  schema.encoding = fields.text("schema encoding");
  schema.text = fields.string("schema data");
  insert(schemas_, std::move(schema), "schema", fields);
}

void McapDefinitions::read_channel(McapFields fields) {
  McapChannel channel{.id = fields.number<u16>("channel id"), .schema = fields.number<u16>("schema id of a channel")};
  if (channel.schema != 0 && !schemas_.contains(channel.schema))
    fields.refuse(fmt::format("channel {}", channel.id), "a schema defined before", fmt::format("schema {}", channel.schema));
  channel.topic = fields.text("topic");
  channel.encoding = fields.text("message encoding");
  channel.metadata = read_text_map(fields, "metadata of a channel");
  insert(channels_, std::move(channel), "channel", fields);
}

const McapChannel* McapDefinitions::find_channel(McapId id) const noexcept {
  const auto found = channels_.find(id);
  return found == channels_.end() ? nullptr : &found->second;
}

McapChunkHead read_chunk(McapFields fields) {
  McapChunkHead chunk{.first_time = fields.number<u64>("start time of a chunk"), .last_time = fields.number<u64>("end time of a chunk")};
  const auto uncompressed = fields.number<u64>("uncompressed size of a chunk");
  chunk.crc = fields.number<u32>("checksum of a chunk");
  const auto compression = fields.string("compression of a chunk");
  if (!compression.empty()) refuse_compression(fields, compression);
  const auto size = fields.number<u64>("size of a chunk's records");
  if (size != uncompressed)
    fields.refuse("size of a chunk's records", fmt::format("the uncompressed size {}", uncompressed), std::to_string(size));
  chunk.records_start = fields.byte();
  chunk.records = fields.bytes(size, "records of a chunk");
  if (const auto crc = crc32(chunk.records); chunk.crc != 0 && crc != chunk.crc)
    refuse_at(
        chunk.records_start, ErrorCode::parse,
        {fields.where(), "records of a chunk", fmt::format("CRC-32 {:08x}", chunk.crc), fmt::format("{:08x}", crc), "the file is damaged"});
  return chunk;
}

McapMessage read_message(McapFields fields, const McapDefinitions& definitions) {
  McapMessage message;
  const auto id = fields.number<u16>("channel id of a message");
  message.channel = definitions.find_channel(id);
  if (message.channel == nullptr) fields.refuse("channel of a message", "one defined before", fmt::format("channel {}", id));
  message.topic = message.channel->topic;
  message.encoding = message.channel->encoding;
  message.sequence = fields.number<u32>("sequence of a message");
  message.log_time = fields.time("log time of a message");
  message.publish_time = fields.time("publish time of a message");
  message.data = fields.rest();
  return message;
}

McapAttachmentContent read_attachment(McapFields fields) {
  McapFields whole = fields;
  McapAttachmentContent attachment;
  attachment.index.log_time = fields.number<u64>("log time of an attachment");
  attachment.index.create_time = fields.number<u64>("create time of an attachment");
  attachment.index.name = fields.text("name of an attachment");
  attachment.index.media_type = fields.text("media type of an attachment");
  attachment.index.size = fields.number<u64>("size of an attachment");
  attachment.data = fields.bytes(attachment.index.size, "data of an attachment");
  const auto covered = fields.position();
  const auto stated = fields.number<u32>("checksum of an attachment");
  const auto crc = crc32(whole.bytes(covered, ""));
  if (stated != 0 && stated != crc)
    fields.refuse("attachment " + quote(attachment.index.name), fmt::format("CRC-32 {:08x}", stated), fmt::format("{:08x}", crc),
                  "the file is damaged");
  attachment.verified = stated != 0;
  return attachment;
}

std::string_view read_metadata(McapFields fields) {
  const auto name = fields.text("name of a metadata record");
  static_cast<void>(read_text_map(fields, "metadata"));
  return name;
}

McapStatistics read_statistics_record(McapFields fields) {
  McapStatistics statistics;
  constexpr std::string_view kWhat = "statistics";
  statistics.messages = fields.number<u64>(kWhat);
  statistics.schemas = fields.number<u16>(kWhat);
  statistics.channels_count = fields.number<u32>(kWhat);
  statistics.attachments = fields.number<u32>(kWhat);
  statistics.metadata = fields.number<u32>(kWhat);
  statistics.chunks = fields.number<u32>(kWhat);
  statistics.first_time = fields.number<u64>(kWhat);
  statistics.last_time = fields.number<u64>(kWhat);
  statistics.channels = read_id_map(fields, kWhat);
  return statistics;
}

McapChunkIndex read_chunk_index(McapFields fields) {
  McapChunkIndex index;
  constexpr std::string_view kWhat = "chunk index";
  index.first_time = fields.number<u64>(kWhat);
  index.last_time = fields.number<u64>(kWhat);
  index.start = fields.number<u64>(kWhat);
  index.length = fields.number<u64>(kWhat);
  index.positions = read_id_map(fields, kWhat);
  index.indexes_length = fields.number<u64>(kWhat);
  const auto compression = fields.string(kWhat);
  if (!compression.empty()) refuse_compression(fields, compression);
  index.records = fields.number<u64>(kWhat);
  if (const auto size = fields.number<u64>(kWhat); size != index.records)
    fields.refuse("uncompressed size of a chunk index", fmt::format("the compressed size {}", index.records), std::to_string(size));
  return index;
}

McapAttachmentIndex read_attachment_index(McapFields fields) {
  McapAttachmentIndex index;
  constexpr std::string_view kWhat = "attachment index";
  index.start = fields.number<u64>(kWhat);
  index.length = fields.number<u64>(kWhat);
  index.log_time = fields.number<u64>(kWhat);
  index.create_time = fields.number<u64>(kWhat);
  index.size = fields.number<u64>(kWhat);
  index.name = fields.text(kWhat);
  index.media_type = fields.text(kWhat);
  return index;
}

McapMetadataIndex read_metadata_index(McapFields fields) {
  McapMetadataIndex index;
  constexpr std::string_view kWhat = "metadata index";
  index.start = fields.number<u64>(kWhat);
  index.length = fields.number<u64>(kWhat);
  index.name = fields.text(kWhat);
  return index;
}

McapAttachment to_attachment(const McapAttachmentIndex& index, const std::string& where) {
  constexpr auto kMost = static_cast<u64>(Time::max().count());
  if (index.log_time > kMost || index.create_time > kMost)
    refuse_at(index.start, ErrorCode::parse, {where, "times of an attachment", "nanoseconds below 2^63", "more", ""});
  return {index.name, index.media_type, Time(static_cast<Time::rep>(index.log_time)), Time(static_cast<Time::rep>(index.create_time)),
          index.size, index.start};
}

}  // namespace sinew::detail
