// SPDX-License-Identifier: Apache-2.0
// Footer, summary records and summary offsets; then every comparison with the data section.
#include "mcap_summary.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sinew/io/text.hpp"
#include "sinew/record/crc32.hpp"

namespace sinew::detail {
namespace {

using u32 = std::uint32_t;
using u64 = std::uint64_t;

/// The entry that starts there, or null.
template <class Entry>
const Entry* find_start(const std::vector<Entry>& entries, u64 start) {
  const auto found = std::ranges::lower_bound(entries, start, {}, &Entry::start);
  return found != entries.end() && found->start == start ? &*found : nullptr;
}

}  // namespace

void McapCounts::add(McapId channel, u64 log_time) {
  ++messages;
  ++channels[channel];
  first_time = std::min(first_time, log_time);
  last_time = std::max(last_time, log_time);
}

void McapCounts::add(const McapScannedChunk& chunk) {
  ++chunks;
  for (const auto& message : chunk.messages) add(message.channel, message.log_time);
}

McapStatistics McapCounts::statistics(const McapDefinitions& definitions) const {
  McapStatistics statistics{.messages = messages,
                            .schemas = static_cast<std::uint16_t>(definitions.schemas().size()),
                            .channels_count = static_cast<u32>(definitions.channels().size()),
                            .attachments = static_cast<u32>(attachments),
                            .metadata = static_cast<u32>(metadata),
                            .chunks = static_cast<u32>(chunks),
                            .first_time = messages == 0 ? 0 : first_time,
                            .last_time = last_time};
  statistics.channels.assign(channels.begin(), channels.end());
  return statistics;
}

McapSummary::McapSummary(const RandomAccessFile& file, std::size_t max_record, McapDefinitions& definitions)
    : file_(file), max_record_(max_record) {
  read_footer();
  read_records(definitions);
  std::ranges::sort(chunks_);
  std::ranges::sort(attachments_, {}, &McapAttachmentIndex::start);
  std::ranges::sort(metadata_, {}, &McapMetadataIndex::start);
}

void McapSummary::read_footer() {
  const u64 least = kMcapMagic.size() + kMcapTail;
  if (file_.size() < least)
    refuse_at(file_.size(), ErrorCode::parse,
              {file_.where(), "file", fmt::format("at least {} bytes", least), std::to_string(file_.size()), ""});
  footer_ = file_.size() - kMcapTail;
  const McapRecordHead head = read_head(file_, footer_, file_.size() - kMcapMagic.size());
  if (head.opcode != McapOpcode::footer || head.length != kMcapFooter)
    refuse_at(footer_, ErrorCode::parse,
              {file_.where(), "record before the closing magic", fmt::format("a footer of {} bytes", kMcapFooter),
               fmt::format("{} of {} bytes", describe(head.opcode), head.length), "the file is damaged"});
  load_content(file_, head, max_record_, buffer_);
  McapFields fields(buffer_, head.content(), file_.where());
  data_end_ = fields.number<u64>("start of the summary");
  offset_start_ = fields.number<u64>("start of the summary offsets");
  if (data_end_ == 0) data_end_ = footer_;
  if (offset_start_ == 0) offset_start_ = footer_;
  if (data_end_ < kMcapMagic.size() || data_end_ > offset_start_ || offset_start_ > footer_)
    fields.refuse("starts of the summary and of its offsets", fmt::format("places up to the footer at {}, in this order", footer_),
                  fmt::format("{} and {}", data_end_, offset_start_));
  check_crc(fields.number<u32>("checksum of the summary"));
}

void McapSummary::check_crc(u32 stated) {
  verified_ = stated != 0;
  if (!verified_) return;
  std::vector<std::uint8_t>& piece = buffer_;
  const u64 end = file_.size() - kMcapMagic.size() - sizeof(u32);
  u32 crc = 0;
  for (u64 at = data_end_; at < end; at += piece.size()) {
    piece.resize(static_cast<std::size_t>(std::min<u64>(1U << 16, end - at)));
    file_.read(at, std::as_writable_bytes(std::span(piece)));
    crc = crc32(piece, crc);
  }
  if (crc != stated)
    refuse_at(data_end_, ErrorCode::parse,
              {file_.where(), "summary", fmt::format("CRC-32 {:08x}", stated), fmt::format("{:08x}", crc), "the file is damaged"});
}

void McapSummary::read_records(McapDefinitions& definitions) {
  for (u64 position = data_end_; position < footer_;) {
    const McapRecordHead head = read_head(file_, position, footer_);
    load_content(file_, head, max_record_, buffer_);
    const bool is_offset = head.opcode == McapOpcode::summary_offset;
    if (is_offset != (position >= offset_start_))
      refuse_at(position, ErrorCode::parse, {file_.where(), "summary", "its offsets behind all other records", describe(head.opcode), ""});
    if (!is_offset && (runs_.empty() || runs_.back().opcode != head.opcode)) runs_.push_back({head.opcode, position, position});
    if (!is_offset) runs_.back().end = head.end();
    if (head.opcode == McapOpcode::chunk_index) chunks_.emplace_back(0, position);
    use(head.opcode, {buffer_, head.content(), file_.where()}, definitions);
    position = head.end();
  }
}

void McapSummary::use(McapOpcode opcode, McapFields fields, McapDefinitions& definitions) {
  switch (opcode) {
    case McapOpcode::schema: return definitions.read_schema(fields);
    case McapOpcode::channel: return definitions.read_channel(fields);
    case McapOpcode::statistics:
      if (statistics_) fields.refuse("statistics", "one record", "two");
      statistics_ = read_statistics_record(fields);
      return;
    case McapOpcode::chunk_index: chunks_.back().first = read_chunk_index(fields).start; return;
    case McapOpcode::attachment_index: attachments_.push_back(read_attachment_index(fields)); return;
    case McapOpcode::metadata_index: metadata_.push_back(read_metadata_index(fields)); return;
    case McapOpcode::summary_offset: return read_offset(fields);
    default:
      if (opcode < McapOpcode::first_private) fields.refuse("record in the summary", "one that belongs there", describe(opcode));
  }
}

/// A group of records of one kind must be exactly where its offset says. PyPI's mcap 1.6.0 states an empty group where there is none.
void McapSummary::read_offset(McapFields fields) {
  const auto opcode = static_cast<McapOpcode>(fields.number<std::uint8_t>("summary offset"));
  const auto start = fields.number<u64>("summary offset");
  const auto length = fields.number<u64>("summary offset");
  if (length == 0 && std::ranges::find(runs_, opcode, &Run::opcode) == runs_.end()) return;
  const auto run = std::ranges::lower_bound(runs_, start, {}, &Run::start);
  if (run == runs_.end() || run->start != start || run->opcode != opcode || run->end - start != length)
    fields.refuse("summary offset of " + describe(opcode), "the start and length of a group of the summary",
                  fmt::format("{} bytes at {}", length, start));
}

bool McapSummary::lists_attachments() const noexcept { return !attachments_.empty() || (statistics_ && statistics_->attachments == 0); }

void McapSummary::check_chunk(const McapScannedChunk& chunk) const {
  const auto refuse = [&](u64 byte, std::string_view what, std::string_view expected, std::string_view got) {
    refuse_at(byte, ErrorCode::parse, {file_.where(), what, expected, got, ""});
  };
  if (!chunk.index.positions.empty() && chunk.indexed != chunk.messages.size())
    refuse(chunk.index.start, "indexes of a chunk", fmt::format("its {} messages in them", chunk.messages.size()),
           std::to_string(chunk.indexed));
  if (chunks_.empty()) return;
  const u64 start = chunk.index.start;
  const auto found = std::ranges::lower_bound(chunks_, start, {}, [](const auto& entry) { return entry.first; });
  if (found == chunks_.end() || found->first != start) refuse(start, "chunk", "its index in the summary", "none");
  const McapRecordHead head = read_head(file_, found->second, footer_);
  load_content(file_, head, max_record_, buffer_);
  McapChunkIndex index = read_chunk_index({buffer_, head.content(), file_.where()});
  McapChunkIndex read = chunk.index;
  std::ranges::sort(index.positions);
  std::ranges::sort(read.positions);
  if (index != read)
    refuse(found->second, "chunk index", "times, sizes and offsets of the chunk and of the message indexes behind it",
           fmt::format("others for the chunk at byte {}", start));
}

void McapSummary::check_attachment(const McapAttachmentIndex& attachment) const {
  if (attachments_.empty()) return;
  const auto* index = find_start(attachments_, attachment.start);
  if (index == nullptr || *index != attachment)
    refuse_at(
        attachment.start, ErrorCode::parse,
        {file_.where(), "attachment " + quote(attachment.name), "its index in the summary", index == nullptr ? "none" : "another", ""});
}

void McapSummary::check_metadata(const McapMetadataIndex& metadata) const {
  if (metadata_.empty()) return;
  const auto* index = find_start(metadata_, metadata.start);
  if (index == nullptr || *index != metadata)
    refuse_at(metadata.start, ErrorCode::parse,
              {file_.where(), "metadata " + quote(metadata.name), "its index in the summary", index == nullptr ? "none" : "another", ""});
}

void McapSummary::check_counts(const McapCounts& counts, const McapDefinitions& definitions) const {
  const auto compare = [&](std::string_view what, u64 stated, u64 counted) {
    if (stated != counted)
      refuse_at(data_end_, ErrorCode::parse,
                {file_.where(), fmt::format("summary: {}", what), std::to_string(counted) + " as read", std::to_string(stated), ""});
  };
  if (!chunks_.empty()) compare("chunk indexes", chunks_.size(), counts.chunks);
  if (!attachments_.empty()) compare("attachment indexes", attachments_.size(), counts.attachments);
  if (!metadata_.empty()) compare("metadata indexes", metadata_.size(), counts.metadata);
  if (!statistics_) return;
  const McapStatistics read = counts.statistics(definitions);
  compare("messages", statistics_->messages, read.messages);
  compare("schemas", statistics_->schemas, read.schemas);
  compare("channels", statistics_->channels_count, read.channels_count);
  compare("attachments", statistics_->attachments, read.attachments);
  compare("metadata records", statistics_->metadata, read.metadata);
  compare("chunks", statistics_->chunks, read.chunks);
  compare("earliest time", statistics_->first_time, read.first_time);
  compare("latest time", statistics_->last_time, read.last_time);
  auto left = counts.channels;
  for (const auto& [id, messages] : statistics_->channels) {
    const auto found = left.find(id);
    compare(fmt::format("messages of channel {}", id), messages, found == left.end() ? 0 : found->second);
    if (found != left.end()) left.erase(found);
  }
  if (!statistics_->channels.empty() && !left.empty())
    compare(fmt::format("messages of channel {}", left.begin()->first), 0, left.begin()->second);
}

}  // namespace sinew::detail
