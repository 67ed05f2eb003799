// SPDX-License-Identifier: Apache-2.0
// I1, I2, I3, I7: inverse kinematics of random, near and unreachable targets. Whatever is claimed is verified with another library's
// forward kinematics and the exact limits.
#include <fmt/format.h>

#include <Eigen/Geometry>
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "kinematics/suite.hpp"
#include "sinew/kinematics/forward.hpp"
#include "sinew/kinematics/inverse.hpp"

namespace sinew::bench {

namespace {

constexpr double kTolerance = 1e-6;  // m and rad
constexpr double kRounding = 1e-11;  // by which two libraries may see the same pose differently
constexpr double kMicroseconds = 1e6;
constexpr std::size_t kTargets = 20'000;
constexpr std::size_t kBaselineTargets = 1'000;  // slower by two orders of magnitude
constexpr std::size_t kPasses = 3;
constexpr std::size_t kBatchTargets = 100'000;
constexpr std::size_t kUnreachable = 500;
constexpr int kRepeats = 5;  // of each unreachable target; the least counts, so that pre-emption does not
using Pose = Eigen::Matrix<double, 4, 4, Eigen::RowMajor>;

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point start, Clock::time_point end) { return std::chrono::duration<double>(end - start).count(); }

/// Seconds that reading the clock twice takes; subtracted from every call that is timed alone.
double clock_overhead() {
  static const double overhead = [] {
    std::vector<double> samples(1001);
    for (double& sample : samples) {
      const auto start = Clock::now();
      sample = seconds_between(start, Clock::now());
    }
    std::nth_element(samples.begin(), samples.begin() + 500, samples.end());
    return samples[500];
  }();
  return overhead;
}

template <class Call>
double time_once(const Call& call) {
  const auto start = Clock::now();
  call();
  return std::max(0.0, seconds_between(start, Clock::now()) - clock_overhead());
}

struct Spread {
  double mean = 0, p99 = 0, worst = 0;
};

Spread spread(std::vector<double> seconds) {
  if (seconds.empty()) return {};
  std::sort(seconds.begin(), seconds.end());
  const double sum = std::accumulate(seconds.begin(), seconds.end(), 0.0);
  return {sum / static_cast<double>(seconds.size()), seconds[static_cast<std::size_t>(0.99 * static_cast<double>(seconds.size() - 1))],
          seconds.back()};
}

/// Larger of the position error (m) and the angle (rad), of the whole rotation or of the z axis.
double pose_error(const Pose& a, const Pose& b, InverseTask task) {
  const Eigen::Matrix3d turn = a.topLeftCorner<3, 3>().transpose() * b.topLeftCorner<3, 3>();
  const Eigen::Vector3d sine(turn(2, 1) - turn(1, 2), turn(0, 2) - turn(2, 0), turn(1, 0) - turn(0, 1));
  const double angle = task == InverseTask::pose ? std::atan2(sine.norm() / 2, (turn.trace() - 1) / 2)
                                                 : std::atan2(std::hypot(turn(0, 2), turn(1, 2)), turn(2, 2));
  return std::max(angle, (a.topRightCorner<3, 1>() - b.topRightCorner<3, 1>()).norm());
}

/// Targets of one arm, and the library that judges.
class Problem {
 public:
  Problem(Case& arm, Baseline& judge, std::size_t count, std::uint64_t seed)
      : arm_(arm), judge_(judge), dof_(arm.dof()), truth_(random_configurations(arm.chain(), count, seed)), targets_(16 * count) {
    for (std::size_t i = 0; i < count; ++i) judge.forward(truth(i), targets_.data() + 16 * i);
  }

  std::size_t dof() const { return dof_; }
  const double* truth(std::size_t i) const { return truth_.data() + i * dof_; }
  const double* target(std::size_t i) const { return targets_.data() + 16 * i; }
  const std::vector<double>& targets() const { return targets_; }

  /// Five joints cannot give a tool every rotation: position and axis then.
  InverseTask task() const { return dof_ < 6 ? InverseTask::free_yaw : InverseTask::pose; }

