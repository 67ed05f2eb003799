// SPDX-License-Identifier: Apache-2.0
// No stream of targets drives the commands out of the limits, and from every visited state a legal stop exists.
#include <doctest/doctest.h>

#include <cstdio>
#include <vector>

#include "adversaries.hpp"
#include "limit_checker.hpp"
#include "sinew/motion/command_filter.hpp"

using namespace sinew;
using namespace sinew::testing;

namespace {

/// What is demanded, relative to each limit, at the ticks and at the extrema between them.
constexpr long double kBound = 1e-12L;

enum class Ticks { constant, jitter, jumps };

/// A filter, an adversary for each of its joints and a judge.
class Duel {
 public:
  Duel(std::size_t dof, Time dt, std::uint64_t stream)
      : random_(stream), limits_(random_limits(dof, random_)), filter_(limits_, dt), checker_(limits_), dt_(dt), q_(dof), target_(dof) {
    for (std::size_t i = 0; i < dof; ++i) q_[i] = random_.uniform(limits_.lower[i], limits_.upper[i]);
    REQUIRE(filter_.reset(q_) == Status::ok);
    target_ = q_;
  }

  void run(const Adversary& adversary, long ticks, Ticks kind) {
    for (long k = 0; k < ticks; ++k, ++tick_) {
      const Time dt = kind == Ticks::constant ? dt_
                      : kind == Ticks::jitter ? Time(static_cast<Time::rep>(static_cast<double>(dt_.count()) * random_.uniform(0.8, 1.2)))
                                              : dt_ * static_cast<Time::rep>(1 + random_.below(3));
      const std::span<const double> q = filter_.position(), v = filter_.velocity(), a = filter_.acceleration();
      for (std::size_t i = 0; i < q.size(); ++i) {
        Victim victim{limits_, i, tick_, to_seconds(dt), time_, q[i], v[i], a[i], target_[i], random_};
        target_[i] = adversary.target(victim);
      }
      step(filter_, target_, dt, kind == Ticks::constant);
    }
  }

  /// Stops a copy, judged as well. Returns the longest time that a joint took, relative to what it may take.
  double stop() {
    CommandFilter copy = filter_;
    copy.stop();
    double worst = 0;
    std::vector<double> seconds(q_.size(), 0.0);
    for (int k = 0; k < 100000 && !copy.at_rest(); ++k) {
      step(copy, target_, dt_, true);
      CHECK(copy.status() == Status::stopped);
      for (std::size_t i = 0; i < q_.size(); ++i)
        if (copy.velocity()[i] != 0 || copy.acceleration()[i] != 0) seconds[i] = (k + 2) * to_seconds(dt_);
    }
    CHECK(copy.at_rest());
    for (std::size_t i = 0; i < q_.size(); ++i) worst = std::max(worst, seconds[i] / allowed_stop(i));
    return worst;
  }

  [[nodiscard]] const LimitChecker& checker() const { return checker_; }
  [[nodiscard]] const CommandFilter& filter() const { return filter_; }
  [[nodiscard]] std::uint64_t joint_steps() const { return joint_steps_; }

 private:
  /// Letting the acceleration go, then a stop from full velocity, in continuous time; four ticks for rounding up.
  [[nodiscard]] double allowed_stop(std::size_t i) const {
    const double V = limits_.velocity[i], A = limits_.acceleration[i], J = limits_.jerk[i];
    const double release = std::min(A / J, std::sqrt(2 * V / J));
    return release + (V >= A * A / J ? V / A + A / J : 2 * std::sqrt(V / J)) + 4 * to_seconds(dt_);
  }

  void step(CommandFilter& filter, std::span<const double> target, Time dt, bool constant) {
    const std::size_t dof = q_.size();
    std::vector<double> before;
    for (const auto values : {filter.position(), filter.velocity(), filter.acceleration()})
      before.insert(before.end(), values.begin(), values.end());
    const std::uint64_t splits = filter.split_ticks();
    (void)filter.step(target, dt, q_);
    // Which joint was split is not told: all joints of such a tick are judged by the weaker rule.
    const bool one_jerk = filter.split_ticks() == splits;
    if (constant) CHECK(one_jerk);
    for (std::size_t i = 0; i < dof; ++i) {
      const double from[3] = {before[i], before[dof + i], before[2 * dof + i]};
      const double to[3] = {q_[i], filter.velocity()[i], filter.acceleration()[i]};
      checker_.add(i, from, to, to_seconds(dt), one_jerk);
    }
    joint_steps_ += dof;
    time_ += to_seconds(dt);
  }

