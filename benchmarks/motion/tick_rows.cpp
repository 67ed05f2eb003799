// SPDX-License-Identifier: Apache-2.0
// A control tick: the target of the timeline, then the command of the filter, each tick timed by itself.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "motion/control.hpp"
#include "motion/generator.hpp"
#include "motion/panda.hpp"
#include "motion/suite.hpp"
#include "motion/tick_times.hpp"

namespace sinew::bench {

namespace {

constexpr std::size_t kDof = Control::kDof;

/// Ruckig on the same motion, aimed anew at every step of a chunk; keeps what it had to solve.
double follow_with(Generator& generator, const SmoothMotion& motion, int rate) {
  std::vector<double> q(kDof), target(kDof), target_velocity(kDof);
  for (std::size_t i = 0; i < kDof; ++i) q[i] = motion.position(i, 0);
  generator.start(q);
  const int ticks = 1000 / rate;
  std::uint64_t spent = 0;
  constexpr int kTicks = 20000;
  for (int k = 0; k < kTicks; ++k) {
    const bool aims = k % ticks == 0;
    for (std::size_t i = 0; aims && i < kDof; ++i) {
      target[i] = motion.position(i, 1e-3 * (k + ticks));
      target_velocity[i] = motion.velocity(i, 1e-3 * (k + ticks));
    }
    const std::uint64_t start = stamp();
    const bool good = aims ? generator.step(target, target_velocity) : generator.step({}, {});
    spent += stamp() - start;
    keep(good);
    if (aims && generator.problems() < 500) generator.keep_problem();
  }
  return static_cast<double>(spent) / kTicks;
}

constexpr const char* kLoop = "loop that waits as long";

struct Measured {
  TickTimes ours, empty, recalculation;
  TickTimes ours_cpu, empty_cpu;
};

template <class Clock, class Work>
void time_into(TickTimes& times, const Clock& clock, const Work& work) {
  const auto start = clock();
  work();
  times.add(clock() - start);
}

/// In units of `stamp`, after a warm-up.
std::uint64_t median_tick(Control& control) {
  constexpr std::size_t kTicks = 5000;
  std::vector<std::uint64_t> samples;
  for (std::size_t k = 0; k < 2 * kTicks; ++k) {
    control.prepare();
    const std::uint64_t start = stamp();
    control.tick();
    const std::uint64_t duration = stamp() - start;
    control.check();
    if (k >= kTicks) samples.push_back(duration);
  }
  std::nth_element(samples.begin(), samples.begin() + kTicks / 2, samples.end());
  return samples[kTicks / 2];
}

/// Each tick the least of several runs of the same ticks: an interrupt hits one of them, what the tick has to do comes in all.
TickTimes repeated(int rate, bool& good) {
  constexpr std::size_t kTicks = 100000;
  constexpr int kRuns = 5;
  std::vector<std::uint64_t> least(kTicks, std::numeric_limits<std::uint64_t>::max());
  for (int run = 0; run < kRuns; ++run) {
    Control control(rate);
    for (std::uint64_t& shortest : least) {
      control.prepare();
      const std::uint64_t start = stamp();
      control.tick();
      shortest = std::min(shortest, stamp() - start);
      control.check();
    }
    good = control.good() && good;
  }
  TickTimes times(kTicks, stamp_seconds());
  for (const std::uint64_t duration : least) times.add(duration);
  times.finish();
  return times;
}

/// Ours, a loop that waits as long and the recalculation in turn, block by block.
Measured measure(Control& control, Generator* generator, double min_time) {
  const double unit = stamp_seconds();
  const int blocks = std::max(300, static_cast<int>(min_time * 800));
  constexpr int kBlock = 1000, kSolved = 50;
  const auto capacity = static_cast<std::size_t>(blocks * kBlock);
  Measured all{{capacity, unit}, {capacity, unit}, {capacity, unit}, {capacity, 1e-9}, {capacity, 1e-9}};
  // As long as a tick, or else the loop would meet fewer interrupts than the ticks do.
  const std::uint64_t length = median_tick(control);
  const auto wait = [length] {
    const std::uint64_t start = stamp();
    while (stamp() - start < length) {
    }
  };
  std::size_t problem = 0;
  for (int block = 0; block < blocks; ++block) {
    const bool by_cpu = block % 4 == 3;
    for (int k = 0; k < kBlock; ++k) {
      control.prepare();
      if (by_cpu)
        time_into(all.ours_cpu, thread_nanoseconds, [&] { control.tick(); });
      else
        time_into(all.ours, stamp, [&] { control.tick(); });
      control.check();
    }
    for (int k = 0; k < kBlock; ++k) {
      if (by_cpu)
        time_into(all.empty_cpu, thread_nanoseconds, wait);
      else
        time_into(all.empty, stamp, wait);
    }
    for (int k = 0; generator != nullptr && k < kSolved; ++k) {
      time_into(all.recalculation, stamp, [&] { keep(generator->solve(problem)); });
      problem = (problem + 1) % generator->problems();
    }
  }
  for (TickTimes* times : {&all.ours, &all.empty, &all.ours_cpu, &all.empty_cpu}) times->finish();
  if (generator != nullptr) all.recalculation.finish();
  return all;
}

/// One property of the distribution of a tick.
Row tick_row(const std::string& id, const std::string& what, const TickTimes& times, double share) {
  return {.id = id,
          .what = what,
          .unit = "us",
          .ours = 1e6 * times.at(share),
          .ours_p99 = 1e6 * times.at(0.99),
          .ours_worst = 1e6 * times.at(1),
          .n = static_cast<int>(times.count())};
}

void add_rows(Report& report, int rate) {
  const std::string variant = fmt::format("/{}hz", rate);
  Control control(rate);
  std::string why;
  const auto generator = open_ruckig(panda_limits(), Control::kTick, why);
  const double their_tick = generator ? follow_with(*generator, control.motion(), rate) * stamp_seconds() : 0;
  const Measured all = measure(control, generator.get(), report.options().min_time);
  const std::string chunks = fmt::format("7 joints, chunks of 16 steps at {} Hz", rate);

  Row mean = tick_row("T2/mean" + variant, "tick of timeline and filter at 1 kHz, mean: " + chunks, all.ours, 0.5);
  mean.ours = 1e6 * all.ours.mean();
  mean.bound = "≤ 1 us, ≥ 3×";
  mean.pass = mean.ours <= 1;
  mean.baseline = kAbsent;
  mean.note = all.ours.words() + "; loop of the same length: " + all.empty.words();
  if (generator) {
    mean.baseline = generator->name() + ", one recalculation";
    mean.theirs = 1e6 * all.recalculation.mean();
    mean.ratio = *mean.theirs / mean.ours;
    mean.pass = *mean.pass && *mean.ratio >= 3;
    mean.note += fmt::format("; recalculation: {}; its mean tick, recalculated {} times a second, {:.3g} us", all.recalculation.words(),
                             rate, 1e6 * their_tick);
  } else {
    mean.note += "; " + why;
  }

  Row tail = tick_row("T2/p99.9" + variant, "the same, 99.9th percentile", all.ours, 0.999);
  tail.baseline = kLoop;
  tail.theirs = 1e6 * all.empty.at(0.999);
  tail.bound = "≤ 2 us";
  tail.pass = tail.ours <= 2;

  bool good = control.good();
  const TickTimes bare = repeated(rate, good);
  Row work =
      tick_row("T2/work_p99.9" + variant, "the same without interrupts: each tick the least of five runs of the same ticks", bare, 0.999);
  work.bound = "≤ 2 us";
  work.pass = work.ours <= 2;
  work.note = bare.words();

  Row far = tick_row("T2/p99.99" + variant, "the same, 99.99th percentile", all.ours, 0.9999);
  far.baseline = kLoop;
  far.theirs = 1e6 * all.empty.at(0.9999);
  far.bound = "≤ the loop + 2 us";
  far.pass = far.ours <= *far.theirs + 2;

  Row spread =
      tick_row("T2/spread" + variant, "the same in processor time of the thread: 99.9th percentile over median", all.ours_cpu, 0.5);
  spread.unit = "";
  spread.ours = all.ours_cpu.at(0.999) / all.ours_cpu.at(0.5);
  spread.ours_p99 = all.ours_cpu.at(0.99) / all.ours_cpu.at(0.5);
  spread.ours_worst = all.ours_cpu.at(1) / all.ours_cpu.at(0.5);
  spread.baseline = kLoop;
  spread.theirs = all.empty_cpu.at(0.999) / all.empty_cpu.at(0.5);
  spread.bound = "≤ 2";
  spread.pass = spread.ours <= 2;
  spread.note = "with the reading of the clock: " + all.ours_cpu.words() + "; loop of the same length: " + all.empty_cpu.words();

  for (Row* row : {&mean, &tail, &work, &far, &spread}) {
    row->checked = good;
    if (report.wants(row->id)) report.add(*row);
  }
}

}  // namespace

void tick_rows(Report& report) {
  for (const int rate : {10, 20, 50})
    for (const char* name : {"mean", "p99.9", "work_p99.9", "p99.99", "spread"})
      if (report.wants(fmt::format("T2/{}/{}hz", name, rate))) {
        add_rows(report, rate);
        break;
      }
}

}  // namespace sinew::bench
