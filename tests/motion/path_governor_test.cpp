// SPDX-License-Identifier: Apache-2.0
// A plan that is too fast is followed more slowly, on its path.
#include "sinew/motion/path_governor.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "limit_checker.hpp"
#include "sinew/core/error.hpp"
#include "sinew/motion/command_filter.hpp"
#include "sinew/testing/no_alloc.hpp"

using namespace sinew;
using namespace sinew::testing;
using std::chrono::milliseconds;

namespace {

const Time kTick = milliseconds(2);

/// A circle of radius 0.5 through two joints, once in `seconds`; the second joint is slow.
ActionChunk circle(double seconds) {
  ActionChunk chunk(81, 2);
  chunk.dt = from_seconds(seconds / 80);
  chunk.sequence = 1;
  for (int i = 0; i <= 80; ++i) {
    // The angle starts and ends at rest.
    const double x = i / 80.0, angle = 6.283185307179586 * x * x * x * (10 + x * (-15 + 6 * x));
    chunk.step(i)[0] = 0.5 * std::cos(angle);
    chunk.step(i)[1] = 0.5 * std::sin(angle);
  }
  return chunk;
}

struct Result {
  double off_path = 0;
  double seconds = 0;
  long double excess = -1;
  std::uint64_t heap_calls = 0;
};

Result follow(double seconds, bool governed) {
  const JointLimits limits{{}, {-1, -1}, {1, 1}, {2, 0.8}, {10, 6}, {400, 300}};
  ChunkTimeline timeline(2, {.validity = milliseconds(10)});
  CommandFilter filter(limits, kTick);
  PathGovernor governor(limits, kTick);
  LimitChecker checker(limits);
  std::vector<double> q{0.5, 0}, target(2);
  REQUIRE(filter.reset(q) == Status::ok);
  REQUIRE(timeline.push(circle(seconds), Time{}) == Status::ok);
  Result result;
  const HeapCallCounter heap;
  for (int k = 0; k < 20000; ++k) {
    const Time end = (k + 1) * kTick;
    if (governed) governor.apply(timeline, end, kTick);
    const Status status = timeline.at(end, target);
    const double before[2][3] = {{q[0], filter.velocity()[0], filter.acceleration()[0]},
                                 {q[1], filter.velocity()[1], filter.acceleration()[1]}};
    (void)filter.step(target, q);
    for (std::size_t i = 0; i < 2; ++i) {
      const double after[3] = {q[i], filter.velocity()[i], filter.acceleration()[i]};
      checker.add(i, before[i], after, to_seconds(kTick));
    }
    result.off_path = std::max(result.off_path, std::abs(std::hypot(q[0], q[1]) - 0.5));
    result.seconds = to_seconds(end);
    if (status == Status::stopped && filter.at_rest()) break;
  }
  result.heap_calls = heap.count();
  result.excess = checker.excess().worst();
  CHECK(std::abs(q[0] - 0.5) < 1e-4);
  CHECK(std::abs(q[1]) < 1e-4);
  return result;
}

}  // namespace

TEST_CASE("path governor: joints stay on the path of a plan that is too fast; alone they cut the corner") {
  REQUIRE(counting_works());
  for (const double seconds : {2.0, 3.0, 5.0, 12.0}) {
    const Result alone = follow(seconds, false), governed = follow(seconds, true);
    std::printf("circle of 0.5 in %4.1f s: off the path by %.4f alone, %.4f governed; %.2f and %.2f s\n", seconds, alone.off_path,
                governed.off_path, alone.seconds, governed.seconds);
    CHECK(governed.off_path < 0.005);
    if (seconds < 4) CHECK(alone.off_path > 0.1);
    if (seconds > 10) CHECK(governed.seconds < 12.5);  // nothing is slowed that need not be
    CHECK(governed.excess <= 1e-12L);
    CHECK(governed.heap_calls == 0);
  }
}

TEST_CASE("path governor: a chunk that is on time brings the plan back to the clock") {
  const JointLimits limits{{}, {-1, -1}, {1, 1}, {2, 0.8}, {10, 6}, {400, 300}};
  ChunkTimeline timeline(2);
  PathGovernor governor(limits, kTick);
  REQUIRE(timeline.push(circle(2), Time{}) == Status::ok);
  const Time before = timeline.end();
  double least = 1;
  for (int k = 0; k < 500; ++k) least = std::min(least, governor.apply(timeline, (k + 1) * kTick, kTick));
  CHECK(least < 0.7);
  CHECK(timeline.end() > before + milliseconds(100));
  ActionChunk rest(10, 2);
  rest.t0 = milliseconds(1000);
  rest.dt = milliseconds(50);
  rest.sequence = 2;
  for (double& x : rest.values) x = 0.1;
  REQUIRE(timeline.push(rest, milliseconds(1000)) == Status::ok);
  for (int k = 500; k < 1000; ++k) governor.apply(timeline, (k + 1) * kTick, kTick);
  CHECK(governor.rate() == 1);
}

TEST_CASE("path governor: options and limits that make no sense are refused") {
  const JointLimits limits{{}, {-1}, {1}, {2}, {10}, {400}};
  CHECK_THROWS_AS(PathGovernor(limits, kTick, {.samples = 0}), Error);
  CHECK_THROWS_AS(PathGovernor(limits, kTick, {.lookahead = Time{}}), Error);
  CHECK_THROWS_AS(PathGovernor(limits, kTick, {.share = 0}), Error);
  CHECK_THROWS_AS(PathGovernor({{}, {-1}, {1}, {0}, {10}, {400}}, kTick), Error);
}
