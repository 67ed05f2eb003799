// SPDX-License-Identifier: Apache-2.0
// The same targets to our filter and to Ruckig: what leaves the limits, and how long a step takes to settle.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <random>

#include "motion/follower.hpp"
#include "motion/panda.hpp"
#include "motion/suite.hpp"

namespace sinew::bench {

namespace {

constexpr std::size_t kDof = 7;
constexpr Time kTick = std::chrono::milliseconds(1);
constexpr int kTicks = 200000;
using Vector = std::vector<double>;

JointLimits halved(JointLimits limits) {
  for (auto* values : {&limits.velocity, &limits.acceleration})
    for (double& x : *values) x *= 0.5;
  return limits;
}

/// Says, tick by tick, whether a new target comes, and which.
using Script = std::function<bool(int tick, Vector& target, Vector& target_velocity)>;

/// 20 Hz, 50 ms ahead of a motion close to the limits; a tenth of the updates is missing, for 0.3 s each time.
Script late_targets() {
  return [motion = SmoothMotion(panda_limits(), 0.98, 0.9), random = std::mt19937_64(1), missing = 0](int tick, Vector& target,
                                                                                                      Vector& target_velocity) mutable {
    if (tick % 50 != 0) return false;
    if (missing == 0 && random() % 54 == 0) missing = 6;
    if (missing > 0) return --missing, false;
    for (std::size_t i = 0; i < kDof; ++i) {
      const double from = motion.position(i, 1e-3 * tick), to = motion.position(i, 1e-3 * tick + 0.05);
      target[i] = to;
      target_velocity[i] = (to - from) / 0.05;
    }
    return true;
  };
}

/// Anywhere inside the limits at any velocity inside the limits, every 0.1 to 0.6 s.
Script wild_targets() {
  return [limits = panda_limits(), random = std::mt19937_64(2), next = 0](int tick, Vector& target, Vector& target_velocity) mutable {
    if (tick < next) return false;
    std::uniform_real_distribution<double> share(0, 1);
    next = tick + 100 + static_cast<int>(500 * share(random));
    for (std::size_t i = 0; i < kDof; ++i) {
      target[i] = limits.lower[i] + (limits.upper[i] - limits.lower[i]) * share(random);
      target_velocity[i] = limits.velocity[i] * (2 * share(random) - 1);
    }
    return true;
  };
}

/// The same targets, without velocities.
Script resting_targets() {
  return [wild = wild_targets()](int tick, Vector& target, Vector& target_velocity) {
    const bool comes = wild(tick, target, target_velocity);
    std::fill(target_velocity.begin(), target_velocity.end(), 0.0);
    return comes;
  };
}

/// What a run did to the limits.
struct Tally {
  double overshoot = 0;  ///< rad beyond a position limit, worst
  long outside = 0;      ///< samples beyond one by more than 1e-9 rad
  double speed = 0;      ///< largest velocity over the limit that was asked for last
  long fast = 0;         ///< samples above it by more than 1e-9 of it
  long errors = 0;       ///< ticks
  double travelled = 0;  ///< rad
  long samples = 0;

