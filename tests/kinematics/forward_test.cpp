// SPDX-License-Identifier: Apache-2.0
// forward.hpp and jacobian.hpp, against DH tables and finite differences.
#include "sinew/kinematics/forward.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "robots.hpp"
#include "sinew/kinematics/jacobian.hpp"

using namespace sinew;
using namespace sinew::testing;

TEST_CASE("forward: agrees with an independent formula to 1e-14") {
  Random random(21);
  for (const TestRobot& robot : robots()) {
    CAPTURE(robot.name);
    const auto chain = load(robot);
    for (int trial = 0; trial < 2000; ++trial) {
      const Eigen::VectorXd q = random_q(chain, random);
      REQUIRE((forward(chain, q).matrix() - robot.forward(q)).cwiseAbs().maxCoeff() < 1e-14);
    }
  }
}

TEST_CASE("forward: fixed and dynamic chains give the same bits") {
  Random random(22);
  const auto fixed = Chain<7>::from_urdf(robot_path("arm7"), "link0", "tcp");
  const auto dynamic = load(robots()[0]);
  for (int trial = 0; trial < 100; ++trial) {
    const Eigen::VectorXd q = random_q(dynamic, random);
    const Eigen::Vector<double, 7> q7 = q;
    CHECK(forward(fixed, q7).matrix() == forward(dynamic, q).matrix());
  }
}

TEST_CASE("frames: every frame is where a chain to it would say") {
  Random random(23);
  for (const TestRobot& robot : robots()) {
    CAPTURE(robot.name);
    const auto chain = load(robot);
    const Eigen::VectorXd q = random_q(chain, random);
    const auto names = chain.frame_names();
    std::vector<Eigen::Isometry3d> poses(names.size());
    frames(chain, q, poses);
    CHECK(poses[static_cast<std::size_t>(chain.frame_index(robot.tip))].isApprox(forward(chain, q), 1e-14));
    for (std::size_t i = 0; i < names.size(); ++i) {
      CAPTURE(names[i]);
      const std::size_t root = robot.name == "mixed" ? 1 : 0;  // world is fixed to the torso
      if (i <= root) continue;
      const auto part = Chain<>::from_urdf(robot_path(robot.name), names[root], names[i]);
      CHECK((poses[root] * forward(part, q.head(part.dof()))).isApprox(poses[i], 1e-14));
    }
  }
}

TEST_CASE("forward_batch: row by row the bits of single calls") {
  Random random(24);
  const auto chain = load(robots()[1]);
  std::vector<double> q, poses(10 * 16);
  for (int i = 0; i < 10; ++i) {
    const Eigen::VectorXd row = random_q(chain, random);
    q.insert(q.end(), row.begin(), row.end());
  }
  forward_batch(chain, q, poses);
  for (int i = 0; i < 10; ++i) {
    const Eigen::Isometry3d pose = forward(chain, Eigen::VectorXd::Map(q.data() + i * 6, 6));
    for (int row = 0; row < 4; ++row) {
      for (int column = 0; column < 4; ++column) CHECK(poses[static_cast<std::size_t>(i * 16 + row * 4 + column)] == pose(row, column));
    }
  }
}

TEST_CASE("jacobian: agrees with central differences of the independent formula") {
  Random random(25);
  constexpr double kStep = 1e-6;
  for (const TestRobot& robot : robots()) {
    CAPTURE(robot.name);
    const auto chain = load(robot);
    Eigen::Matrix<double, 6, Eigen::Dynamic> J(6, chain.dof());
    for (int trial = 0; trial < 200; ++trial) {
      const Eigen::VectorXd q = random_q(chain, random);
      const Eigen::Isometry3d pose = jacobian(chain, q, J);
      REQUIRE(pose.matrix() == forward(chain, q).matrix());
      for (int k = 0; k < chain.dof(); ++k) {
        Eigen::VectorXd left = q, right = q;
        left[k] -= kStep;
        right[k] += kStep;
        const Eigen::Matrix4d difference = (robot.forward(right) - robot.forward(left)) / (2 * kStep);
        const Eigen::Matrix3d spin = difference.topLeftCorner<3, 3>() * robot.forward(q).topLeftCorner<3, 3>().transpose();
        Eigen::Vector<double, 6> expected;
        expected << difference.block<3, 1>(0, 3), spin(2, 1), spin(0, 2), spin(1, 0);
        REQUIRE((J.col(k) - expected).cwiseAbs().maxCoeff() < 1e-9);
      }
    }
  }
}

TEST_CASE("jacobian: writes into a block of a larger matrix, and nothing beside it") {
  const auto arm = Chain<7>::from_urdf(robot_path("arm7"), "link0", "tcp");
  Eigen::Matrix<double, 6, 7> alone;
  jacobian(arm, arm.neutral(), alone);
  Eigen::Matrix<double, 8, 7> large = Eigen::Matrix<double, 8, 7>::Constant(5.0);
  jacobian(arm, arm.neutral(), large.block<6, 7>(1, 0));
  CHECK(large.block<6, 7>(1, 0) == alone);
  CHECK((large.row(0).array() == 5.0).all());
  CHECK((large.row(7).array() == 5.0).all());
}

TEST_CASE("forward: the last row is 0 0 0 1 without a sign") {
  Random random(26);
  const auto chain = load(robots()[0]);
  for (int trial = 0; trial < 200; ++trial) {
    const Eigen::Isometry3d pose = forward(chain, random_q(chain, random));
    for (int column = 0; column < 3; ++column) CHECK_FALSE(std::signbit(pose(3, column)));
  }
}

TEST_CASE("forward: a vector of the wrong length gives NaN, never another pose") {
  const auto chain = load(robots()[0]);
  const Eigen::VectorXd q = Eigen::VectorXd::Zero(6);
  CHECK(forward(chain, q).matrix().array().isNaN().all());
  Eigen::Matrix<double, 6, Eigen::Dynamic> J = Eigen::Matrix<double, 6, Eigen::Dynamic>::Zero(6, 7);
  CHECK(jacobian(chain, q, J).matrix().array().isNaN().all());
  CHECK(J.array().isNaN().all());
}
