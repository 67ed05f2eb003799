// SPDX-License-Identifier: Apache-2.0
// Heads, contents and magic of a file that may be anything.
#include "mcap_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "mcap_records.hpp"

namespace sinew::detail {

std::string describe(McapOpcode opcode) { return fmt::format("opcode 0x{:02x}", static_cast<unsigned>(opcode)); }

McapRecordHead read_head(const RandomAccessFile& file, std::uint64_t start, std::uint64_t end) {
  const std::uint64_t left = end - start;
  McapRecordHead head{.start = start};
  const auto part = std::span(head.bytes).first(static_cast<std::size_t>(std::min<std::uint64_t>(head.bytes.size(), left)));
  file.read(static_cast<std::size_t>(start), std::as_writable_bytes(part));
  McapFields fields(part, start, file.where());
  head.opcode = static_cast<McapOpcode>(fields.number<std::uint8_t>("opcode"));
  head.length = fields.number<std::uint64_t>("length of a record");
  if (head.length > left - kMcapRecordHead)
    refuse_at(start, ErrorCode::parse,
              {file.where(), "length of a record with " + describe(head.opcode),
               fmt::format("at most the {} bytes that are left", left - kMcapRecordHead), std::to_string(head.length),
               "the file was cut, or is damaged"});
  return head;
}

void load_content(const RandomAccessFile& file, const McapRecordHead& head, std::size_t max_record, std::vector<std::uint8_t>& out) {
  if (head.length > max_record)
    refuse_at(head.start, ErrorCode::limit,
              {file.where(), "length of a record with " + describe(head.opcode), fmt::format("at most {} bytes", max_record),
               std::to_string(head.length), "the options can allow more"});
  out.resize(static_cast<std::size_t>(head.length));
  file.read(static_cast<std::size_t>(head.content()), std::as_writable_bytes(std::span(out)));
}

void check_magic(const RandomAccessFile& file) {
  std::array<std::uint8_t, kMcapMagic.size()> magic{};
  const auto part = std::span(magic).first(std::min(magic.size(), file.size()));
  file.read(0, std::as_writable_bytes(part));
  if (!std::equal(part.begin(), part.end(), kMcapMagic.begin()))
    refuse_at(0, ErrorCode::parse, {file.where(), "magic", "that of MCAP 0", "another", "is it an MCAP file?"});
}

bool has_tail(const RandomAccessFile& file) {
  if (file.size() < 2 * kMcapMagic.size()) return false;
  std::array<std::uint8_t, kMcapMagic.size()> magic{};
  file.read(file.size() - magic.size(), std::as_writable_bytes(std::span(magic)));
  return magic == kMcapMagic;
}

void find_attachments(const RandomAccessFile& file, std::uint64_t end, std::size_t max_record, std::vector<McapAttachmentIndex>& found) {
  std::vector<std::uint8_t> buffer;
  for (std::uint64_t position = kMcapMagic.size(); position < end;) {
    const McapRecordHead head = read_head(file, position, end);
    if (head.opcode == McapOpcode::attachment) {
      load_content(file, head, max_record, buffer);
      McapAttachmentIndex index = read_attachment({buffer, head.content(), file.where()}).index;
      index.start = head.start;
      index.length = head.end() - head.start;
      found.push_back(std::move(index));
    }
    position = head.end();
  }
}

}  // namespace sinew::detail
