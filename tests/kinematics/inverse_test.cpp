// SPDX-License-Identifier: Apache-2.0
#include "sinew/kinematics/inverse.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <limits>

#include "robots.hpp"

using namespace sinew;
using namespace sinew::testing;

namespace {

constexpr int kTargets = 2000;

Eigen::Isometry3d pose_of(const Eigen::Matrix4d& matrix) {
  Eigen::Isometry3d pose;
  pose.matrix() = matrix;
  return pose;
}

template <int Dof>
bool inside_limits(const Chain<Dof>& chain, const JointVector<Dof>& q) {
  return (q.array() >= chain.lower().array()).all() && (q.array() <= chain.upper().array()).all();
}

}  // namespace

TEST_CASE("inverse: recovers reachable poses from random seeds, inside the limits") {
  for (const TestRobot& robot : robots()) {
    CAPTURE(robot.name);
    Random random(31);
    const auto chain = load(robot);
    ChainScratch<> scratch;
    int solved = 0;
    for (int trial = 0; trial < kTargets; ++trial) {
      const Eigen::Matrix4d target = robot.forward(random_q(chain, random));
      const auto ik = inverse(chain, pose_of(target), random_q(chain, random), scratch);
      REQUIRE(inside_limits(chain, ik.q));
      if (!ik) continue;
      ++solved;
      REQUIRE(pose_distance(robot.forward(ik.q), target) < 1.001e-6);
      REQUIRE(ik.residual <= 1e-6);
    }
    MESSAGE(robot.name << ": " << solved << " of " << kTargets << " solved");
    CHECK(solved >= kTargets * 999 / 1000);
  }
}

TEST_CASE("inverse: from a near seed it converges at once, to the solution beside the seed") {
  for (const TestRobot& robot : robots()) {
    CAPTURE(robot.name);
    Random random(32);
    const auto chain = load(robot);
    ChainScratch<> scratch;
    int beside = 0;
    for (int trial = 0; trial < kTargets; ++trial) {
      const Eigen::VectorXd truth = random_q(chain, random);
      Eigen::VectorXd seed = truth;
      for (double& value : seed) value += random.uniform(-0.1, 0.1);
      const auto ik = inverse(chain, pose_of(robot.forward(truth)), seed, scratch);
      REQUIRE(ik);
      REQUIRE(pose_distance(robot.forward(ik.q), robot.forward(truth)) < 1.001e-6);
      beside += ik.restarts == 0 ? 1 : 0;
    }
    MESSAGE(robot.name << ": " << beside << " of " << kTargets << " without a restart");
    CHECK(beside >= kTargets * 97 / 100);
  }
}

TEST_CASE("inverse: a seed far outside the limits is clamped, however far") {
  const auto arm = Chain<7>::from_urdf(robot_path("arm7"), "link0", "tcp");
  ChainScratch<7> scratch;
  for (const double far : {1e9, -1e17, 1e300}) {
    const auto ik = inverse(arm, forward(arm, arm.neutral()), JointVector<7>::Constant(far), scratch);
    REQUIRE(ik);
    CHECK((ik.q.array() >= arm.lower().array()).all());
    CHECK((ik.q.array() <= arm.upper().array()).all());
  }
}

TEST_CASE("inverse: an answer in hand stays as it is") {
  const auto arm = Chain<7>::from_urdf(robot_path("arm7"), "link0", "tcp");
  ChainScratch<7> scratch;
  const auto q = arm.neutral();
  const auto ik = inverse(arm, forward(arm, q), q, scratch);
  REQUIRE(ik);
  CHECK(ik.q == q);
  CHECK(ik.iterations == 0);
}

TEST_CASE("inverse: the same arguments give the same bits, fixed or dynamic") {
  Random random(33);
  const auto fixed = Chain<7>::from_urdf(robot_path("arm7"), "link0", "tcp");
  const auto dynamic = load(robots()[0]);
  ChainScratch<7> scratch;
  ChainScratch<> other_scratch;
  for (int trial = 0; trial < 100; ++trial) {
    const Eigen::Isometry3d target = pose_of(arm7_forward(random_q(fixed, random)));
    const Eigen::Vector<double, 7> seed = random_q(fixed, random);
    const auto a = inverse(fixed, target, seed, scratch, {.random_seed = 5});
    const auto b = inverse(dynamic, target, seed, other_scratch, {.random_seed = 5});
    CHECK(a.q == b.q);
    CHECK(a.iterations == b.iterations);
  }
}

