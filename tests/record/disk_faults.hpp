// SPDX-License-Identifier: Apache-2.0
// Stands between this program's library and the kernel: kills, errors, short writes and stalls at the n-th call that changes a file. The
// program must be linked with --wrap for write, fdatasync, fsync, ftruncate and rename.
#pragma once

#include <sys/mman.h>
#include <sys/types.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <new>

namespace sinew::testing {

/// What happens when; in memory that a forked child shares with its parent.
struct DiskFaults {
  enum class Kind : int { none, kill_before, kill_after, kill_halfway, error, short_write };

  std::atomic<bool> active{false};
  std::atomic<Kind> kind{Kind::none};
  std::atomic<int> at{0};                 // index of the call, from 0
  std::atomic<bool> from_then_on{false};  // every later call as well
  std::atomic<int> error{EIO};
  std::atomic<bool> stalled{false};      // writes and syncs wait while it is set
  std::atomic<int> calls{0};             // so far
  std::atomic<int> stalls{0};            // calls that had to wait
  std::atomic<std::int64_t> written{0};  // bytes handed to the kernel
  std::atomic<std::int64_t> synced{0};   // of them, when the latest sync began that succeeded

  /// Before each use.
  void reset() noexcept {
    active = true;
    kind = Kind::none;
    from_then_on = false;
    stalled = false;
    calls = stalls = 0;
    written = synced = 0;
  }
  /// Index of this call; whether it is the one is up to `hits`.
  [[nodiscard]] bool hits(int call) const noexcept { return kind != Kind::none && (call == at || (from_then_on && call > at)); }
};

/// The only one, shared with children.
inline DiskFaults& disk_faults() {
  static DiskFaults* const shared = [] {
    void* memory = ::mmap(nullptr, sizeof(DiskFaults), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return new (memory) DiskFaults;
  }();
  return *shared;
}

}  // namespace sinew::testing
