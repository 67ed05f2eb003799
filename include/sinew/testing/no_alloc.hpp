// SPDX-License-Identifier: Apache-2.0
// Counts heap calls, so that "allocates nothing" is tested. Link sinew::no_alloc: it wraps malloc and its relatives at
// link time (GNU ld's --wrap), which also sees Eigen's storage and operator new of statically linked code.
#pragma once

#include <cstdint>

namespace sinew::testing {

/// Heap calls of this thread since it started: malloc, calloc, realloc, aligned_alloc, posix_memalign and operator new.
/// Deallocations do not count. 0 for ever when the program was not linked with sinew::no_alloc; see `counting_works`.
[[nodiscard]] std::uint64_t heap_calls() noexcept;

/// True when the counters are live: allocates once and looks.
[[nodiscard]] bool counting_works();

/// Heap calls of this thread since construction.
class HeapCallCounter {
 public:
  HeapCallCounter() noexcept : start_(heap_calls()) {}
  [[nodiscard]] std::uint64_t count() const noexcept { return heap_calls() - start_; }

 private:
  std::uint64_t start_;
};

}  // namespace sinew::testing