TEST_CASE("inverse: a pose beyond the arm's length is unreachable, at once and with the nearest answer") {
  const auto arm = Chain<7>::from_urdf(robot_path("arm7"), "link0", "tcp");
  ChainScratch<7> scratch;
  Eigen::Isometry3d target = forward(arm, arm.neutral());
  target.translation() = Eigen::Vector3d(2.5, 0, 0.5);
  const auto ik = inverse(arm, target, arm.neutral(), scratch);
  CHECK(ik.status == InverseStatus::unreachable);
  CHECK(ik.restarts == 0);
  CHECK(inside_limits(arm, ik.q));
  CHECK(ik.residual == doctest::Approx(pose_distance(arm7_forward(ik.q), target.matrix())));
  const auto distance = [&](const JointVector<7>& q) { return (forward(arm, q).translation() - target.translation()).norm(); };
  CHECK(distance(ik.q) < distance(arm.neutral()));
}

TEST_CASE("inverse: a pose that is not provably too far is unreachable after the whole search") {
  const auto arm = Chain<7>::from_urdf(robot_path("arm7"), "link0", "tcp");
  ChainScratch<7> scratch;
  Eigen::Isometry3d target = Eigen::Isometry3d::Identity();
  target.translation() = Eigen::Vector3d(0, 0, 0.5);  // near the shoulder, upright: the arm cannot fold that far into itself
  const auto ik = inverse(arm, target, arm.neutral(), scratch, {.max_restarts = 20});
  CHECK(ik.status == InverseStatus::unreachable);
  CHECK(ik.restarts == 20);
  CHECK(inside_limits(arm, ik.q));
}

TEST_CASE("inverse: without restarts it stalls instead of jumping") {
  Random random(34);
  const auto arm = Chain<7>::from_urdf(robot_path("arm7"), "link0", "tcp");
  ChainScratch<7> scratch;
  int stalled = 0;
  for (int trial = 0; trial < 300; ++trial) {
    const Eigen::Isometry3d target = pose_of(arm7_forward(random_q(arm, random)));
    const Eigen::Vector<double, 7> seed = random_q(arm, random);
    const auto ik = inverse(arm, target, seed, scratch, {.max_restarts = 0});
    CHECK(ik.restarts == 0);
    CHECK((ik.status == InverseStatus::converged || ik.status == InverseStatus::stalled));
    stalled += ik.status == InverseStatus::stalled ? 1 : 0;
  }
  CHECK(stalled > 0);
}

TEST_CASE("inverse: joints of several turns are given near the seed") {
  Random random(35);
  const auto chain = load(robots()[1]);
  ChainScratch<> scratch;
  for (int trial = 0; trial < 300; ++trial) {
    const Eigen::Isometry3d target = pose_of(arm6_forward(random_q(chain, random)));
    const Eigen::VectorXd seed = random_q(chain, random);
    const auto ik = inverse(chain, target, seed, scratch);
    REQUIRE(ik);
    for (int k = 0; k < 6; ++k) {
      const bool could_turn = std::abs(ik.q[k] - seed[k]) > M_PI + 1e-9;
      const double turned = ik.q[k] + (seed[k] > ik.q[k] ? 2 : -2) * M_PI;
      // Farther than half a turn only where the turned position would be outside the limits.
      if (could_turn) CHECK((turned < chain.lower()[k] || turned > chain.upper()[k]));
    }
  }
}

TEST_CASE("inverse: a posture keeps one elbow along a path") {
  const auto arm = Chain<7>::from_urdf(robot_path("arm7"), "link0", "tcp");
  ChainScratch<7> scratch;
  JointVector<7> posture;
  posture << 0, -0.3, 0, -2.2, 0, 2.0, M_PI / 4;
  const Eigen::Isometry3d start = forward(arm, posture);
  JointVector<7> q = posture, free = posture;
  double worst = 0, worst_free = 0;
  // Ten rounds of a circle: without a posture a redundant arm drifts, with one it comes back.
  for (int i = 0; i <= 500; ++i) {
    const double angle = 2 * M_PI * i / 50;
    Eigen::Isometry3d target = start;
    target.translation() += Eigen::Vector3d(0.15 * (std::cos(angle) - 1), 0.25 * std::sin(angle), 0.1 * std::sin(2 * angle));
    const auto ik = inverse(arm, target, q, scratch, {.max_restarts = 0, .posture = &posture});
    REQUIRE(ik);
    CHECK((ik.q - q).cwiseAbs().maxCoeff() < 0.25);
    q = ik.q;
    const auto without = inverse(arm, target, free, scratch, {.max_restarts = 0});
    REQUIRE(without);
    free = without.q;
    if (i % 50 == 0) {
      worst = std::max(worst, (q - posture).cwiseAbs().maxCoeff());
      worst_free = std::max(worst_free, (free - posture).cwiseAbs().maxCoeff());
    }
  }
  CHECK(worst < 0.01);
  CHECK(worst < worst_free);
}

