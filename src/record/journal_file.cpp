// SPDX-License-Identifier: Apache-2.0
// JournalFile on POSIX: short writes and interruptions are continued, everything else is undone.
#include "sinew/record/journal_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "posix_file.hpp"
#include "sinew/core/error.hpp"
#include "sinew/record/crc32.hpp"

namespace sinew {

JournalFile::JournalFile(const std::filesystem::path& path, bool overwrite) {
  const auto refuse = [&](const char* expected, const std::string& got, const char* hint) {
    fail(ErrorCode::io, {"JournalFile", "file '" + path.string() + "'", expected, got, hint});
  };
  descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor_ < 0) refuse("a file that can be created", std::strerror(errno), "does the folder exist, and may you write there?");
  if (!detail::try_lock(descriptor_)) {
    close();
    refuse("a file of its own", "one that is being written or recovered", "");
  }
  struct stat status{};
  if (::fstat(descriptor_, &status) != 0) {
    const int error = errno;
    close();
    refuse("a file whose size can be read", std::strerror(error), "");
  }
  const bool has_content = status.st_size > 0;
  if (has_content && (!overwrite || ::ftruncate(descriptor_, 0) != 0)) {
    close();
    refuse("a new file", std::to_string(status.st_size) + " bytes that are there already",
           "recordings are not overwritten unless asked for");
  }
  // A new file is durable only when its folder is.
  if (!detail::sync_folder_of(path)) {
    const int error = errno;
    close();
    refuse("a folder that can be synced", std::strerror(error), "");
  }
}

bool JournalFile::fail_with(int error) noexcept {
  error_ = error;
  return false;
}

bool JournalFile::write(std::span<const std::uint8_t> bytes) noexcept {
  if (!is_open()) return fail_with(EBADF);
  if (torn_ && !cut_torn()) return false;
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = ::write(descriptor_, bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      const int error = count < 0 ? errno : EIO;
      torn_ = true;
      (void)cut_torn();  // or before the next write
      return fail_with(error);
    }
    done += static_cast<std::size_t>(count);
  }
  size_ += bytes.size();
  crc_ = crc32(bytes, crc_);
  return true;
}

/// What a failed write may have left behind the last whole record goes; nothing after it would be readable.
bool JournalFile::cut_torn() noexcept {
  const auto end = static_cast<off_t>(size_);
  if (::ftruncate(descriptor_, end) != 0 || ::lseek(descriptor_, end, SEEK_SET) != end) return fail_with(errno);
  torn_ = false;
  return true;
}

bool JournalFile::sync() noexcept {
  if (!is_open()) return fail_with(EBADF);
  while (::fdatasync(descriptor_) != 0)
    if (errno != EINTR) return fail_with(errno);
  return true;
}

bool JournalFile::close() noexcept {
  if (!is_open()) return true;
  if (torn_) (void)cut_torn();
  // A child of a fork may still have the file open, and with it the lock.
  (void)::flock(descriptor_, LOCK_UN);
  // After close() the descriptor is gone whatever it returns (Linux), so it is never repeated.
  return ::close(std::exchange(descriptor_, -1)) == 0 || fail_with(errno);
}

}  // namespace sinew