  [[nodiscard]] std::string words() const {
    return fmt::format("{} of {} samples outside, up to {:.3g} rad; {} above the velocity limit, up to {:.4g} of it; {} errors", outside,
                       samples, overshoot, fast, speed, errors);
  }
};

Tally run(Follower& follower, Script script, bool shrinks) {
  const JointLimits limits[2] = {panda_limits(), halved(panda_limits())};
  Tally tally;
  Vector target(kDof), target_velocity(kDof), last(kDof);
  for (std::size_t i = 0; i < kDof; ++i) last[i] = 0.5 * (limits[0].lower[i] + limits[0].upper[i]);
  tally.errors += follower.start(last) ? 0 : 1;
  for (int k = 0; k < kTicks; ++k) {
    const bool second = shrinks && k / 1000 % 2 == 1;
    if (k % 1000 == 0) follower.use_second_limits(second);
    const bool aims = script(k, target, target_velocity);
    tally.errors += (aims ? follower.step(target, target_velocity) : follower.step({}, {})) ? 0 : 1;
    for (std::size_t i = 0; i < kDof; ++i) {
      const double q = follower.position()[i];
      const double beyond = std::max(q - limits[0].upper[i], limits[0].lower[i] - q);
      const double speed = std::abs(follower.velocity()[i]) / limits[second].velocity[i];
      tally.overshoot = std::max(tally.overshoot, beyond);
      tally.speed = std::max(tally.speed, speed);
      tally.outside += beyond > 1e-9 ? 1 : 0;
      tally.fast += speed > 1 + 1e-9 ? 1 : 0;
      tally.travelled += std::abs(q - last[i]);
      last[i] = q;
      ++tally.samples;
    }
  }
  return tally;
}

std::unique_ptr<Follower> ours() { return std::make_unique<FilterFollower>(panda_limits(), halved(panda_limits()), kTick); }

/// Theirs; nothing and the reason when it is absent.
std::unique_ptr<Follower> theirs(std::string& name_or_why) {
  auto generator = open_ruckig(panda_limits(), kTick, name_or_why);
  if (!generator) return nullptr;
  name_or_why = generator->name();
  return std::make_unique<GeneratorFollower>(std::move(generator), panda_limits(), halved(panda_limits()));
}

void scenario_row(Report& report, const std::string& id, const std::string& what, const Script& script) {
  if (!report.wants(id)) return;
  const bool shrinks = id == "T2/shrinking_limits";
  const Tally mine = run(*ours(), script, shrinks);
  std::string name;
  const auto other = theirs(name);
  const double value = shrinks ? mine.speed : mine.overshoot;
  Row row{.id = id,
          .what = what,
          .unit = shrinks ? "of the limit" : "rad",
          .ours = value,
          .ours_p99 = value,
          .ours_worst = value,
          .baseline = other ? name : kAbsent,
          .bound = shrinks ? "" : "≤ 0 rad",
          .checked = mine.errors == 0 && mine.travelled > 100,
          .n = static_cast<int>(mine.samples),
          .note = "ours: " + mine.words()};
  if (!shrinks) row.pass = mine.outside == 0 && mine.overshoot <= 0 && mine.fast == 0;
  if (other) {
    const Tally its = run(*other, script, shrinks);
    row.theirs = shrinks ? its.speed : its.overshoot;
    row.note += "; theirs: " + its.words();
  } else {
    row.note += "; " + name;
  }
  report.add(std::move(row));
}

/// Ticks until each joint stays within 1e-3 of its step of the target.
std::vector<int> settle(Follower& follower, const Vector& from, const Vector& to) {
  std::vector<int> ticks(kDof, 0);
  (void)follower.start(from);
  const Vector still(kDof, 0.0);
  for (int k = 0; k < 6000; ++k) {
    if (!(k == 0 ? follower.step(to, still) : follower.step({}, {}))) break;
    for (std::size_t i = 0; i < kDof; ++i)
      if (std::abs(follower.position()[i] - to[i]) > 1e-3 * std::abs(to[i] - from[i])) ticks[i] = k + 2;
  }
  return ticks;
}

/// Ratios of settling times, ours over theirs, of steps from `least` rad up.
struct Ratios {
  double least = 0;
  double sum = 0, worst = 0;
  int count = 0;
  void add(double step, double ratio) {
    if (step < least) return;
    sum += ratio;
    worst = std::max(worst, ratio);
    ++count;
  }
  [[nodiscard]] double mean() const { return sum / count; }
};

void settle_row(Report& report) {
  if (!report.wants("T2/settle")) return;
  Row row{
      .id = "T2/settle",
      .what = "time until a step from rest stays within 1e-3 of its size, over the time-optimal one's; steps of 0.1 rad and more: worst",
      .unit = "",
      .bound = "≤ 1.1",
      .checked = true};
  std::string name;
  const auto other = theirs(name);
  row.baseline = other ? name : kAbsent;
  if (!other) {
    row.note = name;
    return report.add(row);
  }
  const auto mine = ours();
  const JointLimits limits = panda_limits();
  std::mt19937_64 random(4);
  std::uniform_real_distribution<double> share(0, 1);
  Ratios ratios[] = {{.least = 0}, {.least = 0.1}, {.least = 0.5}};
  for (int round = 0; round < 150; ++round) {
    Vector from(kDof), to(kDof);
    for (std::size_t i = 0; i < kDof; ++i) {
      const double range = limits.upper[i] - limits.lower[i];
      const double size = 0.01 * std::pow(0.98 * range / 0.01, share(random));
      const double low = limits.lower[i] + 0.01 * range + (0.98 * range - size) * share(random);
      const bool up = random() % 2 != 0;
      from[i] = up ? low : low + size;
      to[i] = up ? low + size : low;
    }
    const auto our_ticks = settle(*mine, from, to), their_ticks = settle(*other, from, to);
    for (std::size_t i = 0; i < kDof; ++i)
      for (Ratios& all : ratios) all.add(std::abs(to[i] - from[i]), static_cast<double>(our_ticks[i]) / their_ticks[i]);
  }
  row.ours = row.ours_p99 = row.ours_worst = ratios[1].worst;
  row.theirs = 1;
  row.n = ratios[1].count;
  row.pass = row.ours <= 1.1;
  row.note = fmt::format(
      "from 0.1 rad: mean {:.4g}, worst {:.4g}; from 0.5 rad: mean {:.4g}, worst {:.4g}; from 0.01 rad: mean {:.4g}, worst {:.4g}",
      ratios[1].mean(), ratios[1].worst, ratios[2].mean(), ratios[2].worst, ratios[0].mean(), ratios[0].worst);
  report.add(row);
}

}  // namespace

void comparison_rows(Report& report) {
  scenario_row(report, "T2/late_targets", "beyond the position limits: 20 Hz targets with velocities, a tenth missing for 0.3 s",
               late_targets());
  scenario_row(report, "T2/wild_targets", "beyond the position limits: random targets with random velocities", wild_targets());
  scenario_row(report, "T2/shrinking_limits",
               "velocity over the limit asked for last, worst: velocity and acceleration limits halved every other second",
               resting_targets());
  settle_row(report);
}

}  // namespace sinew::bench