TEST_CASE("inverse: a posture settles the elbow from anywhere") {
  Random random(36);
  const auto arm = Chain<7>::from_urdf(robot_path("arm7"), "link0", "tcp");
  ChainScratch<7> scratch;
  JointVector<7> posture;
  posture << 0, -0.3, 0, -2.2, 0, 2.0, M_PI / 4;
  const Eigen::Isometry3d target = forward(arm, posture);
  for (int trial = 0; trial < 200; ++trial) {
    Eigen::Vector<double, 7> seed = posture;
    for (double& value : seed) value += random.uniform(-0.5, 0.5);
    const auto ik = inverse(arm, target, seed, scratch, {.posture = &posture});
    REQUIRE(ik);
    CHECK((ik.q - posture).cwiseAbs().maxCoeff() < 0.02);
  }
}

TEST_CASE("inverse_batch: solves every row, and a row does not depend on its neighbours") {
  Random random(37);
  for (const TestRobot& robot : robots()) {
    CAPTURE(robot.name);
    const auto chain = load(robot);
    ChainScratch<> scratch;
    constexpr std::size_t kCount = 203;
    const auto dof = static_cast<std::size_t>(chain.dof());
    std::vector<double> targets, seeds, q(kCount * dof);
    std::vector<InverseStatus> status(kCount);
    for (std::size_t i = 0; i < kCount; ++i) {
      const Eigen::Matrix<double, 4, 4, Eigen::RowMajor> target = robot.forward(random_q(chain, random));
      targets.insert(targets.end(), target.data(), target.data() + 16);
      const Eigen::VectorXd seed = random_q(chain, random);
      seeds.insert(seeds.end(), seed.begin(), seed.end());
    }
    targets[3 * 16 + 12] = 0.5;  // the last row of a pose is 0 0 0 1
    targets[5 * 16 + 3] = 50.0;
    REQUIRE(inverse_batch(chain, targets, seeds, q, status, scratch));
    for (std::size_t i = 0; i < kCount; ++i) {
      CAPTURE(i);
      std::vector<double> alone(dof);
      std::vector<InverseStatus> status_alone(1);
      REQUIRE(inverse_batch(chain, std::span(targets).subspan(i * 16, 16), std::span(seeds).subspan(i * dof, dof), alone, status_alone,
                            scratch));
      REQUIRE(status[i] == status_alone[0]);
      if (i == 3) {
        CHECK(status[i] == InverseStatus::bad_input);
        CHECK(std::isnan(q[i * dof]));
        continue;
      }
      CHECK(std::equal(alone.begin(), alone.end(), q.begin() + static_cast<std::ptrdiff_t>(i * dof)));
      const Eigen::Map<const Eigen::VectorXd> answer(q.data() + i * dof, chain.dof());
      CHECK(inside_limits<Eigen::Dynamic>(chain, answer));
      const Eigen::Matrix4d target = Eigen::Matrix<double, 4, 4, Eigen::RowMajor>::Map(targets.data() + i * 16);
      const auto single = inverse(chain, pose_of(target), Eigen::VectorXd::Map(seeds.data() + i * dof, chain.dof()), scratch);
      CHECK(single.status == status[i]);
      if (i == 5) {
        CHECK(status[i] == InverseStatus::unreachable);
      } else {
        REQUIRE(status[i] == InverseStatus::converged);
        CHECK(pose_distance(robot.forward(answer), target) < 1.001e-6);
      }
    }
    CHECK_FALSE(inverse_batch(chain, targets, seeds, std::span(q).first(dof), status, scratch));
  }
}

