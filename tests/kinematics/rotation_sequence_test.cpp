// SPDX-License-Identifier: Apache-2.0
#include "sinew/kinematics/rotation_sequence.hpp"

#include <doctest/doctest.h>

#include <array>
#include <vector>

#include "test_seed.hpp"

using namespace sinew;

namespace {

Eigen::Vector3d random_vector(testing::Random& random, double size) {
  return {random.uniform(-size, size), random.uniform(-size, size), random.uniform(-size, size)};
}

Eigen::Quaterniond random_quaternion(testing::Random& random) {
  return Eigen::Quaterniond(Eigen::AngleAxisd(random.uniform(0, 3), random_vector(random, 1).normalized()));
}

double angle_between(const Eigen::Matrix3d& A, const Eigen::Matrix3d& B) { return rotation_log(A.transpose() * B).norm(); }

}  // namespace

TEST_CASE("slerp: turns about the axis of the relative rotation at a constant rate, by the shorter way") {
  testing::Random random(1);
  for (int trial = 0; trial < 2000; ++trial) {
    const Eigen::Quaterniond start = random_quaternion(random);
    const Eigen::Vector3d axis = random_vector(random, 1).normalized();
    const double angle = random.uniform(0, 3.1), t = random.uniform(-0.5, 1.5);
    Eigen::Quaterniond end = start * Eigen::AngleAxisd(angle, axis);
    if (trial % 2 == 0) end.coeffs() *= -1;  // the same rotation must give the same way
    const Eigen::Matrix3d expected = (start * Eigen::AngleAxisd(t * angle, axis)).toRotationMatrix();
    REQUIRE((slerp(start, end, t).toRotationMatrix() - expected).norm() < 3e-15);
    REQUIRE((slerp(start.toRotationMatrix(), end.toRotationMatrix(), t) - expected).norm() < 5e-15);
  }
}

TEST_CASE("slerp: is exact at both ends") {
  testing::Random random(2);
  for (int trial = 0; trial < 100; ++trial) {
    const Eigen::Quaterniond a = random_quaternion(random), b = random_quaternion(random);
    CHECK(slerp(a, b, 0).coeffs() == a.coeffs());
    CHECK(slerp(a, b, 1).coeffs().cwiseAbs() == b.coeffs().cwiseAbs());
    CHECK(slerp(a, b, 1).dot(b) * a.dot(b) >= 0);
    const Eigen::Matrix3d A = a.toRotationMatrix(), B = b.toRotationMatrix();
    CHECK(slerp(A, B, 0) == A);
    CHECK(slerp(A, B, 1) == B);
  }
}

TEST_CASE("slerp: keeps its rate between rotations that nearly coincide and that are nearly half a turn apart") {
  testing::Random random(3);
  for (int exponent = -300; exponent < 0; exponent += 3) {
    for (const double angle : {std::pow(10.0, exponent), M_PI - std::pow(10.0, std::max(exponent, -15))}) {
      CAPTURE(angle);
      const Eigen::Vector3d axis = random_vector(random, 1).normalized();
      const Eigen::Quaterniond end = quaternion_exp(angle * axis);
      const Eigen::Vector3d third = quaternion_log(slerp(Eigen::Quaterniond::Identity(), end, 1.0 / 3));
      REQUIRE((third - angle / 3 * axis).norm() <= 2e-15 * angle);
    }
  }
  const Eigen::Quaterniond q = random_quaternion(random);
  CHECK(slerp(q, q, 0.3).coeffs().isApprox(q.coeffs(), 1e-15));
  CHECK(slerp(q, Eigen::Quaterniond(-q.coeffs()), 0.3).coeffs().isApprox(q.coeffs(), 1e-15));
  const Eigen::Quaterniond half_turn(0, 0, 1, 0);
  CHECK(angle_between(slerp(Eigen::Quaterniond::Identity(), half_turn, 0.5).toRotationMatrix(), Eigen::Matrix3d::Identity()) ==
        doctest::Approx(M_PI / 2).epsilon(1e-15));
}

TEST_CASE("unwrap_rotations: a steady turn through many half turns gives a steady line") {
  testing::Random random(4);
  for (int trial = 0; trial < 20; ++trial) {
    const Eigen::Vector3d axis = random_vector(random, 1).normalized();
    std::vector<double> rows, expected;
    for (int i = 0; i < 500; ++i) {
      const double angle = 0.1 * i - 1;
      const Eigen::Vector3d principal = std::remainder(angle, 2 * M_PI) * axis;
      rows.insert(rows.end(), principal.begin(), principal.end());
      const Eigen::Vector3d line = angle * axis;
      expected.insert(expected.end(), line.begin(), line.end());
    }
    REQUIRE(unwrap_rotations(rows, RotationLayout::rotvec) == Status::ok);
    for (std::size_t i = 0; i < rows.size(); ++i) REQUIRE(rows[i] == doctest::Approx(expected[i]).epsilon(1e-13));
  }
}

