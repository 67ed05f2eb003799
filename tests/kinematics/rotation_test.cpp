// SPDX-License-Identifier: Apache-2.0
#include "sinew/kinematics/rotation.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include "sinew/core/error.hpp"
#include "test_seed.hpp"

using namespace sinew;
using LongVector = Eigen::Matrix<long double, 3, 1>;
using LongMatrix = Eigen::Matrix<long double, 3, 3>;

namespace {

Eigen::Vector3d random_axis(testing::Random& random) {
  for (;;) {
    const Eigen::Vector3d v(random.uniform(-1, 1), random.uniform(-1, 1), random.uniform(-1, 1));
    if (v.norm() > 0.1 && v.norm() < 1) return v.normalized();
  }
}

/// Rodrigues' formula in extended precision; sin and 2 sin^2 of the half angle keep small angles exact.
LongMatrix rodrigues(const LongVector& rotvec) {
  const long double angle = rotvec.norm();
  if (angle == 0) return LongMatrix::Identity();
  const LongVector n = rotvec / angle;
  LongMatrix K;
  K << 0, -n.z(), n.y(), n.z(), 0, -n.x(), -n.y(), n.x(), 0;
  const long double half = std::sin(angle / 2);
  return LongMatrix::Identity() + std::sin(angle) * K + 2 * half * half * K * K;
}

/// Angles over powers of ten from both ends, 0 < angle < pi.
std::vector<double> sweep() {
  std::vector<double> angles;
  for (int exponent = -300; exponent <= -20; exponent += 20) angles.push_back(std::pow(10.0, exponent));
  for (int exponent = -17; exponent <= 0; ++exponent) {
    for (const double digit : {1.0, 2.3, 7.7}) angles.push_back(std::min(digit * std::pow(10.0, exponent), 3.0));
  }
  for (int exponent = -15; exponent < 0; ++exponent) angles.push_back(M_PI - std::pow(10.0, exponent));
  return angles;
}

}  // namespace

TEST_CASE("rotation: exp agrees with Rodrigues' formula in extended precision at every angle") {
  testing::Random random(1);
  for (const double angle : sweep()) {
    for (int trial = 0; trial < 200; ++trial) {
      const Eigen::Vector3d rotvec = angle * random_axis(random);
      const LongMatrix expected = rodrigues(rotvec.cast<long double>());
      CAPTURE(angle);
      const Eigen::Matrix3d R = rotation_exp(rotvec);
      REQUIRE((R.cast<long double>() - expected).cwiseAbs().maxCoeff() <= 1.5e-15L);
      // Off the diagonal a small rotation must be right relative to its size, too.
      if (angle < 1e-3) REQUIRE(std::abs((R(2, 1) - R(1, 2)) / 2 - rotvec.x()) <= 1e-15 * angle + angle * angle * angle);
    }
  }
}

TEST_CASE("rotation: log recovers the rotation vector at every angle, to 2e-15 of its length") {
  testing::Random random(2);
  for (const double angle : sweep()) {
    for (int trial = 0; trial < 200; ++trial) {
      const Eigen::Vector3d rotvec = angle * random_axis(random);
      const Eigen::Matrix3d R = rodrigues(rotvec.cast<long double>()).cast<double>();
      CAPTURE(angle);
      REQUIRE((rotation_log(R) - rotvec).norm() <= 2e-15 * rotvec.norm());
      REQUIRE((quaternion_log(quaternion_exp(rotvec)) - rotvec).norm() <= 1e-15 * rotvec.norm());
      const Eigen::Quaterniond q = quaternion_exp(rotvec);
      REQUIRE(quaternion_log(Eigen::Quaterniond(-q.coeffs())) == quaternion_log(q));
    }
  }
  CHECK(rotation_log(Eigen::Matrix3d::Identity()).norm() == 0);
  CHECK(rotation_exp(Eigen::Vector3d::Zero()) == Eigen::Matrix3d::Identity());
}

TEST_CASE("rotation: a half turn gives one of its two rotation vectors") {
  testing::Random random(3);
  for (int trial = 0; trial < 1000; ++trial) {
    const Eigen::Vector3d axis = random_axis(random);
    const Eigen::Matrix3d R = 2 * axis * axis.transpose() - Eigen::Matrix3d::Identity();
    const Eigen::Vector3d rotvec = rotation_log(R);
    CHECK(rotvec.norm() == doctest::Approx(M_PI).epsilon(1e-14));
    CHECK(std::abs(rotvec.dot(axis)) == doctest::Approx(M_PI).epsilon(1e-14));
  }
}

