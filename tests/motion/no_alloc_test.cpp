// SPDX-License-Identifier: Apache-2.0
// A million control ticks, good and bad ones: no call of the heap, no lock, no page that is not there yet.
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>
#include <limits>
#include <mutex>
#include <vector>

#include "sinew/motion/chunk_timeline.hpp"
#include "sinew/motion/command_filter.hpp"
#include "sinew/testing/no_alloc.hpp"
#include "test_seed.hpp"

using namespace sinew;
using namespace sinew::testing;

namespace {

constexpr int kDof = 8;
const Time kTick = std::chrono::milliseconds(2);

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kFaultsCount = false;  // shadow memory comes page by page
#else
constexpr bool kFaultsCount = true;
#endif

long page_faults() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_minflt + usage.ru_majflt;
}

JointLimits limits() {
  JointLimits limits;
  limits.lower.assign(kDof, -2.5);
  limits.upper.assign(kDof, 2.5);
  limits.velocity.assign(kDof, 2);
  limits.acceleration.assign(kDof, 12);
  limits.jerk.assign(kDof, 300);
  return limits;
}

/// Timeline and filter, with chunks that come late, twice and broken, targets that are no numbers, stops, and ticks that vary.
class Control {
 public:
  Control() : filter_(limits(), kTick), timeline_(kDof, {.hold_columns = {7}}), chunk_(16, kDof), q_(kDof, 0.0), target_(kDof, 0.0) {
    chunk_.dt = std::chrono::milliseconds(50);
    REQUIRE(filter_.reset(q_) == Status::ok);
  }

  void run(int ticks) {
    for (int i = 0; i < ticks; ++i, ++tick_) {
      const Time now = tick_ * kTick;
      if (tick_ % 37 == 0) push(now);
      if (timeline_.at(now, target_) == Status::stopped) ++stopped;
      if (tick_ % 1000 == 999) target_[random_.below(kDof)] = std::numeric_limits<double>::infinity();
      const Time tick = tick_ % 5 == 0 ? kTick + Time(random_.below(900000)) : kTick;
      if (filter_.step(tick_ % 777 == 0 ? std::span<const double>() : target_, tick, q_) == Status::ok) ++moved;
      if (tick_ % 5000 == 4000) filter_.stop();
      if (tick_ % 5000 == 4999 && filter_.reset(filter_.position()) != Status::ok) ++refused_resets;
    }
  }

  int stopped = 0, refused_chunks = 0, refused_resets = 0, moved = 0;

 private:
  void push(Time now) {
    chunk_.t0 = now - std::chrono::milliseconds(random_.below(500));
    chunk_.sequence += random_.below(3);
    for (double& x : chunk_.values) x = random_.uniform(-3, 3);
    if (random_.below(9) == 0) chunk_.values[random_.below(100)] = std::numeric_limits<double>::quiet_NaN();
    refused_chunks += timeline_.push(chunk_, now) != Status::ok ? 1 : 0;
  }

  Random random_{3};
  CommandFilter filter_;
  ChunkTimeline timeline_;
  ActionChunk chunk_;
  std::vector<double> q_;
  std::vector<double> target_;
  int tick_ = 0;
};

}  // namespace

TEST_CASE("control tick: the counters count") {
  REQUIRE(counting_works());
  std::mutex mutex;
  const LockCallCounter locks;
  {
    const std::lock_guard<std::mutex> hold(mutex);
  }
  CHECK(locks.count() == 1);
  const long before = page_faults();
  std::vector<char> fresh(1 << 24, 1);
  CHECK(page_faults() > before);
  CHECK(fresh[1000] == 1);
}

TEST_CASE("control tick: a million ticks of timeline and filter need no heap, no lock and no new page") {
  Control control;
  control.run(20000);
  // The system itself may move a page now and then: what a tick does would come in each of the runs.
  constexpr int kTicks = 350000;
  long least_faults = std::numeric_limits<long>::max();
  for (int run = 0; run < 3; ++run) {
    const HeapCallCounter heap;
    const LockCallCounter locks;
    const long faults = page_faults();
    control.run(kTicks);
    least_faults = std::min(least_faults, page_faults() - faults);
    const std::uint64_t heap_count = heap.count(), lock_count = locks.count();
    CHECK(heap_count == 0);
    CHECK(lock_count == 0);
  }
  if (kFaultsCount) CHECK(least_faults == 0);
  CHECK(control.stopped > 0);
  CHECK(control.refused_chunks > 0);
  CHECK(control.moved > 700000);
  MESSAGE("page faults in the best of three runs: ", least_faults);
}
