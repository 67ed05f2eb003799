// SPDX-License-Identifier: Apache-2.0
// One record at a time: its length against what is left and what is allowed, its content, and the running checksum.
#include "mcap_scanner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "sinew/record/crc32.hpp"

namespace sinew::detail {
namespace {

using u64 = std::uint64_t;

}  // namespace

std::uint32_t McapScanner::crc32_of_magic() noexcept { return crc32(kMcapMagic); }

McapScanner::Step McapScanner::step() {
  record_start_ = position_;
  if (position_ >= end_) return Step::end;
  const McapRecordHead head = read_head(file_, position_, end_);
  next_crc_ = crc32(head.bytes, crc_);
  Step result = Step::skipped;
  if (head.is_private()) {
    skip(head);
  } else {
    load(head, head.opcode == McapOpcode::chunk ? content_ : buffer_);
    result = use(head);
  }
  if (result != Step::message_index) after_chunk_ = result == Step::chunk;
  position_ = head.end();
  crc_ = next_crc_;
  return result;
}

void McapScanner::load(const McapRecordHead& head, std::vector<std::uint8_t>& out) {
  const auto opcode = static_cast<unsigned>(head.opcode);
  if (opcode < static_cast<unsigned>(McapOpcode::header) || opcode > static_cast<unsigned>(McapOpcode::data_end))
    refuse_at(position_, ErrorCode::parse, {file_.where(), "record", "an opcode of MCAP 0", describe(head.opcode), ""});
  load_content(file_, head, max_record_, out);
  next_crc_ = crc32(out, next_crc_);
}

void McapScanner::skip(const McapRecordHead& head) {
  constexpr u64 kPiece = 1U << 16;
  for (u64 at = head.content(); at < head.end(); at += buffer_.size()) {
    buffer_.resize(static_cast<std::size_t>(std::min(kPiece, head.end() - at)));
    file_.read(static_cast<std::size_t>(at), std::as_writable_bytes(std::span(buffer_)));
    next_crc_ = crc32(buffer_, next_crc_);
  }
}

McapScanner::Step McapScanner::use(const McapRecordHead& head) {
  const McapFields fields(head.opcode == McapOpcode::chunk ? content_ : buffer_, head.content(), file_.where());
  if (has_header_ == (head.opcode == McapOpcode::header))
    refuse_at(position_, ErrorCode::parse,
              {file_.where(), "record", has_header_ ? "no second header" : "the header first", describe(head.opcode), ""});
  switch (head.opcode) {
    case McapOpcode::header: {
      McapFields content = fields;
      static_cast<void>(content.text("profile"));
      static_cast<void>(content.text("library"));
      has_header_ = true;
      return Step::header;
    }
    case McapOpcode::schema: definitions_.read_schema(fields); return Step::definition;
    case McapOpcode::channel: definitions_.read_channel(fields); return Step::definition;
    case McapOpcode::message: message_ = read_message(fields, definitions_); return Step::message;
    case McapOpcode::chunk: use_chunk(fields); return Step::chunk;
    case McapOpcode::message_index: use_message_index(fields); return Step::message_index;
    case McapOpcode::attachment: {
      auto content = read_attachment(fields);
      attachment_ = std::move(content.index);
      attachment_.start = position_;
      attachment_.length = head.end() - position_;
      verified_ = content.verified;
      return Step::attachment;
    }
    case McapOpcode::metadata: metadata_ = {position_, head.end() - position_, std::string(read_metadata(fields))}; return Step::metadata;
    case McapOpcode::data_end: use_data_end(fields); return Step::data_end;
    default: refuse_at(position_, ErrorCode::parse, {file_.where(), "record", "one of the data section", describe(head.opcode), ""});
  }
}

void McapScanner::use_chunk(const McapFields& fields) {
  const McapChunkHead head = read_chunk(fields);
  std::swap(previous_chunk_, chunk_);
  chunk_.messages.clear();
  try {
    use_chunk_records(head);
  } catch (...) {
    std::swap(previous_chunk_, chunk_);
    throw;
  }
  records_start_ = head.records_start;
  records_offset_ = static_cast<std::size_t>(head.records.data() - content_.data());
  chunk_.verified = head.crc != 0;
  chunk_.indexed = 0;
  chunk_.index = {.first_time = head.first_time,
                  .last_time = head.last_time,
                  .start = position_,
                  .length = kMcapRecordHead + content_.size(),
                  .records = head.records.size()};
}

void McapScanner::use_chunk_records(const McapChunkHead& head) {
  McapFields records(head.records, head.records_start, file_.where());
  u64 first = std::numeric_limits<u64>::max();
  u64 last = 0;
  while (records.remaining() > 0) {
    const u64 offset = records.position();
    const u64 start = records.byte();
    const auto opcode = static_cast<McapOpcode>(records.number<std::uint8_t>("opcode in a chunk"));
    const auto content = records.part(records.number<u64>("length of a record in a chunk"), "record in a chunk");
    if (opcode == McapOpcode::schema) {
      definitions_.read_schema(content);
    } else if (opcode == McapOpcode::channel) {
      definitions_.read_channel(content);
    } else if (opcode == McapOpcode::message) {
      const McapMessage message = read_message(content, definitions_);
      const auto time = static_cast<u64>(message.log_time.count());
      first = std::min(first, time);
      last = std::max(last, time);
      chunk_.messages.push_back({offset, content.remaining(), time, message.channel->id, false});
    } else if (opcode < McapOpcode::first_private) {
      refuse_at(start, ErrorCode::parse, {file_.where(), "record in a chunk", "a schema, channel or message", describe(opcode), ""});
    }
  }
  if (chunk_.messages.empty()) first = 0;
  if (first != head.first_time || last != head.last_time)
    refuse_at(position_, ErrorCode::parse,
              {file_.where(), "times of a chunk", fmt::format("those of its messages, {} to {}", first, last),
               fmt::format("{} to {}", head.first_time, head.last_time), ""});
}

McapMessage McapScanner::message_of_chunk(std::size_t i) const {
  const McapMessageRef& ref = chunk_.messages[i];
  const auto begin = static_cast<std::size_t>(ref.offset) + kMcapRecordHead;
  const auto records = std::span(content_).subspan(records_offset_);
  return read_message({records.subspan(begin, static_cast<std::size_t>(ref.length)), records_start_ + begin, file_.where()}, definitions_);
}

void McapScanner::use_message_index(McapFields fields) {
  if (!after_chunk_) fields.refuse("message index", "one right behind its chunk", "one behind something else");
  const auto channel = fields.number<std::uint16_t>("channel id of a message index");
  auto entries = fields.part(fields.number<std::uint32_t>("size of a message index"), "entries of a message index");
  while (entries.remaining() > 0) {
    const auto time = entries.number<u64>("time in a message index");
    const auto offset = entries.number<u64>("offset in a message index");
    const auto ref = std::ranges::lower_bound(chunk_.messages, offset, {}, &McapMessageRef::offset);
    const bool lands = ref != chunk_.messages.end() && ref->offset == offset && ref->channel == channel && ref->log_time == time;
    if (!lands || ref->indexed)
      entries.refuse("message index", fmt::format("the start of a message of channel {} and its time, once each", channel),
                     fmt::format("offset {} and time {}", offset, time));
    ref->indexed = true;
    ++chunk_.indexed;
  }
  chunk_.index.positions.emplace_back(channel, position_);
  chunk_.index.indexes_length += kMcapRecordHead + buffer_.size();
}

void McapScanner::use_data_end(McapFields fields) {
  const auto stated = fields.number<std::uint32_t>("checksum of the data section");
  if (stated != 0 && stated != crc_)
    fields.refuse("data section", fmt::format("CRC-32 {:08x}", stated), fmt::format("{:08x}", crc_), "the file is damaged");
  verified_ = stated != 0;
}

}  // namespace sinew::detail
