// SPDX-License-Identifier: Apache-2.0
// Limits that change in motion: the old ones bind until the new ones can be kept, the transition is reported, and it ends.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <limits>
#include <vector>

#include "adversaries.hpp"
#include "limit_checker.hpp"
#include "sinew/motion/command_filter.hpp"

using namespace sinew;
using namespace sinew::testing;

namespace {

const Time kTick = std::chrono::milliseconds(2);

JointLimits hull(const JointLimits& a, const JointLimits& b) {
  JointLimits wide = a;
  for (std::size_t i = 0; i < a.lower.size(); ++i) {
    wide.lower[i] = std::min(a.lower[i], b.lower[i]);
    wide.upper[i] = std::max(a.upper[i], b.upper[i]);
    wide.velocity[i] = std::max(a.velocity[i], b.velocity[i]);
    wide.acceleration[i] = std::max(a.acceleration[i], b.acceleration[i]);
    wide.jerk[i] = std::max(a.jerk[i], b.jerk[i]);
  }
  return wide;
}

/// Other limits for the same joints: tighter, wider, moved.
JointLimits changed(const JointLimits& limits, Random& random) {
  JointLimits next = limits;
  for (std::size_t i = 0; i < next.lower.size(); ++i) {
    const double range = limits.upper[i] - limits.lower[i], middle = limits.lower[i] + range * random.uniform(0.3, 0.7);
    const double size = std::clamp(range * random.uniform(0.4, 1.5), 0.02, 8.0);
    next.lower[i] = middle - size / 2;
    next.upper[i] = middle + size / 2;
    next.velocity[i] = std::clamp(limits.velocity[i] * random.uniform(0.3, 2), 0.02, 8.0);
    next.acceleration[i] = std::clamp(limits.acceleration[i] * random.uniform(0.3, 2), 0.5, 40.0);
    next.jerk[i] = std::clamp(limits.jerk[i] * random.uniform(0.3, 2), 5.0, 4000.0);
  }
  return next;
}

/// The limits of joint `i` alone.
JointLimits only(const JointLimits& limits, std::size_t i) {
  return {{}, {limits.lower[i]}, {limits.upper[i]}, {limits.velocity[i]}, {limits.acceleration[i]}, {limits.jerk[i]}};
}

/// One filter under changing limits; every tick of every joint is judged by the limits that bind it.
class Judged {
 public:
  Judged(const JointLimits& limits, Random& random) : random_(random), limits_(limits), filter_(limits, kTick), q_(limits.lower.size()) {
    for (std::size_t i = 0; i < q_.size(); ++i) {
      q_[i] = 0.5 * (limits.lower[i] + limits.upper[i]);
      binding_.push_back(only(limits, i));
    }
    target_ = q_;
    REQUIRE(filter_.reset(q_) == Status::ok);
  }

  void change(const JointLimits& next) {
    REQUIRE(filter_.change_limits(next) == Status::ok);
    limits_ = next;
    since_change_ = 0;
    for (std::size_t i = 0; i < q_.size(); ++i) binding_[i] = hull(binding_[i], only(next, i));
  }

  void run(const Adversary& adversary, int ticks) {
    for (int k = 0; k < ticks; ++k, ++tick_) {
      const std::vector<double> q(filter_.position().begin(), filter_.position().end()),
          v(filter_.velocity().begin(), filter_.velocity().end()), a(filter_.acceleration().begin(), filter_.acceleration().end());
      for (std::size_t i = 0; i < q.size(); ++i) {
        Victim victim{limits_, i,    tick_, to_seconds(kTick), to_seconds(kTick), static_cast<double>(tick_) * to_seconds(kTick),
                      q[i],    v[i], a[i],  target_[i],        random_,           q,
                      v};
        target_[i] = adversary.target(victim);
      }
      (void)filter_.step(target_, q_);
      ++since_change_;
      for (std::size_t i = 0; i < q.size(); ++i) {
        if (!filter_.in_transition(static_cast<int>(i))) binding_[i] = only(limits_, i);
        LimitChecker checker(binding_[i]);
        const double from[3] = {q[i], v[i], a[i]}, to[3] = {q_[i], filter_.velocity()[i], filter_.acceleration()[i]};
        checker.add(0, from, to, to_seconds(kTick));
        CHECK(checker.finite());
        worst_ = std::max(worst_, checker.excess().worst());
      }
      if (filter_.in_transition()) longest_ = std::max(longest_, since_change_);
    }
  }

  [[nodiscard]] long double worst() const { return worst_; }
  [[nodiscard]] double longest() const { return longest_ * to_seconds(kTick); }
  [[nodiscard]] CommandFilter& filter() { return filter_; }
  [[nodiscard]] const JointLimits& limits() const { return limits_; }

 private:
  Random& random_;
  JointLimits limits_;
  CommandFilter filter_;
  std::vector<JointLimits> binding_;
  std::vector<double> q_;
  std::vector<double> target_;
  long tick_ = 0;
  int since_change_ = 0;
  int longest_ = 0;
  long double worst_ = -1;
};

}  // namespace

TEST_CASE("limit change: the looser of old and new hold until the new ones can be kept, whatever the targets are") {
  Random random(77);
  long double worst = -1;
  double longest = 0;
  for (const Adversary& adversary : joint_adversaries()) {
    CAPTURE(adversary.name);
    Judged judged(random_limits(3, random), random);
    for (int k = 0; k < 12; ++k) {
      judged.run(adversary, 40 + static_cast<int>(random.below(300)));
      judged.change(changed(judged.limits(), random));
    }
    worst = std::max(worst, judged.worst());
    longest = std::max(longest, judged.longest());
  }
  std::printf("changing limits: worst excess %.1Le, longest transition %.2f s\n", worst, longest);
  CHECK(worst <= 1e-12L);
}

