// SPDX-License-Identifier: Apache-2.0
// A file that grows by whole records only: a write that fails leaves it as it was.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

namespace sinew {

/// An append-only file with a running CRC-32. Not for several threads. Nothing but the constructor throws.
class JournalFile {
 public:
  /// Creates the file, or takes an empty one, and locks it (flock). Throws Error when the operating system refuses, when another
  /// process has it locked, or when a file with content is there and `overwrite` is false.
  JournalFile(const std::filesystem::path& path, bool overwrite);
  JournalFile(const JournalFile&) = delete;
  JournalFile& operator=(const JournalFile&) = delete;
  ~JournalFile() { close(); }

  /// Hands all bytes to the kernel, or none: what a failed write left behind is cut off again. False on failure.
  [[nodiscard]] bool write(std::span<const std::uint8_t> bytes) noexcept;
  /// Waits until the device has what was written (fdatasync). False on failure.
  [[nodiscard]] bool sync() noexcept;
  /// Closes the descriptor; later writes fail. False on failure.
  bool close() noexcept;

  [[nodiscard]] bool is_open() const noexcept { return descriptor_ >= 0; }
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }  ///< bytes written
  [[nodiscard]] std::uint32_t crc() const noexcept { return crc_; }    ///< CRC-32 of all bytes written
  [[nodiscard]] int error() const noexcept { return error_; }          ///< errno of the latest failure, 0 = none

 private:
  [[nodiscard]] bool fail_with(int error) noexcept;
  [[nodiscard]] bool cut_torn() noexcept;

  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  std::uint32_t crc_ = 0;
  int error_ = 0;
  bool torn_ = false;  // a failed write left something behind that could not be cut off yet
};

}  // namespace sinew
