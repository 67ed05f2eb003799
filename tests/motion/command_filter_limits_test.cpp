// SPDX-License-Identifier: Apache-2.0
// No stream of targets drives the commands out of the limits, and from every visited state a legal stop exists.
#include <doctest/doctest.h>

#include <cstdio>

#include "duel.hpp"

using namespace sinew;
using namespace sinew::testing;
using std::chrono::microseconds;

namespace {

const Time kTicks[] = {microseconds(500),  microseconds(1000),  microseconds(2000),  microseconds(3333),
                       microseconds(8000), microseconds(10000), microseconds(20000), microseconds(50000)};

/// Sums over duels.
struct Total {
  std::uint64_t steps = 0;
  std::uint64_t interventions = 0;
  std::uint64_t splits = 0;
  std::uint64_t stops = 0;
  double slowest_stop = 0;
  long double worst = -1;
  long double mismatch = 0;

  void add(const Duel& duel) {
    CHECK(duel.verdict() == "");
    steps += duel.joint_steps();
    interventions += duel.filter().interventions();
    splits += duel.filter().split_ticks();
    stops += duel.stops();
    slowest_stop = std::max(slowest_stop, duel.slowest_stop());
    worst = std::max(worst, duel.checker().excess().worst());
    mismatch = std::max(mismatch, duel.checker().excess().mismatch);
  }

  [[nodiscard]] double percent(std::uint64_t count) const { return 100.0 * static_cast<double>(count) / static_cast<double>(steps); }
  void print(const char* name) const {
    std::printf(
        "%s ticks: %llu joint steps, %.2f %% overruled by the safe set, %.3f %% with a jerk that changes within, worst excess %.1Le, "
        "mismatch %.1Le\n",
        name, static_cast<unsigned long long>(steps), percent(interventions), percent(splits), worst, mismatch);
  }
};

/// Every adversary at every tick, with 1 to 32 joints. `duel(duel, adversary)` has it out.
template <class Fight>
Total every_pair(std::uint64_t stream, const Fight& fight) {
  Total total;
  for (const Adversary& adversary : adversaries()) {
    for (const Time dt : kTicks) {
      CAPTURE(adversary.name);
      CAPTURE(dt.count());
      ++stream;
      CAPTURE(stream);
      Duel duel(1 + stream % 32, dt, stream);
      fight(duel, adversary);
      total.add(duel);
    }
  }
  return total;
}

}  // namespace

TEST_CASE("command filter: the zoo has its animals") { CHECK(adversaries().size() >= 60); }

TEST_CASE("command filter: no adversary leaves the limits, at ticks or between them") {
  const Total total = every_pair(0, [](Duel& duel, const Adversary& adversary) { duel.run(adversary, 1000, Ticks::constant); });
  CHECK(total.steps >= 7000000);
  CHECK(total.splits == 0);
  total.print("constant");
}

TEST_CASE("command filter: ticks that vary keep the limits too, and rarely change the jerk within a tick") {
  const std::pair<Ticks, const char*> kinds[] = {
      {Ticks::jitter, "jittering"}, {Ticks::jumps, "jumping"}, {Ticks::repeats, "repeated"}, {Ticks::extremes, "shortest and longest"}};
  for (const auto& [kind, name] : kinds) {
    const auto fight = [kind = kind](Duel& duel, const Adversary& adversary) { duel.run(adversary, 300, kind); };
    const Total total = every_pair(1000 * (1 + static_cast<std::uint64_t>(kind)), fight);
    CHECK(total.splits < total.steps / 50);
    total.print(name);
  }
}

TEST_CASE("command filter: from every visited state a stop comes to rest in time and within the limits") {
  const Total total = every_pair(50000, [](Duel& duel, const Adversary& adversary) {
    for (int i = 0; i < 14; ++i) {
      duel.run(adversary, 1 + 17 * i % 40, Ticks::constant);
      duel.stop();
    }
  });
  std::printf("%llu stops, the slowest in %.2f of the allowed time\n", static_cast<unsigned long long>(total.stops), total.slowest_stop);
  CHECK(total.stops >= 100000);
}