  Random random_;
  JointLimits limits_;
  CommandFilter filter_;
  LimitChecker checker_;
  Time dt_;
  std::vector<double> q_;
  std::vector<double> target_;
  long tick_ = 0;
  double time_ = 0;
  std::uint64_t joint_steps_ = 0;
};

void require_kept(const LimitChecker& checker) {
  const auto& excess = checker.excess();
  CHECK(checker.finite());
  CHECK(excess.position <= kBound);
  CHECK(excess.velocity <= kBound);
  CHECK(excess.acceleration <= kBound);
  CHECK(excess.jerk <= kBound);
  CHECK(excess.mismatch <= kBound);
}

const Time kTicks[] = {std::chrono::microseconds(1000), std::chrono::microseconds(2000), std::chrono::microseconds(3333),
                       std::chrono::microseconds(8000), std::chrono::microseconds(20000)};

}  // namespace

TEST_CASE("command filter: no adversary leaves the limits, at ticks or between them") {
  std::uint64_t steps = 0, interventions = 0, stream = 0;
  long double worst = -1, mismatch = 0;
  for (const Adversary& adversary : adversaries()) {
    for (const Time dt : kTicks) {
      CAPTURE(adversary.name);
      CAPTURE(dt.count());
      ++stream;
      Duel duel(1 + stream % 14, dt, stream);
      duel.run(adversary, 1000, Ticks::constant);
      require_kept(duel.checker());
      CHECK(duel.filter().split_ticks() == 0);
      steps += duel.joint_steps();
      interventions += duel.filter().interventions();
      worst = std::max(worst, duel.checker().excess().worst());
      mismatch = std::max(mismatch, duel.checker().excess().mismatch);
    }
  }
  CHECK(steps >= 1000000);
  std::printf("constant ticks: %llu joint steps, %.2f %% overruled by the safe set, worst excess %.1Le, mismatch %.1Le\n",
              static_cast<unsigned long long>(steps), 100.0 * static_cast<double>(interventions) / static_cast<double>(steps), worst,
              mismatch);
}

TEST_CASE("command filter: ticks that vary keep the limits too, and rarely change the jerk within a tick") {
  for (const Ticks kind : {Ticks::jitter, Ticks::jumps}) {
    std::uint64_t steps = 0, splits = 0, stream = 1000;
    long double worst = -1;
    for (const Adversary& adversary : adversaries()) {
      for (const Time dt : kTicks) {
        CAPTURE(adversary.name);
        CAPTURE(dt.count());
        ++stream;
        Duel duel(1 + stream % 14, dt, stream);
        duel.run(adversary, 400, kind);
        require_kept(duel.checker());
        steps += duel.joint_steps();
        splits += duel.filter().split_ticks();
        worst = std::max(worst, duel.checker().excess().worst());
      }
    }
    CHECK(splits < steps / 50);
    std::printf("%s ticks: %llu joint steps, %.3f %% with a jerk that changes within, worst excess %.1Le\n",
                kind == Ticks::jitter ? "jittering" : "jumping", static_cast<unsigned long long>(steps),
                100.0 * static_cast<double>(splits) / static_cast<double>(steps), worst);
  }
}

TEST_CASE("command filter: from every visited state a stop comes to rest in time and within the limits") {
  double slowest = 0;
  std::uint64_t stops = 0, stream = 5000;
  for (const Adversary& adversary : adversaries()) {
    for (const Time dt : kTicks) {
      CAPTURE(adversary.name);
      CAPTURE(dt.count());
      Duel duel(4, dt, ++stream);
      for (int i = 0; i < 12; ++i) {
        duel.run(adversary, 1 + 17 * i % 40, Ticks::constant);
        slowest = std::max(slowest, duel.stop());
        stops += 4;
      }
      require_kept(duel.checker());
    }
  }
  std::printf("%llu stops, the slowest in %.2f of the allowed time\n", static_cast<unsigned long long>(stops), slowest);
  CHECK(slowest <= 1.0);
}