TEST_CASE("nearest_rotvec: is the same rotation, and no other number of turns is nearer") {
  testing::Random random(5);
  for (int trial = 0; trial < 5000; ++trial) {
    const Eigen::Vector3d rotvec = random_vector(random, 4), previous = random_vector(random, 20);
    const Eigen::Vector3d nearest = nearest_rotvec(rotvec, previous);
    REQUIRE((rotation_exp(nearest) - rotation_exp(rotvec)).norm() < 3e-14);
    for (int turns = -8; turns <= 8; ++turns) {
      const Eigen::Vector3d other = rotvec * (1 + 2 * M_PI * turns / rotvec.norm());
      REQUIRE((nearest - previous).norm() <= (other - previous).norm() + 1e-12);
    }
  }
}

TEST_CASE("nearest_rotvec: at the identity the previous sample gives the axis") {
  const Eigen::Vector3d previous(0, 0, 2 * M_PI - 0.1);
  CHECK((nearest_rotvec(Eigen::Vector3d::Zero(), previous) - Eigen::Vector3d(0, 0, 2 * M_PI)).norm() < 1e-14);
  CHECK((nearest_rotvec({1e-17, -1e-17, 0}, previous) - Eigen::Vector3d(0, 0, 2 * M_PI)).norm() < 1e-14);
  CHECK(nearest_rotvec({1e-17, 0, 0}, {0, 0.1, 0}) == Eigen::Vector3d(1e-17, 0, 0));
  CHECK(nearest_rotvec(Eigen::Vector3d::Zero(), Eigen::Vector3d::Zero()) == Eigen::Vector3d::Zero());
  CHECK(nearest_rotvec({0, 2 * M_PI, 0}, {0.1, 0, 0}) == Eigen::Vector3d::Zero());
}

TEST_CASE("unwrap_rotations: Euler angles follow a motion through gimbal lock, quaternions keep their hemisphere") {
  for (const RotationLayout layout : {RotationLayout::rpy, RotationLayout::xyz_intrinsic}) {
    std::vector<double> rows;
    std::vector<Eigen::Vector3d> smooth;
    for (int i = 0; i < 200; ++i) {
      smooth.emplace_back(0.05 * i, 0.07 * i + 0.01, -0.11 * i);
      std::array<double, 3> row;
      REQUIRE(from_matrix(*to_matrix({smooth.back().data(), 3}, layout), layout, row));
      rows.insert(rows.end(), row.begin(), row.end());
    }
    REQUIRE(unwrap_rotations(rows, layout) == Status::ok);
    for (std::size_t i = 0; i < smooth.size(); ++i) {
      CAPTURE(i);
      REQUIRE((Eigen::Map<Eigen::Vector3d>(&rows[3 * i]) - smooth[i]).norm() < 1e-11);
    }
  }
  std::vector<double> quaternions;
  std::vector<Eigen::Quaterniond> turns;
  for (int i = 0; i < 100; ++i) {
    turns.push_back(quaternion_exp(Eigen::Vector3d(0.1, 0.2, 0.05) * i));
    std::array<double, 4> row;
    to_xyzw(turns.back(), row);
    quaternions.insert(quaternions.end(), row.begin(), row.end());
  }
  REQUIRE(unwrap_rotations(quaternions, RotationLayout::xyzw) == Status::ok);
  for (std::size_t i = 0; i < turns.size(); ++i) CHECK(Eigen::Map<Eigen::Vector4d>(&quaternions[4 * i]) == turns[i].coeffs());
}

TEST_CASE("unwrap_rotations: refuses what is no sequence and leaves it alone") {
  std::vector<double> rows = {0, 0, 3, 0, 0, -3, 0};
  CHECK(unwrap_rotations(rows, RotationLayout::rotvec) == Status::bad_shape);
  rows = {0, 0, 3, 0, 0, -3, 0, std::nan(""), 0};
  CHECK(unwrap_rotations(rows, RotationLayout::rotvec) == Status::not_finite);
  CHECK(rows[5] == -3);
  rows = {0, 0, 3, 0, 0, -3, 0, 1e9, 0};
  CHECK(unwrap_rotations(rows, RotationLayout::rpy) == Status::out_of_range);
  CHECK(rows[5] == -3);
  rows = {1, 0, 0, 0, 1, 0};
  CHECK(unwrap_rotations(rows, RotationLayout::rot6d_rows) == Status::ok);
  CHECK(rows == std::vector<double>{1, 0, 0, 0, 1, 0});
  rows.clear();
  CHECK(unwrap_rotations(rows, RotationLayout::rotvec) == Status::ok);
}
