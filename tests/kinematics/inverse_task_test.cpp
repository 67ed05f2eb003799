// SPDX-License-Identifier: Apache-2.0
// Inverse kinematics of less than a pose: the position, the direction of a tool axis, or both.
#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "all_robots.hpp"
#include "sinew/core/error.hpp"
#include "sinew/kinematics/inverse.hpp"

using namespace sinew;
using namespace sinew::testing;

namespace {

constexpr int kTargets = 2000;

NamedChain panda() { return named_chain(model_path("panda"), "panda_link0", {"panda_hand_tcp"}); }
NamedChain so101() { return named_chain(model_path("so101"), "base_link", {"gripper_frame_link"}); }

Eigen::Vector3d random_axis(Random& random) {
  return Eigen::Vector3d(random.uniform(-1, 1), random.uniform(-1, 1), random.uniform(-1, 1) + 1.5).normalized();
}

/// Larger of the position error (m) and the angle (rad) of what the task asks for.
double task_error(InverseTask task, const Eigen::Matrix4d& have, const Eigen::Matrix4d& wanted, const Eigen::Vector3d& axis) {
  const double distance = (have - wanted).topRightCorner<3, 1>().norm();
  const Eigen::Vector3d a = have.topLeftCorner<3, 3>() * axis.normalized(), b = wanted.topLeftCorner<3, 3>() * axis.normalized();
  const double angle = 2 * std::atan2((a - b).norm(), (a + b).norm());
  if (task == InverseTask::position) return distance;
  return task == InverseTask::axis ? angle : std::max(distance, angle);
}

bool inside_limits(const Chain<>& chain, const Eigen::VectorXd& q) {
  return (q.array() >= chain.lower().array()).all() && (q.array() <= chain.upper().array()).all();
}

/// A pose of which only what the task asks for is reachable for certain.
Eigen::Isometry3d target_of(const NamedChain& robot, InverseTask task, const Eigen::Vector3d& axis, Random& random) {
  Eigen::Isometry3d target;
  target.matrix() = robot.plain(random_q(robot.chain, random), 0);
  if (task == InverseTask::position) target.rotate(Eigen::AngleAxisd(random.uniform(-3, 3), random_axis(random)));
  if (task != InverseTask::position) target.rotate(Eigen::AngleAxisd(random.uniform(-3, 3), axis.normalized()));
  if (task == InverseTask::axis) target.translation() += Eigen::Vector3d(100, -50, 20);
  return target;
}

}  // namespace

TEST_CASE("inverse tasks: solve what they ask for, and nothing else, with seven joints and with five") {
  Random random(81);
  for (const NamedChain& robot : {panda(), so101()}) {
    for (const InverseTask task : {InverseTask::position, InverseTask::axis, InverseTask::free_yaw}) {
      for (const Eigen::Vector3d& axis : {Eigen::Vector3d(0, 0, 1), Eigen::Vector3d(1, 0, 0), Eigen::Vector3d(2, -4, 4)}) {
        CAPTURE(robot.name);
        CAPTURE(to_string(task));
        CAPTURE(axis.transpose());
        ChainScratch<> scratch;
        int solved = 0;
        for (int trial = 0; trial < kTargets; ++trial) {
          const Eigen::Isometry3d target = target_of(robot, task, axis, random);
          const auto ik = inverse(robot.chain, target, random_q(robot.chain, random), scratch,
                                  {.task = task, .tool_axis = {axis[0], axis[1], axis[2]}});
          REQUIRE(inside_limits(robot.chain, ik.q));
          const double error = task_error(task, robot.plain(ik.q, 0), target.matrix(), axis);
          REQUIRE(std::abs(ik.residual - error) < 1e-9);
          if (!ik) continue;
          ++solved;
          REQUIRE(error < 1.001e-6);
        }
        MESSAGE(robot.name << ", " << to_string(task) << ", axis " << axis.transpose() << ": " << solved << " of " << kTargets);
        CHECK(solved >= kTargets * 999 / 1000);
        if (task == InverseTask::position) break;  // has no axis
      }
    }
  }
}

TEST_CASE("inverse tasks: batches solve them too") {
  Random random(82);
  for (const NamedChain& robot : {panda(), so101()}) {
    for (const InverseTask task : {InverseTask::position, InverseTask::axis, InverseTask::free_yaw}) {
      CAPTURE(robot.name);
      CAPTURE(to_string(task));
      constexpr std::size_t kCount = 200;
      const Eigen::Vector3d axis(0, 1, 1);
      const auto width = static_cast<std::size_t>(robot.chain.dof());
      std::vector<double> targets, seeds, q(kCount * width);
      std::vector<InverseStatus> status(kCount);
      for (std::size_t i = 0; i < kCount; ++i) {
        const Eigen::Matrix<double, 4, 4, Eigen::RowMajor> target = target_of(robot, task, axis, random).matrix();
        targets.insert(targets.end(), target.data(), target.data() + 16);
        const Eigen::VectorXd seed = random_q(robot.chain, random);
        seeds.insert(seeds.end(), seed.begin(), seed.end());
      }
      ChainScratch<> scratch;
      REQUIRE(inverse_batch(robot.chain, targets, seeds, q, status, scratch, {.task = task, .tool_axis = {0, 1, 1}}));
      std::size_t solved = 0;
      for (std::size_t i = 0; i < kCount; ++i) {
        const Eigen::VectorXd answer = Eigen::VectorXd::Map(q.data() + i * width, robot.chain.dof());
        REQUIRE(inside_limits(robot.chain, answer));
        if (status[i] != InverseStatus::converged) continue;
        ++solved;
        const Eigen::Matrix4d target = Eigen::Matrix<double, 4, 4, Eigen::RowMajor>::Map(targets.data() + i * 16);
        REQUIRE(task_error(task, robot.plain(answer, 0), target, axis) < 1.001e-6);
      }
      CHECK(solved >= kCount - 1);
    }
  }
}

