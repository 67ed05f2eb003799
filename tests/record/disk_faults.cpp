// SPDX-License-Identifier: Apache-2.0
#include "disk_faults.hpp"

#include <unistd.h>

#include <cstdio>
#include <thread>

namespace sinew::testing {
namespace {

/// `call(share)` does it, for a write with that share of its bytes.
template <class Call>
ssize_t with_faults(bool is_write, const Call& call) {
  DiskFaults& faults = disk_faults();
  if (!faults.active) return call(1.0);
  if (faults.stalled) ++faults.stalls;
  while (faults.stalled) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  if (!faults.hits(faults.calls++)) return call(1.0);
  switch (faults.kind.load()) {
    case DiskFaults::Kind::none: break;
    case DiskFaults::Kind::kill_before: ::raise(SIGKILL); break;
    case DiskFaults::Kind::kill_halfway:
      if (is_write) (void)call(0.5);
      ::raise(SIGKILL);
      break;
    case DiskFaults::Kind::kill_after:
      (void)call(1.0);
      ::raise(SIGKILL);
      break;
    case DiskFaults::Kind::error:
      if (is_write && faults.at % 2 == 1) (void)call(0.5);  // some of it went through before
      errno = faults.error;
      return -1;
    case DiskFaults::Kind::short_write: return is_write ? call(0.3) : call(1.0);
  }
  return call(1.0);
}

}  // namespace
}  // namespace sinew::testing

using sinew::testing::disk_faults;
using sinew::testing::with_faults;

extern "C" {

ssize_t __real_write(int file, const void* data, size_t size);
int __real_fdatasync(int file);
int __real_fsync(int file);
int __real_ftruncate(int file, off_t size);
int __real_rename(const char* from, const char* to);

ssize_t __wrap_write(int file, const void* data, size_t size) {
  return with_faults(true, [&](double share) {
    const ssize_t done = __real_write(file, data, share == 1.0 ? size : 1 + static_cast<size_t>(share * static_cast<double>(size - 1)));
    if (done > 0) disk_faults().written += done;
    return done;
  });
}

int __wrap_fdatasync(int file) {
  const std::int64_t written = disk_faults().written;
  const auto result = static_cast<int>(with_faults(false, [&](double) { return static_cast<ssize_t>(__real_fdatasync(file)); }));
  if (result == 0) disk_faults().synced = written;
  return result;
}

int __wrap_fsync(int file) {
  return static_cast<int>(with_faults(false, [&](double) { return static_cast<ssize_t>(__real_fsync(file)); }));
}

int __wrap_ftruncate(int file, off_t size) {
  return static_cast<int>(with_faults(false, [&](double) { return static_cast<ssize_t>(__real_ftruncate(file, size)); }));
}

int __wrap_rename(const char* from, const char* to) {
  return static_cast<int>(with_faults(false, [&](double) { return static_cast<ssize_t>(__real_rename(from, to)); }));
}
}
