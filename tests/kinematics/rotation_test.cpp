// SPDX-License-Identifier: Apache-2.0
#include "sinew/kinematics/rotation.hpp"

#include <doctest/doctest.h>

#include <Eigen/Eigenvalues>
#include <array>
#include <limits>
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

/// Angles over powers of ten from both ends, 0 < angle < pi; a float's start at 1e-37.
std::vector<double> sweep(int smallest_exponent = -300, int nearest_to_pi = -15) {
  std::vector<double> angles;
  for (int exponent = smallest_exponent; exponent <= 0; ++exponent) {
    for (const double digit : {1.0, 2.3, 7.7}) angles.push_back(std::min(digit * std::pow(10.0, exponent), 3.0));
  }
  for (int exponent = nearest_to_pi; exponent < 0; ++exponent) angles.push_back(M_PI - std::pow(10.0, exponent));
  return angles;
}

}  // namespace

TEST_CASE("rotation: exp agrees with Rodrigues' formula in extended precision to 1e-15 at every angle") {
  testing::Random random(1);
  for (const double angle : sweep()) {
    for (int trial = 0; trial < 100; ++trial) {
      const Eigen::Vector3d rotvec = angle * random_axis(random);
      const LongVector exact = rotvec.cast<long double>();
      CAPTURE(angle);
      const Eigen::Matrix3d R = rotation_exp(rotvec);
      REQUIRE((R.cast<long double>() - rodrigues(exact)).cwiseAbs().maxCoeff() <= 1e-15L);
      // The skew part carries the angle: right relative to its size, however small.
      const LongVector skew = std::sin(exact.norm()) / exact.norm() * exact;
      const Eigen::Vector3d written(R(2, 1) - R(1, 2), R(0, 2) - R(2, 0), R(1, 0) - R(0, 1));
      if (angle < 1) REQUIRE((written.cast<long double>() / 2 - skew).norm() <= 1e-15L * skew.norm());
      const LongVector half = std::sin(exact.norm() / 2) / exact.norm() * exact;
      REQUIRE((quaternion_exp(rotvec).vec().cast<long double>() - half).norm() <= 1e-15L * half.norm());
    }
  }
}

TEST_CASE("rotation: log recovers the rotation vector to 1e-15 of its length at every angle") {
  testing::Random random(2);
  for (const double angle : sweep()) {
    for (int trial = 0; trial < 100; ++trial) {
      const Eigen::Vector3d rotvec = angle * random_axis(random);
      const Eigen::Matrix3d R = rodrigues(rotvec.cast<long double>()).cast<double>();
      CAPTURE(angle);
      REQUIRE((rotation_log(R) - rotvec).norm() <= 1e-15 * rotvec.norm());
      const Eigen::Quaterniond q = quaternion_exp(rotvec);
      REQUIRE((quaternion_log(q) - rotvec).norm() <= 1e-15 * rotvec.norm());
      REQUIRE(quaternion_log(Eigen::Quaterniond(-q.coeffs())) == quaternion_log(q));
    }
  }
  CHECK(rotation_log(Eigen::Matrix3d::Identity()).norm() == 0);
  CHECK(rotation_exp(Eigen::Vector3d::Zero()) == Eigen::Matrix3d::Identity());
}

TEST_CASE_TEMPLATE("rotation: log after exp returns within 4 ulp, exp after log within 5, in float and in double", Scalar, float, double) {
  constexpr bool kFloat = std::is_same_v<Scalar, float>;
  constexpr Scalar kUlp = std::numeric_limits<Scalar>::epsilon();
  testing::Random random(7);
  for (const double angle : kFloat ? sweep(-37, -6) : sweep()) {
    for (int trial = 0; trial < 100; ++trial) {
      const Eigen::Vector<Scalar, 3> rotvec = (angle * random_axis(random)).cast<Scalar>();
      CAPTURE(angle);
      const Eigen::Matrix<Scalar, 3, 3> R = rotation_exp(rotvec);
      REQUIRE((rotation_log(R) - rotvec).norm() <= 4 * kUlp * rotvec.norm());
      REQUIRE((rotation_exp(rotation_log(R)) - R).cwiseAbs().maxCoeff() <= 5 * kUlp);  // near pi a half ulp of the angle is one of R
      const LongMatrix exact = rodrigues(rotvec.template cast<long double>());
      REQUIRE((R.template cast<long double>() - exact).cwiseAbs().maxCoeff() <= 4.5L * kUlp);
    }
  }
}

