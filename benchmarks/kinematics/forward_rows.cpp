// SPDX-License-Identifier: Apache-2.0
// K1, K2, K4-K10: forward kinematics and Jacobians, one at a time and in batches, whole robots, and reading a description.
#include <fmt/format.h>

#include <Eigen/Geometry>
#include <algorithm>

#include "kinematics/suite.hpp"
#include "sinew/core/isa.hpp"
#include "sinew/kinematics/forward.hpp"
#include "sinew/kinematics/jacobian.hpp"

namespace sinew::bench {

namespace {

constexpr std::size_t kPool = 1024;
constexpr std::size_t kBatch = 4096;
constexpr std::uint64_t kSeed = 20260101;
constexpr double kNanoseconds = 1e9;
using RowPose = Eigen::Matrix<double, 4, 4, Eigen::RowMajor>;
using RowJacobian = Eigen::Matrix<double, 6, Eigen::Dynamic, Eigen::RowMajor>;
using Configuration = Eigen::Map<const Eigen::VectorXd>;

/// Configurations with our results for them, the way one call each gives them.
class Ours {
 public:
  Ours(const Chain<>& chain, std::vector<double> pool) : chain_(chain), pool_(std::move(pool)), jacobian_(6, chain.dof()) {}

  std::size_t count() const { return pool_.size() / static_cast<std::size_t>(chain_.dof()); }
  const std::vector<double>& pool() const { return pool_; }
  Configuration q(std::size_t i) const { return {pool_.data() + i * static_cast<std::size_t>(chain_.dof()), chain_.dof()}; }

  void run(Task task, int times) {
    for (int i = 0; i < times; ++i) {
      call(task, next_);
      keep(pose_);
      keep(*jacobian_.data());
      if (++next_ == count()) next_ = 0;
    }
  }

  void result(Task task, std::size_t i, double* out) {
    call(task, i);
    if (task == Task::forward)
      Eigen::Map<RowPose>{out} = pose_.matrix();
    else
      Eigen::Map<RowJacobian>(out, 6, chain_.dof()) = jacobian_;
  }

 private:
  void call(Task task, std::size_t i) {
    if (task == Task::forward)
      pose_ = forward(chain_, q(i));
    else
      pose_ = jacobian(chain_, q(i), jacobian_);
  }

