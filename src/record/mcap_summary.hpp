// SPDX-License-Identifier: Apache-2.0
// The tail of an MCAP file, verified, and compared with what reading the data section comes across.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "mcap_records.hpp"
#include "mcap_scanner.hpp"
#include "sinew/io/file.hpp"

namespace sinew::detail {

/// Counted while reading.
struct McapCounts {
  std::uint64_t messages = 0;
  std::uint64_t chunks = 0;
  std::uint64_t attachments = 0;
  std::uint64_t metadata = 0;
  std::uint64_t first_time = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t last_time = 0;
  std::map<McapId, std::uint64_t> channels;

  void add(McapId channel, std::uint64_t log_time);
  void add(const McapScannedChunk& chunk);
  /// As a statistics record says it.
  [[nodiscard]] McapStatistics statistics(const McapDefinitions& definitions) const;
};

/// The summary section. Of each chunk it keeps two numbers; the rest is read again when reading comes to the chunk.
class McapSummary {
 public:
  /// Reads footer and summary; the definitions found go to `definitions`. Throws Error.
  McapSummary(const RandomAccessFile& file, std::size_t max_record, McapDefinitions& definitions);

  /// Where the data section must end.
  [[nodiscard]] std::uint64_t data_end() const noexcept { return data_end_; }
  [[nodiscard]] bool verified() const noexcept { return verified_; }
  /// Whether it lists all attachments, as far as it says.
  [[nodiscard]] bool lists_attachments() const noexcept;
  [[nodiscard]] const std::vector<McapAttachmentIndex>& attachments() const noexcept { return attachments_; }

  /// Compare what was read with what the summary says of it. Throw Error.
  void check_chunk(const McapScannedChunk& chunk) const;
  void check_attachment(const McapAttachmentIndex& attachment) const;
  void check_metadata(const McapMetadataIndex& metadata) const;
  void check_counts(const McapCounts& counts, const McapDefinitions& definitions) const;

 private:
  struct Run {
    McapOpcode opcode{};
    std::uint64_t start = 0;
    std::uint64_t end = 0;
  };
  void read_footer();
  void check_crc(std::uint32_t stated);
  void read_records(McapDefinitions& definitions);
  void use(McapOpcode opcode, McapFields fields, McapDefinitions& definitions);
  void read_offset(McapFields fields);

  const RandomAccessFile& file_;
  std::size_t max_record_;
  std::uint64_t data_end_ = 0;
  std::uint64_t footer_ = 0;
  std::uint64_t offset_start_ = 0;
  bool verified_ = true;
  mutable std::vector<std::uint8_t> buffer_;
  std::vector<Run> runs_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> chunks_;  // start in the file, place of the ChunkIndex record
  std::vector<McapAttachmentIndex> attachments_;                 // by start
  std::vector<McapMetadataIndex> metadata_;                      // by start
  std::optional<McapStatistics> statistics_;
};

}  // namespace sinew::detail
