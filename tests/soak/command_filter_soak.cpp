// SPDX-License-Identifier: Apache-2.0
// Long run of the command filter for SOAK_MINUTES (1): random joints, ticks and adversaries, with stops from the states on the way until
// SOAK_STOPS (10 million) joints were stopped. Each duel has a seed of its own, which is printed when something was not kept;
// `command_filter_soak SEED` fights that one alone.
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "duel.hpp"

namespace {

using namespace sinew;
using namespace sinew::testing;

struct Total {
  std::uint64_t duels = 0, steps = 0, stops = 0, interventions = 0, failures = 0;
  double slowest_stop = 0, slowest_varied = 0;
  long double worst = -1, mismatch = 0;

  void print() const {
    std::printf(
        "%llu duels, %llu joint steps, %.2f %% overruled, %llu stops (slowest %.3f of the allowed time, %.3f where ticks varied), worst "
        "excess %.2Le, mismatch "
        "%.1Le, "
        "%llu failures\n",
        static_cast<unsigned long long>(duels), static_cast<unsigned long long>(steps),
        100.0 * static_cast<double>(interventions) / static_cast<double>(steps), static_cast<unsigned long long>(stops), slowest_stop,
        slowest_varied, worst, mismatch, static_cast<unsigned long long>(failures));
    std::fflush(stdout);
  }
};

/// Everything about a duel follows from its seed.
void fight(std::uint64_t seed, const std::vector<Adversary>& zoo, bool stops, Total& total) {
  Random random(seed);
  const Time shortest = CommandFilter::kMinTick, longest = CommandFilter::kMaxTick;
  const double ratio = to_seconds(longest) / to_seconds(shortest);
  const Time usual[] = {std::chrono::microseconds(500), std::chrono::milliseconds(1), std::chrono::milliseconds(2),
                        std::chrono::milliseconds(10), std::chrono::milliseconds(20)};
  const Time dt = random.below(2) != 0 ? usual[random.below(5)] : from_seconds(to_seconds(shortest) * std::pow(ratio, random.uniform()));
  const auto kind = static_cast<Ticks>(random.below(5));
  Duel duel(1 + random.below(32), dt, seed);
  const std::size_t first = random.below(zoo.size()), second = random.below(zoo.size());
  for (int round = 0; round < 8; ++round) {
    duel.run(zoo[random.below(2) != 0 ? first : second], static_cast<long>(20 + random.below(200)), kind);
    if (stops) duel.stop();
  }
  if (const std::string verdict = duel.verdict(); !verdict.empty()) {
    std::printf("seed %llu, %zu joints, tick %lld ns, \"%s\" and \"%s\", kind %d: %s\n", static_cast<unsigned long long>(seed),
                duel.filter().position().size(), static_cast<long long>(dt.count()), zoo[first].name.c_str(), zoo[second].name.c_str(),
                static_cast<int>(kind), verdict.c_str());
    ++total.failures;
  }
  ++total.duels;
  total.steps += duel.joint_steps();
  total.stops += duel.stops();
  total.interventions += duel.filter().interventions();
  double& slowest = kind == Ticks::constant || kind == Ticks::repeats ? total.slowest_stop : total.slowest_varied;
  slowest = std::max(slowest, duel.slowest_stop());
  total.worst = std::max(total.worst, duel.checker().excess().worst());
  total.mismatch = std::max(total.mismatch, duel.checker().excess().mismatch);
}

double number_of(const char* name, double otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtod(text, nullptr) : otherwise;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<Adversary> zoo = adversaries();
  Total total;
  if (argc > 1) {
    fight(std::strtoull(argv[1], nullptr, 10), zoo, true, total);
    total.print();
    return total.failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
  }
  const SteadyClock clock;
  const Time end = clock.now() + from_seconds(60 * number_of("SOAK_MINUTES", 1));
  const auto most_stops = static_cast<std::uint64_t>(number_of("SOAK_STOPS", 1e7));
  Time report = clock.now() + std::chrono::minutes(1);
  for (std::uint64_t seed = 1; clock.now() < end && total.failures < 10; ++seed) {
    fight(seed, zoo, total.stops < most_stops, total);
    if (clock.now() < report) continue;
    total.print();
    report += std::chrono::minutes(1);
  }
  total.print();
  return total.failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
