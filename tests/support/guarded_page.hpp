// SPDX-License-Identifier: Apache-2.0
// Memory whose end nobody can pass unnoticed: the page behind it must not be touched.
#pragma once

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <span>

namespace sinew::testing {

inline constexpr std::size_t kBefore = 8;  ///< values in front of an output that must stay as they are

/// Memory that ends with a page, in front of one that nobody may touch.
class GuardedPage {
 public:
  explicit GuardedPage(std::size_t bytes) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    usable_ = (bytes + kBefore * sizeof(double) + page - 1) / page * page;
    size_ = usable_ + page;
    start_ = static_cast<std::byte*>(mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    REQUIRE(start_ != MAP_FAILED);
    REQUIRE(mprotect(start_ + usable_, page, PROT_NONE) == 0);
  }
  ~GuardedPage() { munmap(start_, size_); }
  GuardedPage(const GuardedPage&) = delete;
  GuardedPage& operator=(const GuardedPage&) = delete;

  /// The last `count` values before the guard.
  template <class Scalar>
  std::span<Scalar> last(std::size_t count) {
    return {reinterpret_cast<Scalar*>(start_ + usable_ - count * sizeof(Scalar)), count};
  }

 private:
  std::byte* start_;
  std::size_t usable_, size_;
};

}  // namespace sinew::testing
