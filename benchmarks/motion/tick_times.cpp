// SPDX-License-Identifier: Apache-2.0
#include "motion/tick_times.hpp"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <numeric>

#include "sinew/core/clock.hpp"
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace sinew::bench {

std::uint64_t stamp() noexcept {
#if defined(__x86_64__)
  _mm_lfence();
  const std::uint64_t value = __rdtsc();
  _mm_lfence();
  return value;
#else
  return static_cast<std::uint64_t>(SteadyClock().now().count());
#endif
}

double stamp_seconds() {
  const SteadyClock clock;
  const Time start = clock.now();
  const std::uint64_t first = stamp();
  while (clock.now() - start < std::chrono::milliseconds(50)) {
  }
  return to_seconds(clock.now() - start) / static_cast<double>(stamp() - first);
}

std::uint64_t thread_nanoseconds() noexcept {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000000000U + static_cast<std::uint64_t>(now.tv_nsec);
}

void TickTimes::finish() {
  std::sort(samples_.begin(), samples_.end());
  mean_ = std::accumulate(samples_.begin(), samples_.end(), 0.0) / static_cast<double>(samples_.size());
}

double TickTimes::at(double share) const {
  return samples_[static_cast<std::size_t>(share * static_cast<double>(samples_.size() - 1))] * unit_;
}

std::string TickTimes::words() const {
  return fmt::format("mean {:.3g}, p50 {:.3g}, p99 {:.3g}, p99.9 {:.3g}, p99.99 {:.3g}, worst {:.3g} us", 1e6 * mean(), 1e6 * at(0.5),
                     1e6 * at(0.99), 1e6 * at(0.999), 1e6 * at(0.9999), 1e6 * at(1));
}

}  // namespace sinew::bench
