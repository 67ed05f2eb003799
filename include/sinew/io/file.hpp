// SPDX-License-Identifier: Apache-2.0
// Whole files, bounded on the way in and never half-written on the way out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sinew {

/// The content of a regular file. Throws Error: `not_found`, `limit` when it is longer than `max_bytes` (nothing is read
/// then), `io` for anything else. Messages begin with the path.
[[nodiscard]] std::string read_text_file(const std::filesystem::path& path, std::size_t max_bytes);
[[nodiscard]] std::vector<std::byte> read_binary_file(const std::filesystem::path& path, std::size_t max_bytes);

/// Writes `content` to a temporary file of the same folder, syncs it and renames it to `path`: a reader sees the old file
/// or the new one, whole. Throws Error(io) and leaves the old file and no temporary behind.
void write_file(const std::filesystem::path& path, std::string_view content);
/// The same with the content in pieces, one behind the other.
void write_file(const std::filesystem::path& path, std::span<const std::string_view> pieces);

/// A regular file that stays open and is read in places, by any number of threads at once. It is opened once and its size is fixed
/// then: a file that another process shortens or rewrites meanwhile is refused, never read as something else.
class RandomAccessFile {
 public:
  /// Throws Error as `read_binary_file`.
  RandomAccessFile(const std::filesystem::path& path, std::size_t max_bytes);
  ~RandomAccessFile();
  RandomAccessFile(RandomAccessFile&& other) noexcept;
  RandomAccessFile& operator=(RandomAccessFile&& other) noexcept;

  /// The path, for messages.
  [[nodiscard]] const std::string& where() const noexcept { return where_; }
  /// In bytes.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Fills `out` with the bytes that begin at `offset`. Throws Error(io) when the file ends before or was changed.
  void read(std::size_t offset, std::span<std::byte> out) const;
  /// Tells the system that the file is going to be read from front to back.
  void expect_sequential_reading() const noexcept;

 private:
  friend class MappedFile;
  void check_unchanged() const;

  std::string where_;
  int descriptor_ = -1;
  std::size_t size_ = 0;
  std::pair<std::int64_t, std::int64_t> modified_;  // seconds, nanoseconds
};

/// The bytes of a regular file, mapped into memory and read when they are looked at; read at once where that cannot be done. A file
/// that another process shortens meanwhile ends this one (SIGBUS): map files that nobody rewrites in place, as `write_file` never does.
class MappedFile {
 public:
  MappedFile() = default;
  /// Throws Error as `read_binary_file`.
  MappedFile(const std::filesystem::path& path, std::size_t max_bytes);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
  std::vector<std::byte> copy_;  // instead of a mapping
};

}  // namespace sinew
