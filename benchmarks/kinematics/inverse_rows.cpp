// SPDX-License-Identifier: Apache-2.0
// I1, I2, I3: inverse kinematics of random and near targets; and the C++ side of P1. Whatever is claimed is verified with another
// library's forward kinematics and the exact limits.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kinematics/inverse_problem.hpp"
#include "sinew/kinematics/forward.hpp"

namespace sinew::bench {

namespace {

constexpr std::size_t kBatchTargets = 100'000;
constexpr int kRepeats = 5;  // of the batch

Row success_row(std::string id, std::string what, const Tally& ours, const Tally& theirs, const Rivals& rivals, double least) {
  Row row{.id = std::move(id), .what = std::move(what), .unit = "%", .ours = ours.percent(), .baseline = rivals.name()};
  row.bound = fmt::format("≥ {:g} %", least);
  row.pass = row.ours >= least && ours.claimed == ours.solved;
  row.ours_p99 = row.ours_worst = row.ours;
  row.checked = ours.claimed == ours.solved;
  row.n = static_cast<int>(ours.seconds.size());
  row.note = fmt::format("verified by {}; {} claims were wrong", rivals.judge->name(), ours.claimed - ours.solved);
  if (rivals.kdl == nullptr) {
    row.note += "; " + rivals.why;
  } else {
    row.theirs = theirs.percent();
    row.note += fmt::format("; {} targets for KDL, which claims {:.1f} % and knows no limits", theirs.seconds.size(),
                            100.0 * static_cast<double>(theirs.claimed) / static_cast<double>(theirs.seconds.size()));
  }
  return row;
}

Row time_row(std::string id, std::string what, const Tally& ours, const Tally& theirs, const Rivals& rivals) {
  const Spread mine = spread(ours.seconds);
  Row row{.id = std::move(id),
          .what = std::move(what),
          .unit = "us",
          .ours = mine.mean * kMicroseconds,
          .ours_p99 = mine.p99 * kMicroseconds,
          .ours_worst = mine.worst * kMicroseconds,
          .baseline = rivals.name()};
  row.checked = ours.claimed == ours.solved;
  row.n = static_cast<int>(ours.seconds.size());
  row.note = fmt::format("mean, p99 and worst over the targets, solved or not, each the median of {} runs", kPasses);
  if (rivals.kdl == nullptr) {
    row.note += "; " + rivals.why;
  } else {
    const Spread other = spread(theirs.seconds);
    row.theirs = other.mean * kMicroseconds;
    row.ratio = *row.theirs / row.ours;
    row.note += fmt::format("; KDL p99 {:.0f}, worst {:.0f} us; TRAC-IK absent (not packaged)", other.p99 * kMicroseconds,
                            other.worst * kMicroseconds);
  }
  return row;
}

void random_rows(Report& report, Case& arm, const Rivals& rivals) {
  const std::string& name = arm.arm().name;
  if (!report.wants("I1/success/" + name) && !report.wants("I1/time/" + name)) return;
  const Problem problem(arm, *rivals.judge, kTargets, 11);
  const std::vector<double> seeds = random_configurations(arm.chain(), kTargets, 12);
  const Tally ours = run_ours(arm, problem, seeds);
  const Tally theirs = run_theirs(rivals, problem, seeds);
  const bool pose = problem.task() == InverseTask::pose;
  const std::string what = fmt::format("random {}, random seed, 1e-6, {} joints", pose ? "pose" : "position and axis", arm.dof());
  report.add(success_row("I1/success/" + name, what, ours, theirs, rivals, 99.9));
  Row row = time_row("I1/time/" + name, what, ours, theirs, rivals);
  if (name == "panda") {
    row.bound = "mean ≤ 5 us, p99 ≤ 20 us";
    row.pass = row.ours <= 5 && row.ours_p99 <= 20;
  }
  report.add(std::move(row));
}

void near_rows(Report& report, Case& arm, const Rivals& rivals) {
  const std::string& name = arm.arm().name;
  if (!report.wants("I2/success/" + name) && !report.wants("I2/time/" + name) && !report.wants("I2/distance/" + name)) return;
  const Problem problem(arm, *rivals.judge, kTargets, 21);
  Random random(22);
  std::vector<double> seeds;
  for (std::size_t i = 0; i < kTargets; ++i)
    for (std::size_t j = 0; j < arm.dof(); ++j) {
      const auto joint = static_cast<Eigen::Index>(j);
      seeds.push_back(std::clamp(problem.truth(i)[j] + random.uniform(-0.1, 0.1), arm.chain().lower()[joint], arm.chain().upper()[joint]));
    }
  const Tally ours = run_ours(arm, problem, seeds);
  const Tally theirs = run_theirs(rivals, problem, seeds);
  const std::string what = "random target, seed within 0.1 rad of a solution, 1e-6";
  report.add(success_row("I2/success/" + name, what, ours, theirs, rivals, 100));
  Row time = time_row("I2/time/" + name, what, ours, theirs, rivals);
  time.bound = "≤ 2 us";
  time.pass = time.ours <= 2;
  report.add(std::move(time));

  double mine = 0;
  double other = 0;
  int both = 0;
  for (std::size_t i = 0; i < theirs.distance.size(); ++i) {
    if (std::isnan(ours.distance[i]) || std::isnan(theirs.distance[i])) continue;
    mine += ours.distance[i];
    other += theirs.distance[i];
    ++both;
  }
  Row row{.id = "I2/distance/" + name,
          .what = "mean distance of the solution from the seed, targets that both solve",
          .unit = "rad",
          .ours = both > 0 ? mine / both : 0,
          .baseline = rivals.name(),
          .bound = "≤ baseline's"};
  row.ours_p99 = row.ours_worst = row.ours;
  row.checked = ours.claimed == ours.solved;
  row.n = both;
  if (both > 0) {
    row.theirs = other / both;
    // Both converge to within the tolerance only; a hundred times that is no difference.
    row.pass = row.ours <= *row.theirs + 100 * kTolerance;
    row.ratio = *row.theirs / row.ours;
  } else {
    row.note = rivals.why;
  }
  report.add(std::move(row));
}

void batch_rows(Report& report, Case& arm, const Rivals& rivals) {
  const std::string id = "I3/" + arm.arm().name;
  if (!report.wants(id)) return;
  const Problem problem(arm, *rivals.judge, kBatchTargets, 31);
  const std::vector<double> seeds = random_configurations(arm.chain(), kBatchTargets, 32);
  std::vector<double> q(kBatchTargets * arm.dof());
  std::vector<InverseStatus> status(kBatchTargets);
  ChainScratch<> scratch;
  std::vector<double> seconds;
  for (int i = 0; i < kRepeats; ++i)
    seconds.push_back(time_once([&] {
      inverse_batch(arm.chain(), std::span<const double>(problem.targets()), std::span<const double>(seeds), std::span<double>(q), status,
                    scratch, problem.options());
    }));
  std::sort(seconds.begin(), seconds.end());
  const Tally theirs = run_theirs(rivals, problem, seeds);
  std::size_t claimed = 0;
  std::size_t solved = 0;
  for (std::size_t i = 0; i < kBatchTargets; ++i) {
    if (status[i] != InverseStatus::converged) continue;
    ++claimed;
    solved += problem.solves(problem.target(i), q.data() + i * arm.dof()) ? 1 : 0;
  }
  const double scale = kMicroseconds / kBatchTargets;
  Row row{.id = id,
          .what = fmt::format("per target of a batch of {} random ones, random seeds, 1e-6", kBatchTargets),
          .unit = "us",
          .ours = seconds[kRepeats / 2] * scale,
          .ours_p99 = seconds.back() * scale,
          .ours_worst = seconds.back() * scale,
          .baseline = rivals.name(),
          .bound = "≤ 2 us"};
  row.pass = row.ours <= 2 && claimed == solved;
  row.checked = claimed == solved;
  row.n = kRepeats;
  row.note = fmt::format("{:.3f} % solved, {} claims were wrong", 100.0 * static_cast<double>(solved) / kBatchTargets, claimed - solved);
  if (rivals.kdl != nullptr) {
    row.theirs = spread(theirs.seconds).mean * kMicroseconds;
    row.ratio = *row.theirs / row.ours;
  } else {
    row.note += "; " + rivals.why;
  }
  report.add(std::move(row));
}

/// What the Python row P1 is compared with.
void million_row(Report& report) {
  if (!report.wants("P1/cpp")) return;
  std::string why;
  auto arm = Case::open(single_arms().front(), why);
  if (!arm) return missing_row(report, "P1/cpp", why);
  constexpr std::size_t kMillion = 1'000'000;
  const std::vector<double> q = random_configurations(arm->chain(), kMillion, 81);
  std::vector<double> poses(16 * kMillion);
  const auto [mine, none] = time_pair(
      [&](int times) {
        for (int i = 0; i < times; ++i) forward_batch(arm->chain(), std::span<const double>(q), std::span<double>(poses));
      },
      nullptr, report.options().min_time);
  Row row{.id = "P1/cpp",
          .what = "forward_batch of 1e6 configurations, panda, from C++",
          .unit = "ms",
          .ours = mine.median * 1e3,
          .ours_p99 = mine.p99 * 1e3,
          .ours_worst = mine.worst * 1e3,
          .n = mine.repetitions};
  const Rivals others(*arm);
  double worst = 0;
  Pose pose;
  for (std::size_t i = 0; others.judge != nullptr && i < kMillion; i += 997) {
    others.judge->forward(q.data() + i * arm->dof(), pose.data());
    worst = std::max(worst, difference(pose.data(), poses.data() + 16 * i, 16));
  }
  row.checked = others.judge != nullptr && worst <= 1e-12 * std::max(1.0, arm->reach());
  report.add(std::move(row));
}

}  // namespace

void inverse_rows(Report& report) {
  const auto single = single_arms();
  for (const Arm& description : all_arms()) {
    const bool measured_fully = std::any_of(single.begin(), single.end(), [&](const Arm& arm) { return arm.name == description.name; });
    std::string why;
    auto arm = Case::open(description, why);
    if (!arm) {
      missing_row(report, "I1/success/" + description.name, why);
      continue;
    }
    const Rivals others(*arm);
    if (others.judge == nullptr) {
      missing_row(report, "I1/success/" + description.name, "nobody there to verify: " + others.why);
      continue;
    }
    random_rows(report, *arm, others);
    if (!measured_fully) continue;
    near_rows(report, *arm, others);
    batch_rows(report, *arm, others);
    unreachable_rows(report, *arm, others);
  }
  million_row(report);
}

}  // namespace sinew::bench
