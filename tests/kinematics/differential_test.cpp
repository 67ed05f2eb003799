// SPDX-License-Identifier: Apache-2.0
#include "sinew/kinematics/differential.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "robots.hpp"

using namespace sinew;
using namespace sinew::testing;

namespace {

constexpr double kPeriod = 0.002;

Twist random_twist(Random& random, double speed) {
  Twist twist;
  for (double& value : twist) value = random.uniform(-speed, speed);
  return twist;
}

double speed_limit(const Chain<>& chain, int k) { return std::isfinite(chain.velocity()[k]) ? chain.velocity()[k] : 1.0; }

}  // namespace

TEST_CASE("differential_step: moves the tip as commanded, away from limits and singularities") {
  constexpr double kShort = 1e-5;  // s: the path between the two poses is straight to 1e-5
  for (const TestRobot& robot : robots()) {
    CAPTURE(robot.name);
    Random random(71);
    const auto chain = load(robot);
    ChainScratch<> scratch;
    int judged = 0;
    for (int trial = 0; trial < 2000; ++trial) {
      const Eigen::VectorXd q = random_q(chain, random);
      const Twist twist = random_twist(random, 0.02);
      const auto step = differential_step(chain, q, twist, kShort, scratch);
      REQUIRE(step);
      // The independent formula, not the Jacobian of the kernel, says where the tip went.
      const Eigen::Matrix4d before = robot.forward(q), after = robot.forward(step.q);
      const bool at_limit = ((step.q - chain.lower()).array() <= 0).any() || ((step.q - chain.upper()).array() >= 0).any();
      if (step.manipulability < 0.03 || step.speed_fraction < 1 || at_limit) continue;
      ++judged;
      const Eigen::Vector3d moved = (after - before).block<3, 1>(0, 3) / kShort;
      const Eigen::Matrix3d spin = (after - before).topLeftCorner<3, 3>() * before.topLeftCorner<3, 3>().transpose() / kShort;
      REQUIRE((moved - twist.head<3>()).norm() < 1e-4);
      REQUIRE((Eigen::Vector3d(spin(2, 1), spin(0, 2), spin(1, 0)) - twist.tail<3>()).norm() < 1e-4);
    }
    MESSAGE(robot.name << ": " << judged << " of 2000 judged");
    CHECK(judged > 500);
  }
}

TEST_CASE("differential_step: never leaves position or speed limits, whatever is commanded") {
  for (const TestRobot& robot : robots()) {
    CAPTURE(robot.name);
    Random random(72);
    const auto chain = load(robot);
    ChainScratch<> scratch;
    JointVector<> q = random_q(chain, random);
    const JointVector<> posture = chain.neutral();
    Twist twist = Twist::Zero();
    for (int tick = 0; tick < 30000; ++tick) {
      if (tick % 200 == 0) twist = random_twist(random, tick % 1000 == 0 ? 100.0 : 1.0);
      const auto step = differential_step(chain, q, twist, kPeriod, scratch, {.posture = tick % 400 < 200 ? &posture : nullptr});
      REQUIRE(step);
      for (int k = 0; k < chain.dof(); ++k) {
        REQUIRE(step.q[k] >= chain.lower()[k]);
        REQUIRE(step.q[k] <= chain.upper()[k]);
        REQUIRE(std::abs(step.q[k] - q[k]) <= speed_limit(chain, k) * kPeriod * (1 + 1e-9));
      }
      q = step.q;
    }
  }
}

TEST_CASE("differential_step: follows a straight line and stays beside it when slowed") {
  const auto chain = load(robots()[0]);
  ChainScratch<> scratch;
  JointVector<> q(7);
  q << 0, -0.3, 0, -2.2, 0, 2.0, M_PI / 4;
  const Eigen::Matrix4d start = arm7_forward(q);
  Twist twist = Twist::Zero();
  twist.head<3>() << 0.6, 2.0, -0.4;  // m/s: more than the joints can
  double slowest = 1.0;
  for (int tick = 0; tick < 150; ++tick) {
    const auto step = differential_step(chain, q, twist, kPeriod, scratch);
    REQUIRE(step);
    slowest = std::min(slowest, step.speed_fraction);
    q = step.q;
  }
  const Eigen::Vector3d moved = (arm7_forward(q) - start).block<3, 1>(0, 3);
  const Eigen::Vector3d direction = twist.head<3>().normalized();
  CHECK(slowest < 1.0);
  CHECK(moved.dot(direction) > 0.1);
  CHECK((moved - direction * moved.dot(direction)).norm() < 0.01 * moved.norm());
}

TEST_CASE("differential_step: slows down near a singularity instead of running off") {
  const auto chain = load(robots()[1]);
  ChainScratch<> scratch;
  JointVector<> q(6);
  q << 0.1, -1.2, 1e-4, -0.3, 1.2, 0;  // the elbow is stretched
  Twist outwards = Twist::Zero();
  outwards.head<3>() = (arm6_forward(q).block<3, 1>(0, 3) - Eigen::Vector3d(0, 0, 0.1625)).normalized() * 0.5;
  for (int tick = 0; tick < 500; ++tick) {
    const auto step = differential_step(chain, q, outwards, kPeriod, scratch);
    REQUIRE(step);
    REQUIRE(step.manipulability < 0.3);
    REQUIRE(step.dq.cwiseAbs().maxCoeff() < 3.0);
    q = step.q;
  }
}

