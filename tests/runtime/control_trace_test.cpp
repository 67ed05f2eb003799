// SPDX-License-Identifier: Apache-2.0
#include "sinew/runtime/control_trace.hpp"

#include <doctest/doctest.h>

using sinew::Time;

TEST_CASE("control trace: keeps the latest ticks, the oldest first, and their percentiles") {
  sinew::ControlTrace trace(2, 5, 2);
  for (int k = 0; k < 12; ++k) {
    const double row[] = {1.0 * k, 10.0 * k};
    trace.add_tick({.time = Time(k), .duration = Time(100 - k)}, {row, row, row, row, row});
  }
  REQUIRE(trace.ticks().size() == 5);
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(trace.ticks()[i].time == Time(7 + static_cast<int>(i)));
    CHECK(trace.command()[2 * i + 1] == 10.0 * (7 + static_cast<double>(i)));
  }
  CHECK(trace.dropped() == 7);
  CHECK(trace.statistics().duration.worst == Time(93));
  CHECK(trace.statistics().duration.p50 == Time(91));
}
