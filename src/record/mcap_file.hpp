// SPDX-License-Identifier: Apache-2.0
// Records in a file: head and content, bounded before memory is taken.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "mcap_format.hpp"
#include "sinew/io/file.hpp"

namespace sinew::detail {

struct McapRecordHead {
  McapOpcode opcode{};
  std::uint64_t length = 0;  // of the content
  std::uint64_t start = 0;   // of the record in the file
  std::array<std::uint8_t, kMcapRecordHead> bytes{};

  [[nodiscard]] std::uint64_t content() const noexcept { return start + kMcapRecordHead; }
  [[nodiscard]] std::uint64_t end() const noexcept { return content() + length; }
  [[nodiscard]] bool is_private() const noexcept { return opcode >= McapOpcode::first_private; }
};

/// "opcode 0x06"
[[nodiscard]] std::string describe(McapOpcode opcode);

/// Reads a record's head. Throws Error unless the record ends at `end` or before.
[[nodiscard]] McapRecordHead read_head(const RandomAccessFile& file, std::uint64_t start, std::uint64_t end);
/// Reads its content into `out`. Throws Error(limit) when it is longer than `max_record`.
void load_content(const RandomAccessFile& file, const McapRecordHead& head, std::size_t max_record, std::vector<std::uint8_t>& out);

/// Throws Error unless the file begins with the magic, or is a piece of it.
void check_magic(const RandomAccessFile& file);
/// Whether the file ends with the magic.
[[nodiscard]] bool has_tail(const RandomAccessFile& file);

/// The attachments up to `end`, from record to record by their lengths alone. Throws Error for the first that is bad; those before are in
/// `found`.
void find_attachments(const RandomAccessFile& file, std::uint64_t end, std::size_t max_record, std::vector<McapAttachmentIndex>& found);

}  // namespace sinew::detail
