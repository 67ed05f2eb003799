// SPDX-License-Identifier: Apache-2.0
#include "kinematics/inverse_problem.hpp"

#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

namespace sinew::bench {

namespace {

constexpr double kRounding = 1e-11;  // by which two libraries may see the same pose differently
constexpr double kUnsolved = std::numeric_limits<double>::quiet_NaN();

/// Larger of the position error (m) and the angle (rad), of the whole rotation or of the z axis.
double pose_error(const Pose& a, const Pose& b, InverseTask task) {
  const Eigen::Matrix3d turn = a.topLeftCorner<3, 3>().transpose() * b.topLeftCorner<3, 3>();
  const Eigen::Vector3d sine(turn(2, 1) - turn(1, 2), turn(0, 2) - turn(2, 0), turn(1, 0) - turn(0, 1));
  const double angle = task == InverseTask::pose ? std::atan2(sine.norm() / 2, (turn.trace() - 1) / 2)
                                                 : std::atan2(std::hypot(turn(0, 2), turn(1, 2)), turn(2, 2));
  return std::max(angle, (a.topRightCorner<3, 1>() - b.topRightCorner<3, 1>()).norm());
}

/// Has `solve(i, q)` solve `count` targets, claiming success or not, kPasses times one after the other: what pre-empts one call will not
/// pre-empt the same one again, and no call finds its own predecessor in the caches.
template <class Solve>
Tally solve_all(const Problem& problem, const double* seeds, std::size_t count, bool unwind, const Solve& solve) {
  const std::size_t dof = problem.dof();
  std::vector<double> q(dof);
  std::vector<std::array<double, kPasses>> seconds(count);
  Tally tally;
  for (std::size_t pass = 0; pass < kPasses; ++pass)
    for (std::size_t i = 0; i < count; ++i) {
      bool claimed = false;
      seconds[i][pass] = time_once([&] { claimed = solve(i, q.data()); });
      if (pass > 0) continue;
      if (unwind) problem.unwind(q.data());
      const bool solved = claimed && problem.solves(problem.target(i), q.data());
      tally.claimed += claimed ? 1 : 0;
      tally.solved += solved ? 1 : 0;
      const Eigen::Map<const Eigen::VectorXd> seed(seeds + i * dof, static_cast<Eigen::Index>(dof));
      tally.distance.push_back(solved ? (Eigen::Map<const Eigen::VectorXd>(q.data(), seed.size()) - seed).norm() : kUnsolved);
    }
  for (auto& times : seconds) {
    std::sort(times.begin(), times.end());
    tally.seconds.push_back(times[kPasses / 2]);
  }
  return tally;
}

}  // namespace

double clock_overhead() {
  static const double overhead = [] {
    using Clock = std::chrono::steady_clock;
    std::vector<double> samples(1001);
    for (double& sample : samples) {
      const auto start = Clock::now();
      sample = std::chrono::duration<double>(Clock::now() - start).count();
    }
    std::nth_element(samples.begin(), samples.begin() + 500, samples.end());
    return samples[500];
  }();
  return overhead;
}

Spread spread(std::vector<double> seconds) {
  if (seconds.empty()) return {};
  std::sort(seconds.begin(), seconds.end());
  const double sum = std::accumulate(seconds.begin(), seconds.end(), 0.0);
  return {sum / static_cast<double>(seconds.size()), seconds[static_cast<std::size_t>(0.99 * static_cast<double>(seconds.size() - 1))],
          seconds.back()};
}

Rivals::Rivals(Case& arm) : judge(arm.baseline("pinocchio")), kdl(arm.baseline("kdl")), why(arm.why("kdl")) {
  if (judge == nullptr) judge = kdl;
  if (kdl == nullptr) return;
  const auto ways = kdl->ways();
  while (!ways[lma].name.ends_with("LMA")) ++lma;
}

std::string Rivals::name() const { return kdl != nullptr ? kdl->name() + " LMA" : std::string(kAbsent); }

Problem::Problem(Case& arm, Baseline& judge, std::size_t count, std::uint64_t seed)
    : arm_(arm), judge_(judge), dof_(arm.dof()), truth_(random_configurations(arm.chain(), count, seed)), targets_(16 * count) {
  for (std::size_t i = 0; i < count; ++i) judge.forward(truth(i), targets_.data() + 16 * i);
}

InverseOptions<> Problem::options() const {
  InverseOptions<> options;
  options.tolerance = kTolerance;
  options.task = task();
  return options;
}

bool Problem::solves(const double* target, const double* q) const {
  const Eigen::Map<const Eigen::VectorXd> values(q, arm_.chain().dof());
  const bool inside = (values.array() >= arm_.chain().lower().array()).all() && (values.array() <= arm_.chain().upper().array()).all();
  Pose pose;
  judge_.forward(q, pose.data());
  return inside && pose_error(pose, Eigen::Map<const Pose>(target), task()) <= kTolerance + kRounding;
}

void Problem::unwind(double* q) const {
  for (std::size_t i = 0; i < dof_; ++i) {
    const auto joint = static_cast<Eigen::Index>(i);
    const double low = arm_.chain().lower()[joint];
    const double high = arm_.chain().upper()[joint];
    constexpr double kTurn = 2 * std::numbers::pi;
    if (q[i] > high) q[i] -= kTurn * std::ceil((q[i] - high) / kTurn);
    if (q[i] < low) q[i] += kTurn * std::ceil((low - q[i]) / kTurn);
  }
}

Tally run_ours(const Case& arm, const Problem& problem, const std::vector<double>& seeds) {
  const std::size_t dof = arm.dof();
  const InverseOptions<> options = problem.options();
  ChainScratch<> scratch;
  return solve_all(problem, seeds.data(), seeds.size() / dof, false, [&](std::size_t i, double* q) {
    const Eigen::Map<const Eigen::VectorXd> seed(seeds.data() + i * dof, arm.chain().dof());
    Eigen::Isometry3d target;
    target.matrix() = Eigen::Map<const Pose>(problem.target(i));
    const InverseResult<> result = inverse(arm.chain(), target, seed, scratch, options);
    std::copy_n(result.q.data(), dof, q);
    return static_cast<bool>(result);
  });
}

Tally run_theirs(const Rivals& rivals, const Problem& problem, const std::vector<double>& seeds) {
  if (rivals.kdl == nullptr) return {};
  return solve_all(problem, seeds.data(), kBaselineTargets, true, [&](std::size_t i, double* q) {
    return rivals.kdl->inverse(rivals.lma, problem.target(i), seeds.data() + i * problem.dof(), q);
  });
}

}  // namespace sinew::bench
