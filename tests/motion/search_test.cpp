// SPDX-License-Identifier: Apache-2.0
// An adversary that learns: it changes its targets at random and keeps what brings the commands closer to their limits.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdio>
#include <functional>
#include <vector>

#include "limit_checker.hpp"
#include "sinew/motion/command_filter.hpp"
#include "victim.hpp"

using namespace sinew;
using namespace sinew::testing;

namespace {

/// A target that holds for some ticks, as a share of the range.
struct Gene {
  double target = 0;
  int ticks = 1;
};
using Genome = std::vector<Gene>;

/// What one attempt came to.
struct Outcome {
  LimitChecker::Excess excess;
  bool finite = true;
  double corner = 0;  ///< how far the state went into the corners of what is allowed: velocity, acceleration and room together
  std::uint64_t steps = 0;
};

class Search {
 public:
  Search(std::uint64_t stream, Time dt) : random_(stream), limits_(random_limits(1, random_)), filter_(limits_, dt) {
    const double start = random_.uniform(limits_.lower[0], limits_.upper[0]);
    REQUIRE(filter_.reset({&start, 1}) == Status::ok);
  }

  /// From where the filter is, which a copy of it leaves alone.
  Outcome attempt(const Genome& genome) const {
    CommandFilter filter = filter_;
    LimitChecker checker(limits_);
    Outcome outcome;
    double q = 0;
    for (const Gene& gene : genome) {
      const double target = limits_.lower[0] + gene.target * (limits_.upper[0] - limits_.lower[0]);
      for (int k = 0; k < gene.ticks; ++k) {
        const double from[3] = {filter.position()[0], filter.velocity()[0], filter.acceleration()[0]};
        (void)filter.step({&target, 1}, {&q, 1});
        const double to[3] = {q, filter.velocity()[0], filter.acceleration()[0]};
        checker.add(0, from, to, to_seconds(filter.dt()));
        outcome.corner = std::max(outcome.corner, corner(to));
        ++outcome.steps;
      }
    }
    outcome.excess = checker.excess();
    outcome.finite = checker.finite();
    return outcome;
  }

  /// (1+1) evolution: the best so far, changed, is kept when it is no worse. What is better, `score` says.
  Outcome climb(int attempts, const std::function<double(const Outcome&)>& score) {
    Genome best(24);
    for (Gene& gene : best) gene = random_gene();
    Outcome outcome = attempt(best), worst = outcome;
    for (int i = 0; i < attempts; ++i) {
      Genome next = best;
      change(next);
      const Outcome result = attempt(next);
      take_worst(worst, result);
      if (score(result) < score(outcome)) continue;
      best = std::move(next);
      outcome = result;
    }
    worst.corner = outcome.corner;
    // The next climb begins in the middle of what this one found.
    double q = 0;
    for (std::size_t i = 0; i < best.size() / 2; ++i) {
      const double target = limits_.lower[0] + best[i].target * (limits_.upper[0] - limits_.lower[0]);
      for (int k = 0; k < best[i].ticks; ++k) (void)filter_.step({&target, 1}, {&q, 1});
    }
    return worst;
  }

 private:
  [[nodiscard]] double corner(const double (&x)[3]) const {
    const double v = std::fabs(x[1]) / limits_.velocity[0], a = std::fabs(x[2]) / limits_.acceleration[0];
    const double room = (x[1] > 0 ? limits_.upper[0] - x[0] : x[0] - limits_.lower[0]) / (limits_.upper[0] - limits_.lower[0]);
    return v + a - room;
  }

  static void take_worst(Outcome& worst, const Outcome& other) {
    auto& a = worst.excess;
    const auto& b = other.excess;
    a.position = std::max(a.position, b.position);
    a.velocity = std::max(a.velocity, b.velocity);
    a.acceleration = std::max(a.acceleration, b.acceleration);
    a.jerk = std::max(a.jerk, b.jerk);
    a.mismatch = std::max(a.mismatch, b.mismatch);
    worst.finite = worst.finite && other.finite;
    worst.steps += other.steps;
  }

  [[nodiscard]] Gene random_gene() {
    const double extreme[] = {-0.5, 0.0, 1.0, 1.5};
    return {random_.below(2) != 0 ? extreme[random_.below(4)] : random_.uniform(-0.1, 1.1), static_cast<int>(1 + random_.below(30))};
  }

  void change(Genome& genome) {
    for (std::uint64_t i = 0, count = 1 + random_.below(3); i < count; ++i) {
      Gene& gene = genome[random_.below(genome.size())];
      switch (random_.below(4)) {
        case 0: gene = random_gene(); break;
        case 1: gene.target += std::pow(10.0, -9 * random_.uniform()) * random_.uniform(-1, 1); break;
        case 2: gene.ticks = std::max(1, gene.ticks + (random_.below(2) != 0 ? 1 : -1)); break;
        default: std::swap(gene, genome[random_.below(genome.size())]);
      }
    }
  }

  Random random_;
  JointLimits limits_;
  CommandFilter filter_;
};

}  // namespace

TEST_CASE("command filter: a search for the closest approach to the limits finds no way out") {
  using Score = std::function<double(const Outcome&)>;
  const Score scores[] = {[](const Outcome& x) { return static_cast<double>(x.excess.position); },
                          [](const Outcome& x) { return static_cast<double>(x.excess.velocity); },
                          [](const Outcome& x) { return static_cast<double>(std::max(x.excess.acceleration, x.excess.jerk)); },
                          [](const Outcome& x) { return static_cast<double>(x.excess.mismatch); },
                          [](const Outcome& x) { return x.corner; }};
  const int milliseconds[] = {1, 2, 5, 20};
  std::uint64_t steps = 0;
  long double closest = -1, mismatch = 0;
  double corner = 0;
  for (std::uint64_t stream = 0; stream < 40; ++stream) {
    CAPTURE(stream);
    Search search(9000 + stream, std::chrono::milliseconds(milliseconds[stream % 4]));
    for (const Score& score : scores) {
      const Outcome outcome = search.climb(60, score);
      CHECK(outcome.finite);
      CHECK(outcome.excess.worst() <= 1e-12L);
      CHECK(outcome.excess.mismatch <= 1e-12L);
      steps += outcome.steps;
      closest = std::max(closest, outcome.excess.worst());
      mismatch = std::max(mismatch, outcome.excess.mismatch);
      corner = std::max(corner, outcome.corner);
    }
  }
  std::printf("search: %llu joint steps, closest excess %.4Le, mismatch %.1Le, deepest corner %.3f of 2\n",
              static_cast<unsigned long long>(steps), closest, mismatch, corner);
  CHECK(corner > 1.5);
}
