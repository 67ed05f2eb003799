// SPDX-License-Identifier: Apache-2.0
// The judge itself: it condemns what is a little beyond a limit, at a tick or between two.
#include <doctest/doctest.h>

#include "limit_checker.hpp"

using namespace sinew;
using namespace sinew::testing;

namespace {

using Real = LimitChecker::Real;
const JointLimits kLimits{{}, {-1}, {1}, {2}, {10}, {100}};

/// One tick of `dt` with constant jerk.
LimitChecker::Excess judge(double q, double v, double a, double jerk, double dt) {
  LimitChecker checker(kLimits);
  const double from[3] = {q, v, a};
  const double to[3] = {q + dt * (v + dt * (a / 2 + dt * jerk / 6)), v + dt * (a + dt * jerk / 2), a + dt * jerk};
  checker.add(0, from, to, dt);
  return checker.excess();
}

}  // namespace

TEST_CASE("limit checker: each limit, exceeded by a billionth, is found") {
  CHECK(judge(0, 0, 0, 99, 0.01).worst() < 0);
  CHECK(judge(0, 0, 0, 100 * (1 + 1e-9), 0.01).jerk > Real(0.5e-9));
  CHECK(judge(0, 0, 10 * (1 + 1e-9), 0, 0.01).acceleration > Real(0.5e-9));
  CHECK(judge(0, 2 * (1 + 1e-9), 0, 0, 0.01).velocity > Real(0.5e-9));
  CHECK(judge(1 - 0.01 + 2e-9, 1, 0, 0, 0.01).position > Real(0.5e-9));
  CHECK(judge(-1 + 0.01 - 2e-9, -1, 0, 0, 0.01).position > Real(0.5e-9));
}

TEST_CASE("limit checker: what happens between two ticks is found though both ends are legal") {
  // The velocity rises to 1.999 + 1 / 200 and falls again; the position turns back 0.5 mm beyond the limit.
  const auto fast = judge(0, 1.999, 1, -100, 0.02);
  CHECK(fast.velocity > Real(0.001));
  CHECK(fast.acceleration < 0);
  const auto far = judge(0.9999, 0.1, -10, 0, 0.02);
  CHECK(far.position > Real(0.0001));
  CHECK(far.velocity < 0);
}

TEST_CASE("limit checker: an end that does not follow from its beginning is found") {
  LimitChecker checker(kLimits);
  const double from[3] = {0, 0.5, 0}, to[3] = {0.005 + 1e-9, 0.5, 0};
  checker.add(0, from, to, 0.01);
  CHECK(checker.excess().mismatch > Real(0.4e-9));
}

TEST_CASE("limit checker: a tick that changes its jerk within may do what the mean jerk cannot, but not more than the limit allows") {
  LimitChecker good(kLimits), bad(kLimits);
  // +100 for half of the tick, then -100: the acceleration ends where it began, the velocity gains 100 * 0.01^2 / 4.
  const double from[3] = {0, 0, 0}, to[3] = {1.25e-5, 2.5e-3, 0};
  good.add(0, from, to, 0.01, false);
  CHECK(good.excess().jerk <= 0);
  const double leap[3] = {1.25e-5, 2.5e-2, 0};
  bad.add(0, from, leap, 0.01, false);
  CHECK(bad.excess().jerk > 0);
}