  InverseOptions<> options() const {
    InverseOptions<> options;
    options.tolerance = kTolerance;
    options.task = task();
    return options;
  }

  bool inside(const double* q) const {
    const Eigen::Map<const Eigen::VectorXd> values(q, arm_.chain().dof());
    return (values.array() >= arm_.chain().lower().array()).all() && (values.array() <= arm_.chain().upper().array()).all();
  }

  /// Inside the limits, exactly, and at the target for the judge.
  bool solves(const double* target, const double* q) const {
    Pose pose;
    judge_.forward(q, pose.data());
    return inside(q) && pose_error(pose, Eigen::Map<const Pose>(target), task()) <= kTolerance + kRounding;
  }

  /// Turns an answer by multiples of 2 pi into the limits: KDL does not know them, and its users would do this. Ours stays as it is.
  void unwind(double* q) const {
    for (std::size_t i = 0; i < dof_; ++i) {
      const auto joint = static_cast<Eigen::Index>(i);
      const double low = arm_.chain().lower()[joint];
      const double high = arm_.chain().upper()[joint];
      constexpr double kTurn = 2 * std::numbers::pi;
      if (q[i] > high) q[i] -= kTurn * std::ceil((q[i] - high) / kTurn);
      if (q[i] < low) q[i] += kTurn * std::ceil((low - q[i]) / kTurn);
    }
  }

 private:
  Case& arm_;
  Baseline& judge_;
  std::size_t dof_;
  std::vector<double> truth_;
  std::vector<double> targets_;
};

/// Outcome of one solver on many targets.
struct Tally {
  std::vector<double> seconds;   ///< per target, the median of kPasses
  std::vector<double> distance;  ///< from the seed, rad; NaN where unsolved
  std::size_t claimed = 0;
  std::size_t solved = 0;
  double percent() const { return 100.0 * static_cast<double>(solved) / static_cast<double>(seconds.size()); }
};

constexpr double kUnsolved = std::numeric_limits<double>::quiet_NaN();

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

/// Who knows the forward kinematics, and who also solves the inverse.
struct Rivals {
  Baseline* judge = nullptr;
  Baseline* kdl = nullptr;
  std::size_t lma = 0;
  std::string why;
};

Tally run_theirs(const Rivals& rivals, const Problem& problem, const std::vector<double>& seeds) {
  if (rivals.kdl == nullptr) return {};
  return solve_all(problem, seeds.data(), kBaselineTargets, true, [&](std::size_t i, double* q) {
    return rivals.kdl->inverse(rivals.lma, problem.target(i), seeds.data() + i * problem.dof(), q);
  });
}

Rivals rivals(Case& arm) {
  Rivals result;
  result.kdl = arm.baseline("kdl");
  result.why = arm.why("kdl");
  result.judge = arm.baseline("pinocchio");
  if (result.judge == nullptr) result.judge = result.kdl;
  if (result.kdl == nullptr) return result;
  const auto ways = result.kdl->ways();
  for (std::size_t way = ways.size(); way-- > 0;)
    if (ways[way].name.ends_with("LMA")) result.lma = way;
  return result;
}

std::string baseline_name(const Rivals& rivals) { return rivals.kdl != nullptr ? rivals.kdl->name() + " LMA" : std::string(kAbsent); }

Row success_row(std::string id, std::string what, const Tally& ours, const Tally& theirs, const Rivals& rivals, double least) {
  Row row{.id = std::move(id), .what = std::move(what), .unit = "%", .ours = ours.percent(), .baseline = baseline_name(rivals)};
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
          .baseline = baseline_name(rivals)};
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
          .baseline = baseline_name(rivals),
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
          .baseline = baseline_name(rivals),
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

/// Targets that no configuration reaches, and why that is certain.
class Unreachable {
 public:
  explicit Unreachable(Case& arm) : random_(71), reach_(arm.reach()) {
    Eigen::Isometry3d joint_from_tip = Eigen::Isometry3d::Identity();
    double length = 0;
    bool moving = false;
    for (const BaselineJoint& joint : arm.robot().joints) {
      Eigen::Isometry3d parent_from_joint = Eigen::Isometry3d::Identity();
      parent_from_joint.linear() = Eigen::Map<const Eigen::Matrix<double, 3, 3, Eigen::RowMajor>>(joint.rotation.data());
      parent_from_joint.translation() = Eigen::Map<const Eigen::Vector3d>(joint.translation.data());
      if (moving)
        length += parent_from_joint.translation().norm();
      else
        base_from_first_ = base_from_first_ * parent_from_joint;
      joint_from_tip = joint_from_tip * parent_from_joint;
      if (joint.kind == BaselineJoint::Kind::fixed) continue;
      moving = true;
      length_to_last_ = length;
      last_turns_ = joint.kind == BaselineJoint::Kind::revolute;
      joint_from_tip.setIdentity();
    }
    tip_from_last_ = joint_from_tip.inverse();
  }