TEST_CASE("differential_step: leads a joint outside its limits back at full speed") {
  const auto chain = load(robots()[0]);
  ChainScratch<> scratch;
  JointVector<> q = chain.neutral();
  q[1] = chain.upper()[1] + 0.05;
  for (int tick = 0; tick < 40 && q[1] > chain.upper()[1]; ++tick) {
    const auto step = differential_step(chain, q, Twist::Constant(0.3), kPeriod, scratch);
    REQUIRE(step);
    CHECK(step.q[1] < q[1]);
    q = step.q;
  }
  CHECK(q[1] <= chain.upper()[1]);
}

TEST_CASE("differential_step: a joint at its limit is held, and the others make up for it") {
  const auto chain = load(robots()[0]);
  ChainScratch<> scratch;
  JointVector<> q(7);
  q << 0.4, -0.3, 0.2, -2.2, 0.3, 2.0, 0.5;
  Eigen::Matrix<double, 6, Eigen::Dynamic> J(6, 7);
  jacobian(chain, q, J);
  q[2] = chain.upper()[2];
  int held = 0;
  Random random(73);
  for (int trial = 0; trial < 200; ++trial) {
    const Twist twist = random_twist(random, 0.05);
    const auto step = differential_step(chain, q, twist, kPeriod, scratch);
    REQUIRE(step);
    if (step.q[2] != q[2]) continue;
    ++held;
    if (step.manipulability < 0.03) continue;
    CHECK((spatial_velocity(chain, q, step.dq) - twist).norm() < 5e-3);
  }
  CHECK(held > 50);
}

TEST_CASE("differential_step: only what the task asks for counts, and the posture has the rest") {
  const auto chain = load(robots()[0]);
  ChainScratch<> scratch;
  JointVector<> q(7), posture(7);
  q << 0.4, -0.3, 0.6, -2.0, 0.5, 1.6, 0.1;
  posture << 0, -0.3, 0, -2.2, 0, 2.0, M_PI / 4;
  const Twist still = Twist::Zero();
  const Eigen::Vector3d position = arm7_forward(q).block<3, 1>(0, 3);
  const double away = (q - posture).norm();
  for (int tick = 0; tick < 2000; ++tick) {
    const auto step = differential_step(chain, q, still, kPeriod, scratch, {.task = InverseTask::position, .posture = &posture});
    REQUIRE(step);
    q = step.q;
  }
  CHECK((arm7_forward(q).block<3, 1>(0, 3) - position).norm() < 2e-3);
  CHECK((q - posture).norm() < 0.8 * away);

  const Eigen::Vector3d axis = arm7_forward(q).block<3, 1>(0, 2);
  Twist spin = Twist::Zero();
  spin.tail<3>() = axis;  // about the tool: free
  const auto free_yaw = differential_step(chain, q, spin, kPeriod, scratch, {.task = InverseTask::free_yaw});
  REQUIRE(free_yaw);
  CHECK(free_yaw.dq.norm() < 1e-6);
}

TEST_CASE("differential_step: bad input is said, and gives NaN") {
  const auto chain = load(robots()[0]);
  ChainScratch<> scratch;
  const JointVector<> q = chain.neutral();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto status = [&](const Eigen::VectorXd& at, const Twist& twist, double dt, const DifferentialOptions<>& options = {}) {
    const auto step = differential_step(chain, at, twist, dt, scratch, options);
    CHECK((step.status == Status::ok) != step.q.array().isNaN().all());
    return step.status;
  };
  CHECK(status(q, Twist::Zero(), kPeriod) == Status::ok);
  CHECK(status(Eigen::VectorXd::Zero(6), Twist::Zero(), kPeriod) == Status::bad_shape);
  CHECK(status(Eigen::VectorXd::Constant(7, nan), Twist::Zero(), kPeriod) == Status::not_finite);
  CHECK(status(q, Twist::Constant(INFINITY), kPeriod) == Status::not_finite);
  CHECK(status(q, Twist::Zero(), nan) == Status::not_finite);
  CHECK(status(q, Twist::Zero(), 0.0) == Status::out_of_range);
  CHECK(status(q, Twist::Zero(), 1e300) == Status::out_of_range);
  for (const double huge : {1e3, 1e100, 1.7e308}) {
    CHECK(status(q, Twist::Constant(huge), kPeriod) == Status::ok);
    CHECK(status(q, Twist::Constant(-huge), 1e-300) == Status::ok);
    CHECK(status(q, Twist::Constant(huge), 10.0) == Status::ok);
  }
  CHECK(status(q, Twist::Zero(), kPeriod, {.tip = 1}) == Status::out_of_range);
  CHECK(status(q, Twist::Zero(), kPeriod, {.speed_scale = 1.5}) == Status::out_of_range);
  const JointVector<> posture = JointVector<>::Zero(3);
  CHECK(status(q, Twist::Zero(), kPeriod, {.posture = &posture}) == Status::bad_shape);
}
