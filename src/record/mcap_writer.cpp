// SPDX-License-Identifier: Apache-2.0
// The records of MCAP, field by field, in the order of the specification.
#include "sinew/record/mcap_writer.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>

#include "little_endian.hpp"
#include "sinew/core/error.hpp"
#include "sinew/core/version.hpp"
#include "sinew/record/crc32.hpp"

namespace sinew {
namespace {

using detail::Bytes;
using detail::patch;
using detail::put;
using detail::put_bytes;
using detail::put_string;
using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

enum Opcode : u8 {
  header = 0x01,
  footer = 0x02,
  schema_record = 0x03,
  channel_record = 0x04,
  message_record = 0x05,
  chunk_record = 0x06,
  message_index = 0x07,
  chunk_index = 0x08,
  attachment = 0x09,
  attachment_index = 0x0A,
  statistics = 0x0B,
  summary_offset = 0x0E,
  data_end = 0x0F
};

constexpr std::array<u8, 8> kMagic = {0x89, 'M', 'C', 'A', 'P', '0', '\r', '\n'};
constexpr std::size_t kRecordHead = 1 + 8;                         // opcode, length
constexpr std::size_t kMessageHead = kRecordHead + 2 + 4 + 8 + 8;  // channel, sequence, two times

/// Starts a record; the length is filled in by `end_record` with the returned offset.
std::size_t begin_record(Bytes& out, Opcode opcode) {
  put<u8>(out, opcode);
  put<u64>(out, 0);
  return out.size();
}

void end_record(Bytes& out, std::size_t content) { patch<u64>(out, content - 8, out.size() - content); }

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
  Bytes head(kMagic.begin(), kMagic.end());
  const auto record = begin_record(head, header);
  put_string(head, "");  // profile: none, the encodings are mixed
  put_string(head, "sinew " + std::string(version()));
  end_record(head, record);
  if (!file_.write(head))
    fail(ErrorCode::io, {"McapWriter", "file '" + path.string() + "'", "room for its head", std::strerror(file_.error()), ""});
  begin_chunk();
}

McapId McapWriter::add_schema(std::string_view name, std::string_view encoding, std::string_view text) {
  if (schemas_.size() >= 65534) fail(ErrorCode::limit, {"McapWriter", "number of schemas", "at most 65534", "one more", ""});
  const auto id = static_cast<McapId>(schemas_.size() + 1);
  Bytes& out = schemas_.emplace_back();
  const auto record = begin_record(out, schema_record);
  put<u16>(out, id);
  put_string(out, name);
  put_string(out, encoding);
  put_string(out, text);
  end_record(out, record);
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
  Bytes& out = channel.definition;
  const auto record = begin_record(out, channel_record);
  put<u16>(out, id);
  put<u16>(out, schema);
  put_string(out, topic);
  put_string(out, encoding);
  const auto map = out.size();
  put<u32>(out, 0);
  for (const auto& [key, value] : metadata) {
    put_string(out, key);
    put_string(out, value);
  }
  patch<u32>(out, map, static_cast<u32>(out.size() - map - 4));
  end_record(out, record);
  return id;
}

void McapWriter::add_attachment(std::string_view name, std::string_view media_type, std::span<const u8> data, Time time) {
  Bytes out;
  const auto record = begin_record(out, attachment);
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
  Bytes& index = attachment_indexes_;
  const auto entry = begin_record(index, attachment_index);
  put<u64>(index, offset);
  put<u64>(index, out.size());
  put<u64>(index, nanoseconds(time));
  put<u64>(index, nanoseconds(time));
  put<u64>(index, data.size());
  put_string(index, name);
  put_string(index, media_type);
  end_record(index, entry);
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
  std::size_t bytes = kMessageHead + payload;
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
  const auto record = begin_record(buffer_, message_record);
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
  patch<u8>(buffer_, 0, chunk_record);
  patch<u64>(buffer_, 1, chunk_length - kRecordHead);
  patch<u64>(buffer_, 9, chunk_.times.first);
  patch<u64>(buffer_, 17, chunk_.times.last);
  patch<u64>(buffer_, 25, records);
  patch<u32>(buffer_, 33, crc32(std::span(buffer_).subspan(kChunkHead)));
  patch<u32>(buffer_, 37, 0);  // length of the compression's name: none
  patch<u64>(buffer_, 41, records);

  Bytes& index = next_chunk_index_;
  index.clear();
  const auto entry = begin_record(index, chunk_index);
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
    const auto record = begin_record(buffer_, message_index);
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
  Bytes& out = buffer_;
  out.clear();
  auto record = begin_record(out, data_end);
  put<u32>(out, file_.crc());
  end_record(out, record);

  const std::size_t summary = out.size();
  const u64 base = file_.size();
  Bytes offsets;
  const auto group = [&](Opcode opcode, std::size_t start) {
    if (out.size() == start) return;
    const auto entry = begin_record(offsets, summary_offset);
    put<u8>(offsets, opcode);
    put<u64>(offsets, base + start);
    put<u64>(offsets, out.size() - start);
    end_record(offsets, entry);
  };

  std::size_t start = out.size();
  for (const auto& schema : schemas_) put_bytes(out, schema);
  group(schema_record, start);
  start = out.size();
  for (const auto& channel : channels_) put_bytes(out, channel.definition);
  group(channel_record, start);
  start = out.size();
  record = begin_record(out, statistics);
  put<u64>(out, messages_);
  put<u16>(out, static_cast<u16>(schemas_.size()));
  put<u32>(out, static_cast<u32>(channels_.size()));
  put<u32>(out, attachments_);
  put<u32>(out, 0);  // metadata records
  put<u32>(out, chunks_);
  put<u64>(out, messages_ == 0 ? 0 : times_.first);
  put<u64>(out, times_.last);
  put<u32>(out, static_cast<u32>(channels_.size() * 10));
  for (std::size_t id = 0; id < channels_.size(); ++id) {
    put<u16>(out, static_cast<u16>(id));
    put<u64>(out, channels_[id].messages);
  }
  end_record(out, record);
  group(statistics, start);
  start = out.size();
  put_bytes(out, chunk_indexes_);
  group(chunk_index, start);
  start = out.size();
  put_bytes(out, attachment_indexes_);
  group(attachment_index, start);

  const u64 offset_start = base + out.size();
  put_bytes(out, offsets);
  put<u8>(out, footer);
  put<u64>(out, 8 + 8 + 4);  // its length, which the checksum covers
  put<u64>(out, base + summary);
  put<u64>(out, offset_start);
  put<u32>(out, crc32(std::span(out).subspan(summary)));
  put_bytes(out, kMagic);
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
