// SPDX-License-Identifier: Apache-2.0
// What of a damaged MCAP file can be kept, and what a summary must say of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "mcap_records.hpp"
#include "mcap_summary.hpp"
#include "sinew/io/file.hpp"

namespace sinew::detail {

/// The good records at the front of a file.
struct McapSalvage {
  std::uint64_t kept = 0;         // bytes of the file up to the end of the last good record
  std::uint64_t torn = 0;         // where the first bad record starts; the size of the file when there is none
  bool has_header = false;        // else nothing is kept
  bool reached_data_end = false;  // the data section is whole
  std::string reason;             // the complaint about the record at `torn`
  Bytes last_indexes;             // MessageIndex records of the last chunk, which go behind `kept`
  McapDefinitions definitions;
  McapCounts counts;
  std::uint32_t last_sequence = 0;
  Bytes chunk_indexes;
  Bytes attachment_indexes;
  Bytes metadata_indexes;
};

/// Reads the file up to the first bad record. Throws Error for anything but damage.
[[nodiscard]] McapSalvage salvage(const RandomAccessFile& file, std::size_t max_record);

/// Where the first whole chunk with a right checksum starts at `from` or behind.
[[nodiscard]] std::optional<std::uint64_t> find_chunk(const RandomAccessFile& file, std::uint64_t from, std::size_t max_record);

}  // namespace sinew::detail
