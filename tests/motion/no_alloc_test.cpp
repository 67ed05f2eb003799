// SPDX-License-Identifier: Apache-2.0
// The control tick never calls the heap.
#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include "sinew/motion/chunk_timeline.hpp"
#include "sinew/motion/command_filter.hpp"
#include "sinew/testing/no_alloc.hpp"
#include "test_seed.hpp"

using namespace sinew;
using namespace sinew::testing;

TEST_CASE("control tick: timeline and filter allocate nothing, whatever happens") {
  REQUIRE(counting_works());
  constexpr int kDof = 8;
  Random random(3);
  JointLimits limits;
  limits.lower.assign(kDof, -2.5);
  limits.upper.assign(kDof, 2.5);
  limits.velocity.assign(kDof, 2);
  limits.acceleration.assign(kDof, 12);
  limits.jerk.assign(kDof, 300);
  const Time tick = std::chrono::milliseconds(2);
  CommandFilter filter(limits, tick);
  ChunkTimeline timeline(kDof, {.hold_columns = {7}});
  ActionChunk chunk(16, kDof);
  chunk.dt = std::chrono::milliseconds(50);
  std::vector<double> q(kDof, 0.0), target(kDof, 0.0);
  std::uint64_t stopped = 0, refused = 0, moved = 0;

  const HeapCallCounter heap;
  Status status = filter.reset(q);
  for (int k = 0; k < 100000; ++k) {
    const Time now = k * tick;
    if (k % 37 == 0) {
      chunk.t0 = now - std::chrono::milliseconds(random.below(500));
      chunk.sequence += random.below(3);
      for (double& x : chunk.values) x = random.uniform(-3, 3);
      if (random.below(9) == 0) chunk.values[random.below(100)] = std::numeric_limits<double>::quiet_NaN();
      refused += timeline.push(chunk, now) != Status::ok ? 1 : 0;
    }
    status = timeline.at(now, target);
    if (status == Status::stopped) ++stopped;
    if (k % 1000 == 999) target[random.below(kDof)] = std::numeric_limits<double>::infinity();
    status = filter.step(target, k % 5 == 0 ? tick + Time(random.below(900000)) : tick, q);
    if (status == Status::ok) ++moved;
    if (k % 5000 == 4000) filter.stop();
    if (k % 5000 == 4999) status = filter.reset(filter.position());
  }
  const std::uint64_t calls = heap.count();
  CHECK(calls == 0);
  CHECK(stopped > 0);
  CHECK(refused > 0);
  CHECK(moved > 70000);
}