  /// Farther away than the chain is long.
  Pose far() { return pose(centre() + direction() * reach_ * random_.uniform(1.02, 3.0), turn()); }

  /// The tip is near enough, but with this orientation the last joint would have to be farther away than the chain up to it is long.
  /// Nothing when the arm has no such poses.
  std::optional<Pose> wrong_way() {
    if (!last_turns_) return std::nullopt;
    for (int i = 0; i < 1000; ++i) {
      Eigen::Isometry3d tip = Eigen::Isometry3d::Identity();
      tip.linear() = turn();
      tip.translation() = centre() + direction() * random_.uniform(0.8 * length_to_last_, reach_);
      const double last = ((tip * tip_from_last_).translation() - centre()).norm();
      if (last > 1.001 * length_to_last_) return tip.matrix();
    }
    return std::nullopt;
  }

  /// Beside the base's axis; whether it can be reached is not known yet.
  Pose beside_base() {
    const double angle = random_.uniform(0, 2 * std::numbers::pi);
    const double radius = random_.uniform(0, 0.1) * reach_;
    return pose(centre() + Eigen::Vector3d(radius * std::cos(angle), radius * std::sin(angle), random_.uniform(-0.3, 0.3) * reach_),
                turn());
  }

 private:
  Eigen::Vector3d centre() const { return base_from_first_.translation(); }
  Eigen::Vector3d direction() { return turn().col(2); }
  /// Uniform over rotations (Shoemake).
  Eigen::Matrix3d turn() {
    const double u = random_.uniform(0, 1);
    const double a = random_.uniform(0, 2 * std::numbers::pi);
    const double b = random_.uniform(0, 2 * std::numbers::pi);
    return Eigen::Quaterniond(std::sqrt(u) * std::cos(b), std::sqrt(1 - u) * std::sin(a), std::sqrt(1 - u) * std::cos(a),
                              std::sqrt(u) * std::sin(b))
        .toRotationMatrix();
  }
  static Pose pose(const Eigen::Vector3d& position, const Eigen::Matrix3d& rotation) {
    Pose out = Pose::Identity();
    out.topLeftCorner<3, 3>() = rotation;
    out.topRightCorner<3, 1>() = position;
    return out;
  }

