// SPDX-License-Identifier: Apache-2.0
// Whole files, bounded on the way in and never half-written on the way out.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sinew {

/// The content of a regular file. Throws Error: `not_found`, `limit` when it is longer than `max_bytes` (nothing is read
/// then), `io` for anything else. Messages begin with the path.
[[nodiscard]] std::string read_text_file(const std::filesystem::path& path, std::size_t max_bytes);
[[nodiscard]] std::vector<std::byte> read_binary_file(const std::filesystem::path& path, std::size_t max_bytes);

/// Writes `content` to a temporary file of the same folder, syncs it and renames it to `path`: a reader sees the old file
/// or the new one, whole. Throws Error(io) and leaves the old file and no temporary behind.
void write_file(const std::filesystem::path& path, std::string_view content);

}  // namespace sinew