TEST_CASE("limit change: velocity and acceleration halved at full speed are reached within a braking time, and reported meanwhile") {
  const JointLimits fast{{}, {-3}, {3}, {2}, {10}, {400}}, slow{{}, {-3}, {3}, {1}, {5}, {400}};
  CommandFilter filter(fast, kTick);
  std::vector<double> q{-2.5};
  REQUIRE(filter.reset(q) == Status::ok);
  const std::vector<double> target{2.9};
  for (int k = 0; k < 400; ++k) REQUIRE(filter.step(target, q) == Status::ok);
  REQUIRE(filter.velocity()[0] > 1.9);
  REQUIRE(filter.change_limits(slow) == Status::ok);
  int ticks = 0;
  for (; filter.in_transition() || ticks == 0; ++ticks) {
    REQUIRE(ticks < 1000);
    REQUIRE(filter.step(target, q) == Status::ok);
  }
  // 1 rad/s at 5 rad/s^2, and ramps.
  CHECK(ticks * to_seconds(kTick) < 0.3);
  CHECK(filter.velocity()[0] <= 1.0);
  CHECK(filter.velocity()[0] > 0.9);
  CHECK(filter.limits().velocity[0] == 1.0);
  for (int k = 0; k < 4000; ++k) REQUIRE(filter.step(target, q) == Status::ok);
  CHECK(q[0] == doctest::Approx(2.9));
}

TEST_CASE("limit change: a joint outside its new range moves back into it; a chattering target cannot put a transition off for ever") {
  Random random(5);
  const JointLimits before{{}, {-3}, {3}, {2}, {10}, {400}}, range{{}, {-3}, {0.5}, {2}, {10}, {400}},
      gentle{{}, {-3}, {3}, {0.1}, {1}, {10}};
  CommandFilter filter(before, kTick);
  std::vector<double> q{2.5};
  REQUIRE(filter.reset(q) == Status::ok);
  REQUIRE(filter.change_limits(range) == Status::ok);
  for (int k = 0; k < 3000; ++k) REQUIRE(filter.step(std::vector<double>{2.9}, q) == Status::ok);
  CHECK_FALSE(filter.in_transition());
  CHECK(q[0] <= 0.5);
  CHECK(q[0] > 0.49);

  Judged judged(before, random);
  const Adversary chatter{"chatter", [](Victim& x) { return x.tick / 60 % 2 == 0 ? x.lower() : x.upper(); }};
  judged.run(chatter, 500);
  judged.change(gentle);
  judged.run(chatter, 2000);
  CHECK_FALSE(judged.filter().in_transition());
  CHECK(judged.longest() < 2.5);
  CHECK(judged.worst() <= 1e-12L);
}

TEST_CASE("limit change: bad ones are refused and change nothing") {
  const JointLimits limits{{}, {-1}, {1}, {2}, {10}, {400}};
  CommandFilter filter(limits, kTick);
  std::vector<double> q{0};
  REQUIRE(filter.reset(q) == Status::ok);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const JointLimits& bad : {JointLimits{{}, {1}, {-1}, {2}, {10}, {400}}, JointLimits{{}, {-1}, {1}, {0}, {10}, {400}},
                                 JointLimits{{}, {-1}, {1}, {2}, {nan}, {400}}, JointLimits{{}, {-1}, {1}, {2}, {10}, {2e9}}})
    CHECK(filter.change_limits(bad) == Status::out_of_range);
  CHECK(filter.change_limits({{}, {-1, -1}, {1, 1}, {2, 2}, {10, 10}, {400, 400}}) == Status::bad_shape);
  CHECK_FALSE(filter.in_transition());
  CHECK(filter.limits().velocity[0] == 2);
  CHECK(filter.set_speed_scale(0) == Status::out_of_range);
  CHECK(filter.set_speed_scale(1.5) == Status::out_of_range);
  CHECK(filter.set_speed_scale(nan) == Status::not_finite);
}

TEST_CASE("speed scale: slows to its share of the velocity, without a step") {
  const JointLimits limits{{}, {-3}, {3}, {2}, {10}, {400}};
  CommandFilter filter(limits, kTick);
  std::vector<double> q{-2.9};
  REQUIRE(filter.reset(q) == Status::ok);
  const std::vector<double> target{2.9};
  for (int k = 0; k < 300; ++k) REQUIRE(filter.step(target, q) == Status::ok);
  REQUIRE(filter.set_speed_scale(0.25) == Status::ok);
  for (int k = 0; k < 300; ++k) REQUIRE(filter.step(target, q) == Status::ok);
  CHECK(filter.velocity()[0] == doctest::Approx(0.5).epsilon(0.01));
}

TEST_CASE("brake: ticks along the stop, and on as if nothing had been") {
  const JointLimits limits{{}, {-3}, {3}, {2}, {10}, {400}};
  CommandFilter filter(limits, kTick);
  std::vector<double> q{-2.9};
  CHECK(filter.brake(kTick, q) == Status::not_ready);
  REQUIRE(filter.reset(q) == Status::ok);
  const std::vector<double> target{2.9};
  for (int k = 0; k < 300; ++k) REQUIRE(filter.step(target, q) == Status::ok);
  for (int k = 0; k < 300; ++k) REQUIRE(filter.brake(kTick, q) == Status::ok);
  CHECK(filter.at_rest());
  for (int k = 0; k < 3000; ++k) REQUIRE(filter.step(target, q) == Status::ok);
  CHECK(q[0] == doctest::Approx(2.9));
}
