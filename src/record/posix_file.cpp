// SPDX-License-Identifier: Apache-2.0
// Folder syncs and advisory locks.
#include "posix_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

namespace sinew::detail {

bool sync_folder_of(const std::filesystem::path& path) noexcept {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const int handle = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (handle < 0) return false;
  const bool synced = ::fsync(handle) == 0 || errno == EINVAL;  // some file systems cannot sync a folder
  const int error = errno;
  ::close(handle);
  errno = error;
  return synced;
}

bool try_lock(int descriptor) noexcept { return ::flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK; }

}  // namespace sinew::detail
