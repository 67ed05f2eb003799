// SPDX-License-Identifier: Apache-2.0
// Counts heap and lock calls, so that "allocates nothing" and "locks nothing" are tested. Link sinew::no_alloc: it wraps malloc,
// pthread_mutex_lock and their relatives at link time (GNU ld's --wrap), which also sees Eigen's storage and operator new of statically
// linked code.
#pragma once

#include <cstdint>

namespace sinew::testing {

/// Heap calls of this thread since it started: malloc, calloc, realloc, aligned_alloc, posix_memalign and operator new.
/// Deallocations do not count. 0 for ever when the program was not linked with sinew::no_alloc; see `counting_works`.
[[nodiscard]] std::uint64_t heap_calls() noexcept;

/// Lock calls of this thread since it started: of pthread mutexes, read-write locks, condition variables and semaphores, whether they had
/// to wait or not; std::mutex and its relatives end there. 0 for ever without sinew::no_alloc, as above.
[[nodiscard]] std::uint64_t lock_calls() noexcept;

/// True when the counters are live: allocates and locks once and looks.
[[nodiscard]] bool counting_works();

/// Heap calls of this thread since construction.
class HeapCallCounter {
 public:
  HeapCallCounter() noexcept : start_(heap_calls()) {}
  [[nodiscard]] std::uint64_t count() const noexcept { return heap_calls() - start_; }

 private:
  std::uint64_t start_;
};

/// Lock calls of this thread since construction.
class LockCallCounter {
 public:
  LockCallCounter() noexcept : start_(lock_calls()) {}
  [[nodiscard]] std::uint64_t count() const noexcept { return lock_calls() - start_; }

 private:
  std::uint64_t start_;
};

}  // namespace sinew::testing
