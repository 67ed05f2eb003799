// SPDX-License-Identifier: Apache-2.0
#include "kinematics/suite.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "sinew/core/error.hpp"

namespace sinew::bench {

std::optional<Case> Case::open(const Arm& arm, std::string& why) {
  auto text = read_description(arm);
  if (!text) {
    why = fmt::format("{} is not there (PyPI: example-robot-data)", arm.file);
    return std::nullopt;
  }
  try {
    Case result;
    result.arm_ = arm;
    result.text_ = std::move(*text);
    result.tips_ = arm.tip.empty() ? childless_links(result.text_) : std::vector{arm.tip};
    result.chain_ = std::make_unique<Chain<>>(result.open_chain());
    result.robot_ = baseline_robot(result.text_, arm, result.chain_->joint_names());
    result.reach_ = reach_of(result.robot_);
    return result;
  } catch (const Error& error) {
    why = error.what();
    return std::nullopt;
  }
}

void missing_row(Report& report, const std::string& id, const std::string& why) {
  if (report.wants(id)) report.add({.id = id, .what = "not measured", .baseline = kAbsent, .note = why});
}

Chain<> Case::open_chain() const { return Chain<>::from_urdf(text_, arm_.base, tips_); }

Baseline* Case::baseline(const std::string& name) {
  if (const auto found = baselines_.find(name); found != baselines_.end()) return found->second.get();
  return (baselines_[name] = open_baseline(name, robot_, reasons_[name])).get();
}

Contender fastest(Case& arm, const std::vector<std::string>& modules, Task task, const std::vector<double>& pool) {
  Contender best;
  double best_seconds = 0;
  std::string others;
  for (const std::string& module : modules) {
    Baseline* baseline = arm.baseline(module);
    if (baseline == nullptr) {
      if (others.find(arm.why(module)) == std::string::npos) others += (others.empty() ? "" : "; ") + arm.why(module);
      continue;
    }
    baseline->set_pool(pool.data(), pool.size() / arm.dof());
    const auto ways = baseline->ways();
    for (std::size_t way = 0; way < ways.size(); ++way) {
      if (ways[way].task != task) continue;
      const double seconds = time_pair([&](int times) { baseline->run(way, times); }, nullptr, 0.02).first.median;
      if (best && seconds >= best_seconds) continue;
      best = {baseline, way, baseline->name(), ways[way].name};
      best_seconds = seconds;
    }
  }
  if (!best) best.note = others;
  return best;
}

double difference(const double* a, const double* b, std::size_t count) {
  double largest = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double distance = std::abs(a[i] - b[i]);
    if (!(distance <= largest)) largest = distance;  // keeps NaN
  }
  return largest;
}

Row timed_row(std::string id, std::string what, std::string unit, double scale, const Timing& ours, double ours_work,
              const std::optional<Timing>& theirs, const Contender& contender, std::optional<double> least_ratio) {
  const double factor = scale / ours_work;
  Row row{.id = std::move(id),
          .what = std::move(what),
          .unit = std::move(unit),
          .ours = ours.median * factor,
          .ours_p99 = ours.p99 * factor,
          .ours_worst = ours.worst * factor,
          .baseline = contender ? contender.name : std::string(kAbsent),
          .n = ours.repetitions,
          .note = contender.note};
  if (least_ratio) row.bound = fmt::format("≥ {:g}×", *least_ratio);
  if (theirs) {
    row.theirs = theirs->median * scale;
    row.ratio = *row.theirs / row.ours;
    if (least_ratio) row.pass = *row.ratio >= *least_ratio;
  }
  return row;
}

}  // namespace sinew::bench
