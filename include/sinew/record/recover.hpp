// SPDX-License-Identifier: Apache-2.0
// Makes a recording that a crash cut short a complete MCAP file again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "sinew/record/mcap_reader.hpp"

namespace sinew {

struct RecoverOptions {
  McapReadOptions reading = {};
  bool cut_damage = false;  ///< give up whole chunks that lie behind damage, instead of refusing
};

/// What a recording holds now, and what it took.
struct RecoverReport {
  bool changed = false;  ///< false: the file was complete, and is as it was, byte for byte
  std::uint64_t messages = 0;
  std::uint64_t chunks = 0;
  std::uint64_t bytes_cut = 0;      ///< that were no part of a whole, good record
  std::uint32_t last_sequence = 0;  ///< of the last message that has one; 0 = none
  std::string reason;               ///< the complaint about the first record that was cut; empty when none was
};

/// Keeps every record up to the first that is torn or bad, and writes index, summary and footer behind it. The result is written
/// beside the file (`<path>.recovering`), read back strictly, synced and renamed: killed at any moment, it leaves the old file or
/// the new one, and can be run again. A complete file is not touched. Throws Error and leaves the file alone when
/// - it is no MCAP file, or compressed (`unsupported`);
/// - a recorder still writes it;
/// - the damage is not at its end: a complete file with a bad record, or one with whole chunks behind the damage, which would be
///   lost (`parse`; not with `cut_damage`);
/// - the disk refuses (`io`).
[[nodiscard]] RecoverReport recover(const std::filesystem::path& path, const RecoverOptions& options = {});

}  // namespace sinew
