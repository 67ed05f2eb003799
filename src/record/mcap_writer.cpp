// SPDX-License-Identifier: Apache-2.0
// The records of MCAP, field by field, in the order of the specification.
#include "sinew/record/mcap_writer.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "little_endian.hpp"
#include "mcap_format.hpp"
#include "sinew/core/error.hpp"
#include "sinew/record/crc32.hpp"

namespace sinew {
namespace {

using detail::begin_record;
using detail::Bytes;
using detail::end_record;
using detail::kMcapMessageHead;
using detail::kMcapRecordHead;
using detail::McapOpcode;
using detail::patch;
using detail::put;
using detail::put_attachment_index;
using detail::put_bytes;
using detail::put_channel;
using detail::put_schema;
using detail::put_string;
using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

/// Reserves for `more` elements; doubling, because `reserve` alone would grow by exactly that much each time.
void make_room(auto& vector, std::size_t more) {
  if (vector.capacity() - vector.size() < more) vector.reserve(std::max(vector.size() + more, 2 * vector.capacity()));
}

u64 nanoseconds(Time time) noexcept { return static_cast<u64>(time.count()); }

void append_times(auto& times, const auto& other) noexcept {
  times.first = std::min(times.first, other.first);
  times.last = std::max(times.last, other.last);
}

}  // namespace

McapWriter::McapWriter(const std::filesystem::path& path, bool overwrite) : file_(path, overwrite) {
  Bytes head;
  detail::put_head(head);
  if (!file_.write(head))
    fail(ErrorCode::io, {"McapWriter", "file '" + path.string() + "'", "room for its head", std::strerror(file_.error()), ""});
  begin_chunk();
}

McapId McapWriter::add_schema(std::string_view name, std::string_view encoding, std::string_view text) {
  if (schemas_.size() >= 65534) fail(ErrorCode::limit, {"McapWriter", "number of schemas", "at most 65534", "one more", ""});
  const auto id = static_cast<McapId>(schemas_.size() + 1);
  Bytes& out = schemas_.emplace_back();
  put_schema(out, {id, std::string(name), std::string(encoding), std::string(text)});
  schema_in_chunk_.push_back(false);
  return id;
}

McapId McapWriter::add_channel(std::string_view topic, std::string_view encoding, McapId schema, const Metadata& metadata) {
  if (channels_.size() >= 65535) fail(ErrorCode::limit, {"McapWriter", "number of channels", "at most 65535", "one more", ""});
  if (schema == 0 || schema > schemas_.size())
    fail(ErrorCode::invalid_argument, {"McapWriter::add_channel", "schema", "an id that add_schema returned", std::to_string(schema), ""});
  const auto id = static_cast<McapId>(channels_.size());
  Channel& channel = channels_.emplace_back();
  channel.schema = schema;
  put_channel(channel.definition, {id, schema, std::string(topic), std::string(encoding), metadata});
  return id;
}

void McapWriter::add_attachment(std::string_view name, std::string_view media_type, std::span<const u8> data, Time time) {
  Bytes out;
  const auto record = begin_record(out, McapOpcode::attachment);
  put<u64>(out, nanoseconds(time));  // log time
  put<u64>(out, nanoseconds(time));  // create time
  put_string(out, name);
  put_string(out, media_type);
  put<u64>(out, data.size());
  put_bytes(out, data);
  put<u32>(out, crc32(std::span(out).subspan(record)));
  end_record(out, record);

  const u64 offset = file_.size();
  if (!file_.write(out))
    fail(ErrorCode::io, {"McapWriter::add_attachment", "writing '" + std::string(name) + "'", "success", std::strerror(file_.error()), ""});
  ++attachments_;
  const auto when = nanoseconds(time);
  put_attachment_index(attachment_indexes_, {offset, out.size(), when, when, data.size(), std::string(name), std::string(media_type)});
}

void McapWriter::begin_chunk() {
  buffer_.clear();
  buffer_.resize(kChunkHead);
  chunk_ = {};
  schema_in_chunk_.assign(schemas_.size(), false);
  for (auto& channel : channels_) channel.positions.clear();
}

std::size_t McapWriter::cost(McapId id, std::size_t payload) const noexcept {
  const Channel& channel = channels_[id];
  std::size_t bytes = kMcapMessageHead + payload;
  if (channel.positions.empty()) bytes += channel.definition.size();
  if (!schema_in_chunk_[channel.schema - 1U]) bytes += schemas_[channel.schema - 1U].size();
  return bytes;
}

void McapWriter::message(McapId id, u32 sequence, Time log_time, Time publish_time, Parts parts) {
  std::size_t payload = 0;
  for (const auto part : parts) payload += part.size();
  make_room(buffer_, cost(id, payload));
  Channel& channel = channels_[id];
  make_room(channel.positions, 1);
  // Nothing below allocates.
  if (!schema_in_chunk_[channel.schema - 1U]) put_bytes(buffer_, schemas_[channel.schema - 1U]);
  schema_in_chunk_[channel.schema - 1U] = true;
  if (channel.positions.empty()) put_bytes(buffer_, channel.definition);

  const u64 time = nanoseconds(log_time);
  channel.positions.emplace_back(time, buffer_.size() - kChunkHead);
  const auto record = begin_record(buffer_, McapOpcode::message);
  put<u16>(buffer_, id);
  put<u32>(buffer_, sequence);
  put<u64>(buffer_, time);
  put<u64>(buffer_, nanoseconds(publish_time));
  for (const auto part : parts) put_bytes(buffer_, part);
  end_record(buffer_, record);
  ++chunk_.messages;
  append_times(chunk_.times, Times{time, time});
}

/// Fills in the chunk's head, appends its message indexes and prepares its entry of the summary.
void McapWriter::close_chunk(u64 start) {
  const u64 records = buffer_.size() - kChunkHead;
  const u64 chunk_length = buffer_.size();
  patch<u8>(buffer_, 0, static_cast<u8>(McapOpcode::chunk));
  patch<u64>(buffer_, 1, chunk_length - kMcapRecordHead);
  patch<u64>(buffer_, 9, chunk_.times.first);
  patch<u64>(buffer_, 17, chunk_.times.last);
  patch<u64>(buffer_, 25, records);
  patch<u32>(buffer_, 33, crc32(std::span(buffer_).subspan(kChunkHead)));
  patch<u32>(buffer_, 37, 0);  // length of the compression's name: none
  patch<u64>(buffer_, 41, records);

  Bytes& index = next_chunk_index_;
  index.clear();
  const auto entry = begin_record(index, McapOpcode::chunk_index);
  put<u64>(index, chunk_.times.first);
  put<u64>(index, chunk_.times.last);
  put<u64>(index, start);
  put<u64>(index, chunk_length);
  const auto map = index.size();
  put<u32>(index, 0);
  for (std::size_t id = 0; id < channels_.size(); ++id) {
    const auto& positions = channels_[id].positions;
    if (positions.empty()) continue;
    put<u16>(index, static_cast<u16>(id));
    put<u64>(index, start + buffer_.size());
    const auto record = begin_record(buffer_, McapOpcode::message_index);
    put<u16>(buffer_, static_cast<u16>(id));
    put<u32>(buffer_, static_cast<u32>(positions.size() * 16));
    for (const auto& [time, offset] : positions) {
      put<u64>(buffer_, time);
      put<u64>(buffer_, offset);
    }
    end_record(buffer_, record);
  }
  patch<u32>(index, map, static_cast<u32>(index.size() - map - 4));
  put<u64>(index, buffer_.size() - chunk_length);
  put_string(index, "");  // compression
  put<u64>(index, records);
  put<u64>(index, records);
  end_record(index, entry);
  make_room(chunk_indexes_, index.size());
}

bool McapWriter::flush() noexcept {
  if (chunk_.messages == 0) return true;
  bool written = false;
  try {
    close_chunk(file_.size());
    written = file_.write(buffer_);
  } catch (const std::bad_alloc&) {
    // The chunk is lost as if the disk had refused it.
  }
  if (written) {
    put_bytes(chunk_indexes_, next_chunk_index_);
    ++chunks_;
    messages_ += chunk_.messages;
    append_times(times_, chunk_.times);
    for (auto& channel : channels_) channel.messages += channel.positions.size();
  }
  begin_chunk();
  return written;
}

/// DataEnd, the summary section and its offsets, the footer and the closing magic, into `buffer_`.
void McapWriter::write_summary() {
  detail::McapTail tail{.start = file_.size(), .data_crc = file_.crc()};
  for (const auto& schema : schemas_) put_bytes(tail.schemas, schema);
  for (const auto& channel : channels_) put_bytes(tail.channels, channel.definition);
  tail.statistics = {.messages = messages_,
                     .schemas = static_cast<u16>(schemas_.size()),
                     .channels_count = static_cast<u32>(channels_.size()),
                     .attachments = attachments_,
                     .chunks = chunks_,
                     .first_time = messages_ == 0 ? 0 : times_.first,
                     .last_time = times_.last};
  for (std::size_t id = 0; id < channels_.size(); ++id)
    tail.statistics.channels.emplace_back(static_cast<McapId>(id), channels_[id].messages);
  tail.chunk_indexes = chunk_indexes_;
  tail.attachment_indexes = attachment_indexes_;
  put_tail(buffer_, tail);
}

bool McapWriter::finish() noexcept {
  if (!file_.is_open()) return false;
  bool good = flush();
  try {
    write_summary();
    good = file_.write(buffer_) && good;
  } catch (const std::bad_alloc&) {
    good = false;
  }
  good = file_.sync() && good;
  return file_.close() && good;
}

}  // namespace sinew