TEST_CASE("rotation: exp is a rotation for every finite vector") {
  for (const double length : {1e3, 1e100, 1e154, 1e155, 1e200, 1e300, 1e308}) {
    CAPTURE(length);
    const Eigen::Matrix3d R = rotation_exp(Eigen::Vector3d(length, -length, 0.5 * length));
    CHECK((R.transpose() * R - Eigen::Matrix3d::Identity()).norm() < 1e-14);
  }
  // About one axis the length is exact, so the angle is that of the C library, which reduces exactly.
  const Eigen::Matrix3d about_z = rotation_exp(Eigen::Vector3d(0, 0, 1e100));
  CHECK((about_z - Eigen::AngleAxisd(1e100, Eigen::Vector3d::UnitZ()).toRotationMatrix()).norm() < 1e-14);
  const Eigen::Vector3f large(0, 1e30F, 0);
  CHECK(quaternion_exp(large).norm() == doctest::Approx(1).epsilon(1e-6));
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

TEST_CASE("rotation: rpy turns about fixed axes, roll first; xyz_intrinsic about turning axes") {
  testing::Random random(4);
  for (int trial = 0; trial < 1000; ++trial) {
    const Eigen::Vector3d rpy(random.uniform(-3, 3), random.uniform(-1.5, 1.5), random.uniform(-3, 3));
    const Eigen::Matrix3d expected =
        (Eigen::AngleAxisd(rpy[2], Eigen::Vector3d::UnitZ()) * Eigen::AngleAxisd(rpy[1], Eigen::Vector3d::UnitY()) *
         Eigen::AngleAxisd(rpy[0], Eigen::Vector3d::UnitX()))
            .toRotationMatrix();
    CHECK((matrix_from_rpy(rpy) - expected).norm() < 3e-15);
    CHECK((rpy_from_matrix(expected) - rpy).norm() < 1e-13);
    const Eigen::Matrix3d turning =
        (Eigen::AngleAxisd(rpy[0], Eigen::Vector3d::UnitX()) * Eigen::AngleAxisd(rpy[1], Eigen::Vector3d::UnitY()) *
         Eigen::AngleAxisd(rpy[2], Eigen::Vector3d::UnitZ()))
            .toRotationMatrix();
    CHECK((matrix_from_xyz_intrinsic(rpy) - turning).norm() < 3e-15);
    CHECK((xyz_intrinsic_from_matrix(turning) - rpy).norm() < 1e-13);
  }
  // At and near gimbal lock the angles differ, the rotation must not.
  for (int exponent = -17; exponent < 0; ++exponent) {
    for (const double sign : {1.0, -1.0}) {
      const double pitch = sign * (M_PI / 2 - std::pow(10.0, exponent));
      CAPTURE(pitch);
      const Eigen::Matrix3d R = matrix_from_rpy({0.4, pitch, 1.1});
      CHECK((matrix_from_rpy(rpy_from_matrix(R)) - R).norm() < 1.5e-14);
      const Eigen::Matrix3d turning = matrix_from_xyz_intrinsic({0.4, pitch, 1.1});
      CHECK((matrix_from_xyz_intrinsic(xyz_intrinsic_from_matrix(turning)) - turning).norm() < 1.5e-14);
    }
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
      {RotationLayout::xyz_intrinsic, {0, 0, M_PI / 2}},
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
    for (int index = 0; index < 8; ++index) {
      const auto layout = static_cast<RotationLayout>(index);
      std::array<double, 6> buffer;
      const auto values = std::span(buffer).first(static_cast<std::size_t>(rotation_size(layout)));
      REQUIRE(from_matrix(R, layout, values));
      const auto back = to_matrix(values, layout);
      REQUIRE(back);
      CAPTURE(to_string(layout));
      REQUIRE((*back - R).norm() < 5e-15);
    }
  }
}

TEST_CASE("rotation: Gram-Schmidt keeps the first vector and the plane") {
  const auto R = from_rot6d_columns({2, 0, 0}, {3, 5, 0});
  REQUIRE(R);
  CHECK((*R - Eigen::Matrix3d::Identity()).norm() < 1e-15);
}

TEST_CASE("rotation: nearest_rotation is a rotation that no small turn brings nearer") {
  testing::Random random(8);
  int refused = 0;
  for (int trial = 0; trial < 2000; ++trial) {
    Eigen::Matrix3d M;
    for (double& entry : M.reshaped()) entry = random.uniform(-1, 1);
    M *= std::pow(10.0, random.uniform(-100, 100));
    const auto R = nearest_rotation(M);
    if (!R) {
      ++refused;
      continue;
    }
    REQUIRE((R->transpose() * *R - Eigen::Matrix3d::Identity()).norm() < 1e-14);
    REQUIRE(R->determinant() > 0);
    // |M - R|^2 = const - 2 tr(R^T M) is least where R^T M is symmetric and tr(S) I - S positive semi-definite (Horn 1988).
    const Eigen::Matrix3d S = R->transpose() * M / M.norm();
    REQUIRE((S - S.transpose()).norm() < 1e-13);
    const Eigen::Matrix3d curvature = S.trace() * Eigen::Matrix3d::Identity() - 0.5 * (S + S.transpose());
    REQUIRE(Eigen::SelfAdjointEigenSolver<Eigen::Matrix3d>(curvature).eigenvalues().minCoeff() > -1e-13);
  }
  CHECK(refused < 10);
  const auto same = nearest_rotation(matrix_from_rpy({0.3, -1, 2}));
  REQUIRE(same);
  CHECK((*same - matrix_from_rpy({0.3, -1, 2})).norm() < 2e-15);
  // Two vectors fix a rotation, one does not; a reflection of a cube has three that are as near.
  const Eigen::Vector3d unit = Eigen::Vector3d::UnitX();
  CHECK(nearest_rotation(Eigen::Vector3d(2, 1, 0).asDiagonal().toDenseMatrix()));
  CHECK(nearest_rotation(Eigen::Vector3d(3, 2, -1).asDiagonal().toDenseMatrix()));
  CHECK_FALSE(nearest_rotation(unit * unit.transpose()));
  CHECK_FALSE(nearest_rotation(-Eigen::Matrix3d::Identity()));
  CHECK_FALSE(nearest_rotation(Eigen::Vector3d(1, 1, -1).asDiagonal().toDenseMatrix()));
  CHECK_FALSE(nearest_rotation(Eigen::Matrix3d::Zero()));
  CHECK_FALSE(nearest_rotation(Eigen::Matrix3d::Identity() * std::nan("")));
  CHECK_FALSE(nearest_rotation(Eigen::Matrix3d::Identity() * INFINITY));
}

TEST_CASE("rotation: what is no rotation is refused") {
  const double nan = std::nan("");
  const auto refused = [](std::vector<double> values, RotationLayout layout) { return !to_matrix(values, layout); };
  CHECK(refused({0, 0, 0, 0}, RotationLayout::xyzw));
  CHECK(refused({0, 0, 0, 1.01}, RotationLayout::xyzw));
  CHECK(refused({nan, 0, 0, 1}, RotationLayout::wxyz));
  CHECK(refused({0, 0, 1}, RotationLayout::wxyz));
  CHECK(refused({0, nan, 0}, RotationLayout::rotvec));
  for (const auto layout : {RotationLayout::rotvec, RotationLayout::rpy, RotationLayout::xyz_intrinsic}) {
    CHECK(refused({0, 1e300, 0}, layout));
    CHECK(refused({0, 0, -1.001 * kLargestAngle}, layout));
    CHECK_FALSE(refused({0, 0, kLargestAngle}, layout));
  }
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