TEST_CASE("inverse tasks: the tolerance is kept, and the length of the axis does not matter") {
  Random random(83);
  const NamedChain robot = panda();
  ChainScratch<> scratch;
  for (int trial = 0; trial < 200; ++trial) {
    const Eigen::Vector3d axis = random_axis(random);
    const Eigen::Isometry3d target = target_of(robot, InverseTask::free_yaw, axis, random);
    const Eigen::VectorXd seed = random_q(robot.chain, random);
    int iterations = 1 << 30;
    for (const double tolerance : {1e-10, 1e-6, 1e-2}) {
      const auto ik = inverse(robot.chain, target, seed, scratch,
                              {.tolerance = tolerance, .task = InverseTask::free_yaw, .tool_axis = {axis[0], axis[1], axis[2]}});
      REQUIRE(ik);
      CHECK(task_error(InverseTask::free_yaw, robot.plain(ik.q, 0), target.matrix(), axis) <= tolerance * 1.001 + 1e-13);
      if (ik.restarts == 0) {
        CHECK(ik.iterations <= iterations);
        iterations = ik.iterations;
      }
    }
    for (const double length : {1e-300, 1e-3, 1e150}) {
      const auto ik = inverse(robot.chain, target, seed, scratch,
                              {.task = InverseTask::free_yaw, .tool_axis = {length * axis[0], length * axis[1], length * axis[2]}});
      REQUIRE(ik);
      CHECK(task_error(InverseTask::free_yaw, robot.plain(ik.q, 0), target.matrix(), axis) < 1.001e-6);
    }
  }
}

TEST_CASE("inverse tasks: five joints cannot hold most poses, but can point a tool anywhere that they reach") {
  Random random(84);
  const NamedChain robot = so101();
  ChainScratch<> scratch;
  int poses = 0, pointed = 0;
  for (int trial = 0; trial < 50; ++trial) {
    const Eigen::Isometry3d target = target_of(robot, InverseTask::free_yaw, Eigen::Vector3d::UnitX(), random);
    const Eigen::VectorXd seed = random_q(robot.chain, random);
    poses += inverse(robot.chain, target, seed, scratch, {.max_restarts = 20}) ? 1 : 0;
    pointed += inverse(robot.chain, target, seed, scratch, {.task = InverseTask::free_yaw, .tool_axis = {1, 0, 0}}) ? 1 : 0;
  }
  CHECK(pointed == 50);
  CHECK(poses < 10);
}

TEST_CASE("inverse tasks: what is out of reach depends on the task") {
  const NamedChain robot = panda();
  ChainScratch<> scratch;
  const Eigen::VectorXd seed = robot.chain.neutral();
  Eigen::Isometry3d far = forward(robot.chain, seed);
  far.translation().x() = 5;
  CHECK(inverse(robot.chain, far, seed, scratch, {.task = InverseTask::position}).status == InverseStatus::unreachable);
  CHECK(inverse(robot.chain, far, seed, scratch, {.task = InverseTask::free_yaw}).status == InverseStatus::unreachable);
  const auto ik = inverse(robot.chain, far, seed, scratch, {.task = InverseTask::axis});
  CHECK(ik);
  CHECK(ik.q == seed);
}

TEST_CASE("inverse tasks: bad settings are bad input, and names have one spelling") {
  const NamedChain robot = panda();
  ChainScratch<> scratch;
  const Eigen::VectorXd q = robot.chain.neutral();
  const Eigen::Isometry3d target = forward(robot.chain, q);
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  for (const std::array<double, 3>& axis : {std::array{0.0, 0.0, 0.0}, std::array{nan, 0.0, 1.0}, std::array{0.0, infinity, 1.0}}) {
    for (const InverseTask task : {InverseTask::axis, InverseTask::free_yaw}) {
      const auto ik = inverse(robot.chain, target, q, scratch, {.task = task, .tool_axis = axis});
      CHECK(ik.status == InverseStatus::bad_input);
      CHECK(ik.q.array().isNaN().all());
      CHECK(std::isnan(ik.residual));
    }
  }
  CHECK(inverse(robot.chain, target, q, scratch, {.tip = 1}).status == InverseStatus::bad_input);
  CHECK(inverse(robot.chain, target, q, scratch, {.tip = -1}).status == InverseStatus::bad_input);
  std::vector<double> row(7);
  std::vector<InverseStatus> status(1);
  const Eigen::Matrix4d rows = target.matrix().transpose();
  REQUIRE(inverse_batch(robot.chain, std::span(rows.data(), 16), std::span<const double>(q.data(), 7), row, status, scratch,
                        {.task = InverseTask::axis, .tool_axis = {0, 0, 0}}));
  CHECK(status[0] == InverseStatus::bad_input);
  CHECK(std::isnan(row[0]));
  for (const InverseTask task : {InverseTask::pose, InverseTask::position, InverseTask::axis, InverseTask::free_yaw})
    CHECK(inverse_task(to_string(task)) == task);
  CHECK_THROWS_AS((void)inverse_task("yaw"), Error);
}
