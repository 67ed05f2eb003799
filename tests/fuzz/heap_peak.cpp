// SPDX-License-Identifier: Apache-2.0
// In a unit of its own: a compiler that sees both operators inlined takes new and free for a mismatch.
#include "heap_peak.hpp"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <new>

namespace {
std::size_t live = 0;
std::size_t peak = 0;
std::size_t start = 0;
}  // namespace

namespace sinew::testing {
void reset_heap_peak() noexcept { start = peak = live; }
std::size_t heap_peak() noexcept { return peak - start; }
}  // namespace sinew::testing

void* operator new(std::size_t size) {
  void* memory = std::malloc(size > 0 ? size : 1);
  if (memory == nullptr) throw std::bad_alloc();
  live += ::malloc_usable_size(memory);
  peak = std::max(peak, live);
  return memory;
}

void operator delete(void* memory) noexcept {
  if (memory != nullptr) live -= ::malloc_usable_size(memory);
  std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept { ::operator delete(memory); }
