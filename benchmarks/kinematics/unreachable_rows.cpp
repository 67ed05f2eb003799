// SPDX-License-Identifier: Apache-2.0
// I7: targets that cannot be reached, and how long it takes to say so.
#include <fmt/format.h>

#include <limits>
#include <numbers>
#include <optional>

#include "kinematics/inverse_problem.hpp"

namespace sinew::bench {

namespace {

constexpr std::size_t kUnreachable = 500;
constexpr int kRepeats = 5;  // of each target; the least counts, so that pre-emption does not

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

}  // namespace

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

}  // namespace sinew::bench