TEST_CASE("rotation: rpy turns about fixed axes, roll first") {
  testing::Random random(4);
  for (int trial = 0; trial < 1000; ++trial) {
    const Eigen::Vector3d rpy(random.uniform(-3, 3), random.uniform(-1.5, 1.5), random.uniform(-3, 3));
    const Eigen::Matrix3d expected =
        (Eigen::AngleAxisd(rpy[2], Eigen::Vector3d::UnitZ()) * Eigen::AngleAxisd(rpy[1], Eigen::Vector3d::UnitY()) *
         Eigen::AngleAxisd(rpy[0], Eigen::Vector3d::UnitX()))
            .toRotationMatrix();
    CHECK((matrix_from_rpy(rpy) - expected).norm() < 3e-15);
    CHECK((rpy_from_matrix(expected) - rpy).norm() < 1e-13);
  }
  // Gimbal lock: the angles differ, the rotation must not.
  for (const double pitch : {M_PI / 2, -M_PI / 2}) {
    const Eigen::Matrix3d R = matrix_from_rpy({0.4, pitch, 1.1});
    CHECK((matrix_from_rpy(rpy_from_matrix(R)) - R).norm() < 1e-12);
  }
}

TEST_CASE("rotation: layouts are what their names say") {
  // A quarter turn about z: x -> y, y -> -x.
  Eigen::Matrix3d R;
  R << 0, -1, 0, 1, 0, 0, 0, 0, 1;
  const double h = std::sqrt(0.5);
  const std::vector<std::pair<RotationLayout, std::vector<double>>> expected = {
      {RotationLayout::xyzw, {0, 0, h, h}},
      {RotationLayout::wxyz, {h, 0, 0, h}},
      {RotationLayout::rotvec, {0, 0, M_PI / 2}},
      {RotationLayout::rpy, {0, 0, M_PI / 2}},
      {RotationLayout::rot6d_columns, {0, 1, 0, -1, 0, 0}},
      {RotationLayout::rot6d_rows, {0, -1, 0, 1, 0, 0}},
      {RotationLayout::rot6d_interleaved, {0, -1, 1, 0, 0, 0}},
  };
  for (const auto& [layout, values] : expected) {
    CAPTURE(to_string(layout));
    std::vector<double> written(static_cast<std::size_t>(rotation_size(layout)));
    REQUIRE(from_matrix(R, layout, written));
    for (std::size_t i = 0; i < values.size(); ++i) CHECK(written[i] == doctest::Approx(values[i]).epsilon(1e-15));
    const auto matrix = to_matrix(values, layout);
    REQUIRE(matrix);
    CHECK((*matrix - R).norm() < 1e-15);
    CHECK(rotation_layout(to_string(layout)) == layout);
  }
}

TEST_CASE("rotation: every layout round-trips") {
  testing::Random random(5);
  for (int trial = 0; trial < 1000; ++trial) {
    const Eigen::Matrix3d R = rotation_exp(random.uniform(0, M_PI) * random_axis(random));
    for (int index = 0; index < 7; ++index) {
      const auto layout = static_cast<RotationLayout>(index);
      std::array<double, 6> buffer;
      const auto values = std::span(buffer).first(static_cast<std::size_t>(rotation_size(layout)));
      REQUIRE(from_matrix(R, layout, values));
      const auto back = to_matrix(values, layout);
      REQUIRE(back);
      CAPTURE(to_string(layout));
      REQUIRE((*back - R).norm() < 2e-14);
    }
  }
}

TEST_CASE("rotation: Gram-Schmidt keeps the first vector and the plane") {
  const auto R = from_rot6d_columns({2, 0, 0}, {3, 5, 0});
  REQUIRE(R);
  CHECK((*R - Eigen::Matrix3d::Identity()).norm() < 1e-15);
}

TEST_CASE("rotation: what is no rotation is refused") {
  const double nan = std::nan("");
  const auto refused = [](std::vector<double> values, RotationLayout layout) { return !to_matrix(values, layout); };
  CHECK(refused({0, 0, 0, 0}, RotationLayout::xyzw));
  CHECK(refused({0, 0, 0, 1.01}, RotationLayout::xyzw));
  CHECK(refused({nan, 0, 0, 1}, RotationLayout::wxyz));
  CHECK(refused({0, 0, 1}, RotationLayout::wxyz));
  CHECK(refused({0, nan, 0}, RotationLayout::rotvec));
  CHECK(refused({0, 0, 0, 0, 1, 0}, RotationLayout::rot6d_columns));
  CHECK(refused({1, 0, 0, 2, 0, 0}, RotationLayout::rot6d_rows));
  CHECK(refused({1, 0, 0, INFINITY, 0, 0}, RotationLayout::rot6d_columns));
  std::array<double, 4> out = {};
  CHECK_FALSE(from_matrix(Eigen::Matrix3d::Identity() * 1.01, RotationLayout::wxyz, out));
  CHECK_FALSE(from_matrix(-Eigen::Matrix3d::Identity(), RotationLayout::wxyz, out));
  CHECK_FALSE(from_matrix(Eigen::Matrix3d::Identity() * nan, RotationLayout::wxyz, out));
  CHECK_FALSE(from_matrix(Eigen::Matrix3d::Identity(), RotationLayout::rotvec, out));
  CHECK_THROWS_WITH_AS((void)rotation_layout("quaternion"), doctest::Contains("xyzw, wxyz, rotvec"), Error);
}
