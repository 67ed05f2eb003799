// SPDX-License-Identifier: Apache-2.0
// Reads until the first bad record, and looks for chunks behind it.
#include "mcap_salvage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "mcap_scanner.hpp"
#include "sinew/core/error.hpp"

namespace sinew::detail {
namespace {

using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using Step = McapScanner::Step;

/// MessageIndex records for all messages of a chunk, in the order of the channels' ids; `index` learns where they are.
Bytes index_messages(const McapScannedChunk& chunk, McapChunkIndex& index) {
  std::map<McapId, std::vector<const McapMessageRef*>> channels;
  for (const auto& message : chunk.messages) channels[message.channel].push_back(&message);
  const u64 end = index.start + index.length;
  Bytes out;
  index.positions.clear();
  for (const auto& [id, messages] : channels) {
    index.positions.emplace_back(id, end + out.size());
    const auto record = begin_record(out, McapOpcode::message_index);
    put<u16>(out, id);
    put<u32>(out, static_cast<u32>(messages.size() * 16));
    for (const auto* message : messages) {
      put<u64>(out, message->log_time);
      put<u64>(out, message->offset);
    }
    end_record(out, record);
  }
  index.indexes_length = out.size();
  return out;
}

class Salvager {
 public:
  Salvager(const RandomAccessFile& file, std::size_t max_record)
      : file_(file), scanner_(file, file.size(), max_record, found_.definitions) {}

  McapSalvage run() {
    try {
      while (use(scanner_.step())) {
      }
      found_.torn = scanner_.record_start();
    } catch (const Error& error) {
      if (error.code() != ErrorCode::parse) throw;
      found_.reason = error.what();
      found_.torn = scanner_.record_start();
    }
    found_.torn = std::min<u64>(found_.torn, file_.size());
    found_.kept = found_.has_header ? std::min(found_.torn, scanner_.position()) : 0;
    close_last_chunk();
    return std::move(found_);
  }

 private:
  bool use(Step result) {
    if (result == Step::end) return false;
    if (last_chunk_ != nullptr && result != Step::message_index) {
      if (result == Step::chunk) last_chunk_ = &scanner_.previous_chunk();
      if (!close_chunk(*last_chunk_)) return false;
    }
    switch (result) {
      case Step::data_end: found_.reached_data_end = true; return false;
      case Step::header: found_.has_header = true; break;
      case Step::chunk: use_chunk(); break;
      case Step::message: use_message(scanner_.message()); break;
      case Step::attachment:
        ++found_.counts.attachments;
        put_attachment_index(found_.attachment_indexes, scanner_.attachment());
        break;
      case Step::metadata:
        ++found_.counts.metadata;
        put_metadata_index(found_.metadata_indexes, scanner_.metadata());
        break;
      default: break;
    }
    return true;
  }

  void use_chunk() {
    last_chunk_ = &scanner_.chunk();
    const auto& messages = scanner_.chunk().messages;
    found_.counts.add(scanner_.chunk());
    for (std::size_t i = messages.size(); i > 0; --i) {
      const u32 sequence = scanner_.message_of_chunk(i - 1).sequence;
      if (sequence == 0) continue;
      found_.last_sequence = sequence;
      break;
    }
  }

  void use_message(const McapMessage& message) {
    found_.counts.add(message.channel->id, static_cast<u64>(message.log_time.count()));
    if (message.sequence != 0) found_.last_sequence = message.sequence;
  }

  /// False when its indexes are there, but not all: then it is the last chunk that is kept.
  bool close_chunk(const McapScannedChunk& chunk) {
    if (!chunk.index.positions.empty() && chunk.indexed != chunk.messages.size()) {
      found_.reason =
          fmt::format("[{}, byte {}] chunk: expected an index of all its messages, got one of some", file_.where(), chunk.index.start);
      return false;
    }
    last_chunk_ = nullptr;
    put_chunk_index(found_.chunk_indexes, chunk.index);
    return true;
  }

  /// The indexes of the last chunk may be torn; they follow from the chunk.
  void close_last_chunk() {
    if (last_chunk_ == nullptr) return;
    McapChunkIndex index = last_chunk_->index;
    found_.kept = index.start + index.length;
    found_.last_indexes = index_messages(*last_chunk_, index);
    put_chunk_index(found_.chunk_indexes, index);
  }

  const RandomAccessFile& file_;
  McapSalvage found_;
  McapScanner scanner_;
  const McapScannedChunk* last_chunk_ = nullptr;  // only indexes have come behind it
};

constexpr std::size_t kChunkHead = kMcapRecordHead + 8 + 8 + 8 + 4 + 4 + 8;  // up to the records, without compression

/// Whether the sizes in a chunk's head agree with each other, which is rare enough to compare checksums wherever they do.
bool looks_like_chunk(std::span<const std::uint8_t> head) {
  if (static_cast<McapOpcode>(head[0]) != McapOpcode::chunk) return false;
  const std::string nowhere;
  McapFields fields(head.subspan(1), 0, nowhere);
  const auto length = fields.number<u64>("");
  fields.skip(16);  // times
  const auto uncompressed = fields.number<u64>("");
  const auto crc = fields.number<u32>("");
  const auto compression = fields.number<u32>("");
  const auto records = fields.number<u64>("");
  constexpr u64 kBefore = kChunkHead - kMcapRecordHead;
  return crc != 0 && compression == 0 && records == uncompressed && length >= kBefore && length - kBefore == records;
}

bool is_good_chunk(const RandomAccessFile& file, u64 start, std::size_t max_record) {
  std::vector<std::uint8_t> content;
  try {
    load_content(file, read_head(file, start, file.size()), max_record, content);
    static_cast<void>(read_chunk({content, start + kMcapRecordHead, file.where()}));
    return true;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::parse && error.code() != ErrorCode::limit) throw;
    return false;
  }
}

}  // namespace

McapSalvage salvage(const RandomAccessFile& file, std::size_t max_record) { return Salvager(file, max_record).run(); }

std::optional<u64> find_chunk(const RandomAccessFile& file, u64 from, std::size_t max_record) {
  constexpr std::size_t kPiece = std::size_t{1} << 16;
  std::vector<std::uint8_t> piece;
  for (u64 at = from; at + kChunkHead <= file.size(); at += piece.size() - (kChunkHead - 1)) {
    piece.resize(static_cast<std::size_t>(std::min<u64>(kPiece, file.size() - at)));
    file.read(static_cast<std::size_t>(at), std::as_writable_bytes(std::span(piece)));
    for (std::size_t i = 0; i + kChunkHead <= piece.size(); ++i)
      if (looks_like_chunk(std::span(piece).subspan(i, kChunkHead)) && is_good_chunk(file, at + i, max_record)) return at + i;
  }
  return std::nullopt;
}

}  // namespace sinew::detail