  Random random_;
  double reach_;
  double length_to_last_ = 0;
  bool last_turns_ = false;
  Eigen::Isometry3d base_from_first_ = Eigen::Isometry3d::Identity();
  Eigen::Isometry3d tip_from_last_ = Eigen::Isometry3d::Identity();
};

/// Whether a long search, ours from 2000 seeds and KDL's from 60, finds the pose after all.
bool found_by_long_search(const Case& arm, const Problem& problem, const Rivals& rivals, const Pose& target) {
  Eigen::Isometry3d pose;
  pose.matrix() = target;
  ChainScratch<> scratch;
  const JointVector<> seed = arm.chain().neutral();
  for (const std::uint64_t random_seed : {0u, 1u}) {
    InverseOptions<> options = problem.options();
    options.max_restarts = 1000;
    options.random_seed = random_seed;
    const auto result = inverse(arm.chain(), pose, seed, scratch, options);
    if (result && problem.solves(target.data(), result.q.data())) return true;
  }
  if (rivals.kdl == nullptr) return false;
  const std::vector<double> seeds = random_configurations(arm.chain(), 60, 72);
  std::vector<double> q(arm.dof());
  for (std::size_t i = 0; i < 60; ++i) {
    rivals.kdl->inverse(rivals.lma, target.data(), seeds.data() + i * arm.dof(), q.data());
    problem.unwind(q.data());
    if (problem.solves(target.data(), q.data())) return true;
  }
  return false;
}

void unreachable_row(Report& report, const Case& arm, const Problem& problem, const std::string& kind, const std::string& proof,
                     const std::vector<Pose>& targets) {
  const std::string id = fmt::format("I7/{}/{}", kind, arm.arm().name);
  if (!report.wants(id)) return;
  const std::vector<double> seeds = random_configurations(arm.chain(), targets.size(), 73);
  ChainScratch<> scratch;
  std::vector<double> seconds(targets.size(), std::numeric_limits<double>::infinity());
  std::size_t flagged = 0;
  std::size_t wrong = 0;
  for (int repeat = 0; repeat < kRepeats; ++repeat)
    for (std::size_t i = 0; i < targets.size(); ++i) {
      const Eigen::Map<const Eigen::VectorXd> seed(seeds.data() + i * arm.dof(), arm.chain().dof());
      Eigen::Isometry3d target;
      target.matrix() = targets[i];
      InverseResult<> result;
      seconds[i] = std::min(seconds[i], time_once([&] { result = inverse(arm.chain(), target, seed, scratch, problem.options()); }));
      if (repeat > 0) continue;
      flagged += result.status == InverseStatus::unreachable ? 1 : 0;
      wrong += result && !problem.solves(targets[i].data(), result.q.data()) ? 1 : 0;
    }
  const Spread mine = spread(seconds);
  Row row{.id = id,
          .what = "unreachable target: " + proof,
          .unit = "us",
          .ours = mine.mean * kMicroseconds,
          .ours_p99 = mine.p99 * kMicroseconds,
          .ours_worst = mine.worst * kMicroseconds,
          .bound = "flagged, worst ≤ 60 us"};
  if (!targets.empty()) row.pass = flagged == targets.size() && wrong == 0 && row.ours_worst <= 60;
  row.checked = wrong == 0;
  row.n = static_cast<int>(targets.size());
  row.note = targets.empty() ? "this arm has no such target"
                             : fmt::format("{} of {} flagged, {} claims were wrong; of each target the least of {} runs", flagged,
                                           targets.size(), wrong, kRepeats);
  report.add(std::move(row));
}

void unreachable_rows(Report& report, Case& arm, const Rivals& rivals) {
  if (!report.wants("I7/far/" + arm.arm().name) && !report.wants("I7/wrong_way/" + arm.arm().name) &&
      !report.wants("I7/beside_base/" + arm.arm().name))
    return;
  const Problem problem(arm, *rivals.judge, 1, 74);
  Unreachable unreachable(arm);
  std::vector<Pose> far;
  std::vector<Pose> wrong_way;
  std::vector<Pose> beside_base;
  for (std::size_t i = 0; i < kUnreachable; ++i) {
    far.push_back(unreachable.far());
    if (const auto pose = unreachable.wrong_way()) wrong_way.push_back(*pose);
  }
  unreachable_row(report, arm, problem, "far", "beyond the length of the chain", far);
  unreachable_row(report, arm, problem, "wrong_way", "near enough, but its orientation puts the last joint beyond the chain up to it",
                  wrong_way);
  if (!report.wants("I7/beside_base/" + arm.arm().name)) return;
  for (std::size_t i = 0; i < kUnreachable / 10; ++i) {
    const Pose pose = unreachable.beside_base();
    if (!found_by_long_search(arm, problem, rivals, pose)) beside_base.push_back(pose);
  }
  unreachable_row(report, arm, problem, "beside_base",
                  fmt::format("beside the base's axis, {} of {} that 2000 seeds of ours and 60 of KDL do not solve", beside_base.size(),
                              kUnreachable / 10),
                  beside_base);
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
  const Rivals others = rivals(*arm);
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
    const Rivals others = rivals(*arm);
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