  const Chain<>& chain_;
  std::vector<double> pool_;
  std::size_t next_ = 0;
  Eigen::Isometry3d pose_ = Eigen::Isometry3d::Identity();
  Eigen::Matrix<double, 6, Eigen::Dynamic> jacobian_;
};

std::size_t result_size(const Case& arm, Task task) { return task == Task::forward ? 16 : 6 * arm.dof(); }

/// Whether `ours [count, size]` is what the contender gives, to `tolerance` · max(1, reach).
bool agrees(const Case& arm, const Contender& contender, std::size_t count, std::size_t size, const double* ours, double tolerance,
            std::string& note) {
  std::vector<double> theirs(size);
  double worst = 0;
  for (std::size_t i = 0; i < count; ++i) {
    contender.baseline->result(contender.way, i, theirs.data());
    const double error = difference(theirs.data(), ours + i * size, size);
    if (!(error <= worst)) worst = error;
  }
  note += fmt::format("; differs by ≤ {:.1e} in {} configurations", worst, count);
  return worst <= tolerance * std::max(1.0, arm.reach());
}

/// One configuration at a time against one library.
void single_row(Report& report, Case& arm, std::string id, Task task, const std::vector<std::string>& modules, double least_ratio) {
  id += "/" + arm.arm().name;
  if (!report.wants(id)) return;
  Ours ours(arm.chain(), random_configurations(arm.chain(), kPool, kSeed));
  Contender contender = fastest(arm, modules, task, ours.pool());
  const Run run_theirs = contender ? Run([&](int times) { contender.baseline->run(contender.way, times); }) : Run();
  const auto [mine, theirs] = time_pair([&](int times) { ours.run(task, times); }, run_theirs, report.options().min_time);
  Row row = timed_row(id, task == Task::forward ? "tip pose, one configuration" : "tip pose and Jacobian, one configuration", "ns",
                      kNanoseconds, mine, 1, theirs, contender, least_ratio);
  if (contender) {
    const std::size_t size = result_size(arm, task);
    std::vector<double> results(ours.count() * size);
    for (std::size_t i = 0; i < ours.count(); ++i) ours.result(task, i, results.data() + i * size);
    row.checked = agrees(arm, contender, ours.count(), size, results.data(), 1e-12, row.note);
  }
  report.add(std::move(row));
}

/// A whole batch in one call of ours against a loop of theirs. `batch()` computes all results, `results()` gives them as double.
void batch_row(Report& report, Case& arm, const std::string& id, const std::string& what, Task task, const std::vector<double>& pool,
               const std::function<void()>& batch, const std::function<std::vector<double>()>& results, double tolerance,
               std::optional<double> least_ratio) {
  if (!report.wants(id)) return;
  Contender contender = fastest(arm, kPinocchio, task, pool);
  const Run run_theirs = contender ? Run([&](int times) { contender.baseline->run(contender.way, times); }) : Run();
  const auto [mine, theirs] = time_pair(
      [&](int times) {
        for (int i = 0; i < times; ++i) batch();
      },
      run_theirs, report.options().min_time);
  const std::size_t count = pool.size() / arm.dof();
  Row row = timed_row(id, what, "ns", kNanoseconds, mine, static_cast<double>(count), theirs, contender, least_ratio);
  if (contender) row.checked = agrees(arm, contender, count, result_size(arm, task), results().data(), tolerance, row.note);
  report.add(std::move(row));
}

/// Rows of one arm and one instruction set.
void batch_rows(Report& report, Case& arm, Isa isa) {
  const bool best = isa == std::min(available_isas().back(), Isa::v4);  // kinematics has nothing beyond
  const std::string variant = arm.arm().name + (best ? "" : fmt::format("@{}", to_string(isa)));
  const std::optional<double> bound_double = isa == Isa::v4 ? std::optional(18.0) : isa == Isa::v3 ? std::optional(9.0) : std::nullopt;
  const std::optional<double> bound_float = isa == Isa::v4 ? std::optional(45.0) : std::nullopt;
  const Chain<>& chain = arm.chain();
  const std::vector<double> q = random_configurations(chain, kBatch, kSeed);
  std::vector<double> poses(kBatch * 16);
  std::vector<double> jacobians(kBatch * 6 * arm.dof());
  const std::vector<float> q_float(q.begin(), q.end());
  std::vector<float> poses_float(kBatch * 16);
  // Float is compared with the double result for the same, rounded configurations.
  const std::vector<double> q_rounded(q_float.begin(), q_float.end());
  const std::string how = fmt::format("per configuration of a batch of {}, {}", kBatch, to_string(isa));

  select_isa(isa);
  batch_row(
      report, arm, "K4/" + variant, "tip pose, " + how, Task::forward, q,
      [&] { forward_batch(chain, std::span<const double>(q), std::span<double>(poses)); }, [&] { return poses; }, 1e-12, bound_double);
  batch_row(
      report, arm, "K5/" + variant, "tip pose and Jacobian, " + how, Task::jacobian, q,
      [&] { jacobian_batch(chain, std::span<const double>(q), std::span<double>(poses), std::span<double>(jacobians)); },
      [&] { return jacobians; }, 1e-12, bound_double);
  batch_row(
      report, arm, "K6/" + variant, "tip pose in float, " + how, Task::forward, q_rounded,
      [&] { forward_batch(chain, std::span<const float>(q_float), std::span<float>(poses_float)); },
      [&] { return std::vector<double>(poses_float.begin(), poses_float.end()); }, 3e-6, bound_float);
  select_isa(available_isas().back());
}

/// Every link of a robot; the tips of the chain are the links without children.
void whole_robot_row(Report& report, Case& robot) {
  const std::string id = "K7/" + robot.arm().name;
  if (!report.wants(id)) return;
  const Chain<>& chain = robot.chain();
  const std::vector<double> pool = random_configurations(chain, kPool, kSeed);
  const auto configuration = [&](std::size_t i) { return Configuration(pool.data() + i * robot.dof(), chain.dof()); };
  std::vector<Eigen::Isometry3d> poses(chain.frame_names().size());
  Contender contender = fastest(robot, kPinocchio, Task::frames, pool);
  const Run run_theirs = contender ? Run([&](int times) { contender.baseline->run(contender.way, times); }) : Run();
  std::size_t next = 0;
  const auto [mine, theirs] = time_pair(
      [&](int times) {
        for (int i = 0; i < times; ++i) {
          frames(chain, configuration(next), poses);
          keep(*poses.data());
          if (++next == kPool) next = 0;
        }
      },
      run_theirs, report.options().min_time);
  Row row = timed_row(id, fmt::format("poses of all {} links, {} joints", poses.size(), chain.dof()), "ns", kNanoseconds, mine, 1, theirs,
                      contender, 4);
  if (contender) {
    const std::vector<std::string> names = contender.baseline->frame_names();
    std::vector<double> their_poses(16 * names.size());
    double worst = 0;
    for (std::size_t i = 0; i < kPool; ++i) {
      frames(chain, configuration(i), poses);
      contender.baseline->result(contender.way, i, their_poses.data());
      for (std::size_t frame = 0; frame < names.size(); ++frame) {
        const RowPose mine_here = poses[static_cast<std::size_t>(chain.frame_index(names[frame]))].matrix();
        const double error = difference(mine_here.data(), their_poses.data() + 16 * frame, 16);
        if (!(error <= worst)) worst = error;
      }
    }
    row.note += fmt::format("; {} links differ by ≤ {:.1e} in {} configurations", names.size(), worst, kPool);
    row.checked = worst <= 1e-12 * std::max(1.0, robot.reach()) && names.size() == poses.size();
  }
  report.add(std::move(row));
}

/// Text in memory -> a chain, against text -> a model.
void load_row(Report& report, Case& arm) {
  const std::string id = "K10/" + arm.arm().name;
  if (!report.wants(id)) return;
  Contender contender = fastest(arm, {"pinocchio", "pinocchio_compiled"}, Task::load, random_configurations(arm.chain(), 1, kSeed));
  const Run run_theirs = contender ? Run([&](int times) { contender.baseline->run(contender.way, times); }) : Run();
  bool same = true;
  const auto [mine, theirs] = time_pair(
      [&](int times) {
        for (int i = 0; i < times; ++i) {
          const Chain<> chain = arm.open_chain();
          same = same && chain.dof() == arm.chain().dof();
        }
      },
      run_theirs, report.options().min_time);
  Row row = timed_row(id, "description in memory -> chain with all its links", "us", 1e6, mine, 1, theirs, contender, 4);
  // K7 compares what came out of both readers, frame by frame.
  row.checked = same && contender && contender.baseline->frame_names().size() == arm.chain().frame_names().size();
  report.add(std::move(row));
}

}  // namespace

void forward_rows(Report& report) {
  std::string why;
  for (const Arm& description : single_arms()) {
    auto arm = Case::open(description, why);
    if (!arm) {
      for (const char* id : {"K1", "K2", "K4", "K5", "K6", "K8", "K9"})
        missing_row(report, fmt::format("{}/{}", id, description.name), why);
      continue;
    }
    single_row(report, *arm, "K1", Task::forward, kPinocchio, 5);
    single_row(report, *arm, "K2", Task::jacobian, kPinocchio, 5);
    for (const Isa isa : {Isa::v4, Isa::v3})
      if (std::ranges::find(available_isas(), isa) != available_isas().end()) batch_rows(report, *arm, isa);
    single_row(report, *arm, "K8/forward", Task::forward, {"kdl"}, 8);
    single_row(report, *arm, "K8/jacobian", Task::jacobian, {"kdl"}, 18);
    single_row(report, *arm, "K9/forward", Task::forward, {"mujoco"}, 15);
    single_row(report, *arm, "K9/jacobian", Task::jacobian, {"mujoco"}, 15);
  }
  for (const Arm& description : whole_robots()) {
    if (auto robot = Case::open(description, why)) {
      whole_robot_row(report, *robot);
      load_row(report, *robot);
    } else {
      for (const char* id : {"K7", "K10"}) missing_row(report, fmt::format("{}/{}", id, description.name), why);
    }
  }
}

}  // namespace sinew::bench