TEST_CASE("inverse: bad input is said, and gives NaN that no filter lets pass") {
  const auto chain = load(robots()[0]);
  ChainScratch<> scratch;
  const Eigen::VectorXd seed = chain.neutral();
  const Eigen::Isometry3d target = forward(chain, seed);
  const auto status = [&](const Eigen::Isometry3d& pose, const Eigen::VectorXd& q, const InverseOptions<>& options = {}) {
    const auto ik = inverse(chain, pose, q, scratch, options);
    CHECK(ik.q.size() == 7);
    CHECK((ik.status == InverseStatus::bad_input) == ik.q.array().isNaN().all());
    return ik.status;
  };
  CHECK(status(target, seed) == InverseStatus::converged);
  Eigen::Isometry3d bad = target;
  bad(0, 3) = std::numeric_limits<double>::quiet_NaN();
  CHECK(status(bad, seed) == InverseStatus::bad_input);
  bad = target;
  bad.linear() *= 1.001;
  CHECK(status(bad, seed) == InverseStatus::bad_input);
  bad.linear() = -target.linear();
  CHECK(status(bad, seed) == InverseStatus::bad_input);
  CHECK(status(target, Eigen::VectorXd::Zero(6)) == InverseStatus::bad_input);
  CHECK(status(target, Eigen::VectorXd::Constant(7, INFINITY)) == InverseStatus::bad_input);
  CHECK(status(target, seed, {.tolerance = 0}) == InverseStatus::bad_input);
  CHECK(status(target, seed, {.tolerance = std::numeric_limits<double>::quiet_NaN()}) == InverseStatus::bad_input);
  CHECK(status(target, seed, {.max_iterations = 0}) == InverseStatus::bad_input);
  CHECK(status(target, seed, {.max_restarts = -1}) == InverseStatus::bad_input);
  const JointVector<> posture = JointVector<>::Zero(3);
  CHECK(status(target, seed, {.posture = &posture}) == InverseStatus::bad_input);
}

TEST_CASE("inverse: a seed outside the limits is brought inside, not refused") {
  const auto chain = load(robots()[0]);
  ChainScratch<> scratch;
  const auto ik = inverse(chain, forward(chain, chain.neutral()), Eigen::VectorXd::Constant(7, 10.0), scratch);
  CHECK(ik);
  CHECK(inside_limits(chain, ik.q));
}

TEST_CASE("inverse: a target from float32 data can be met to 1e-9 of its nearest rotation") {
  const auto chain = load(robots()[0]);
  ChainScratch<> scratch;
  Eigen::Isometry3d target = forward(chain, chain.neutral());
  target.matrix() = target.matrix().cast<float>().cast<double>();
  CHECK(inverse(chain, target, chain.neutral(), scratch, {.tolerance = 1e-9}));
}

TEST_CASE("inverse: a long rail under an arm makes neither errors small nor the search blind") {
  for (const double length : {1.0, 50.0, 1e4, 1e6}) {
    CAPTURE(length);
    std::string xml =
        fmt::format(R"(<robot name="r"><link name="l0"/><link name="l1"/><joint name="rail" type="prismatic"><parent link="l0"/>
      <child link="l1"/><limit lower="{}" upper="{}" velocity="1" effort="1"/></joint>)",
                    -length, length);
    const std::array<std::string, 3> axes = {"0 0 1", "0 1 0", "1 0 0"};
    for (int i = 1; i <= 6; ++i)
      xml += fmt::format(R"(<link name="l{1}"/><joint name="j{0}" type="revolute"><parent link="l{0}"/><child link="l{1}"/>
        <origin xyz="0 0 0.3"/><axis xyz="{2}"/><limit lower="-2.8" upper="2.8" velocity="2" effort="1"/></joint>)",
                         i, i + 1, axes[static_cast<std::size_t>(i % 3)]);
    const auto chain = Chain<7>::from_urdf(xml + "</robot>", "l0", "l7");
    Random random(38);
    ChainScratch<7> scratch;
    for (int trial = 0; trial < 200; ++trial) {
      Eigen::Vector<double, 7> truth, seed;
      for (int k = 0; k < 7; ++k) truth[k] = k == 0 ? random.uniform(-0.9, 0.9) : random.uniform(-2.5, 2.5);
      for (int k = 0; k < 7; ++k) seed[k] = truth[k] + random.uniform(-0.05, 0.05);
      REQUIRE(inverse(chain, forward(chain, truth), seed, scratch));
    }
  }
}

TEST_CASE("inverse: limits of many turns end") {
  const std::string xml =
      R"(<robot name="r"><link name="a"/><link name="b"/><link name="c"/><joint name="j" type="revolute"><parent link="a"/>
    <child link="b"/><axis xyz="0 0 1"/><limit lower="-9.9996e17" upper="9.9996e17" velocity="1" effort="1"/></joint>
    <joint name="k" type="fixed"><parent link="b"/><child link="c"/><origin xyz="1 0 0"/></joint></robot>)";
  const auto chain = Chain<1>::from_urdf(xml, "a", "c");
  ChainScratch<1> scratch;
  const Eigen::Isometry3d target = forward(chain, JointVector<1>(0.3));
  for (const double seed : {0.0, 100.0, 1e18, -1e18}) (void)inverse(chain, target, JointVector<1>(seed), scratch);
  CHECK(inverse(chain, target, JointVector<1>(100.0), scratch).q[0] == doctest::Approx(0.3 + 32 * M_PI));
}
