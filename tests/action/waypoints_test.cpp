// SPDX-License-Identifier: Apache-2.0
// Waypoints: scale and its inverse, steps and sums, body and world.
#include "sinew/action/waypoints.hpp"

#include <doctest/doctest.h>

#include <Eigen/Geometry>
#include <limits>
#include <numbers>
#include <vector>

#include "test_seed.hpp"

using namespace sinew;
using sinew::testing::Random;

namespace {

constexpr double kPi = std::numbers::pi;

std::vector<double> random_rows(Random& random, std::size_t n, double reach) {
  std::vector<double> rows;
  for (std::size_t i = 0; i < n; ++i)
    for (const double limit : {reach, reach, kPi}) rows.push_back(random.uniform(-limit, limit));
  return rows;
}

/// The oracle: homogeneous matrices of Eigen.
Eigen::Isometry2d matrix(double x, double y, double heading) { return Eigen::Translation2d(x, y) * Eigen::Rotation2Dd(heading); }

double distance(const Eigen::Isometry2d& pose, const double* row) {
  return (pose.matrix() - matrix(row[0], row[1], row[2]).matrix()).cwiseAbs().maxCoeff();
}

}  // namespace

TEST_CASE("waypoints: unscale undoes scale inside the percentile, and what is outside is clipped to it") {
  Random random(31);
  const WaypointScale scale{2.5, 1.5, 0.8};
  std::vector<double> rows = {1, -1, 0.4, 5, -1.5, -2};
  REQUIRE(scale_waypoints(scale, rows) == Status::ok);
  const std::vector<double> expected = {0.4, -1 / 1.5, 0.5, 1, -1, -1};
  for (std::size_t i = 0; i < rows.size(); ++i) CHECK(rows[i] == doctest::Approx(expected[i]));
  REQUIRE(unscale_waypoints(scale, rows) == Status::ok);
  const std::vector<double> back = {1, -1, 0.4, 2.5, -1.5, -0.8};
  for (std::size_t i = 0; i < rows.size(); ++i) CHECK(rows[i] == doctest::Approx(back[i]));
}

TEST_CASE("waypoints: chained steps are products of transforms, and come apart again") {
  Random random(32);
  for (int trial = 0; trial < 200; ++trial) {
    const std::vector<double> steps = random_rows(random, 8, 1);
    std::vector<double> rows = steps;
    REQUIRE(chain_waypoints(rows) == Status::ok);
    Eigen::Isometry2d pose = Eigen::Isometry2d::Identity();
    for (std::size_t i = 0; i < 24; i += 3) {
      pose = pose * matrix(steps[i], steps[i + 1], steps[i + 2]);
      CHECK(distance(pose, rows.data() + i) < 1e-12);
    }
    REQUIRE(unchain_waypoints(rows) == Status::ok);
    for (std::size_t i = 0; i < 24; ++i) CHECK(rows[i] == doctest::Approx(steps[i]).epsilon(1e-9));
  }
}

TEST_CASE("waypoints: body to world and back, against Eigen") {
  Random random(33);
  for (int trial = 0; trial < 200; ++trial) {
    const Waypoint<double> body{random.uniform(-9, 9), random.uniform(-9, 9), random.uniform(-kPi, kPi)};
    const std::vector<double> local = random_rows(random, 8, 3);
    std::vector<double> rows = local;
    REQUIRE(waypoints_to_world(body, rows) == Status::ok);
    for (std::size_t i = 0; i < 24; i += 3) {
      CHECK(distance(matrix(body.x, body.y, body.heading) * matrix(local[i], local[i + 1], local[i + 2]), rows.data() + i) < 1e-12);
      CHECK(std::abs(rows[i + 2]) <= kPi);
    }
    REQUIRE(waypoints_to_body(body, rows) == Status::ok);
    for (std::size_t i = 0; i < 24; ++i) CHECK(rows[i] == doctest::Approx(local[i]).epsilon(1e-9));
  }
}

TEST_CASE("waypoints: headings are in (-pi, pi]") {
  CHECK(wrap_heading(-kPi) == kPi);
  CHECK(wrap_heading(kPi) == kPi);
  CHECK(wrap_heading(3 * kPi + 0.1) == doctest::Approx(-kPi + 0.1));
  CHECK(wrap_heading(0.5F) == 0.5F);
}

TEST_CASE("waypoints: refused rows stay as they are") {
  std::vector<double> rows = {1, 2, std::numeric_limits<double>::quiet_NaN()};
  CHECK(unscale_waypoints({2, 2, 2}, rows) == Status::not_finite);
  CHECK(rows[0] == 1);
  rows[2] = 3;
  CHECK(unscale_waypoints({2, 0, 2}, rows) == Status::out_of_range);
  CHECK(scale_waypoints({2, 2, std::numeric_limits<double>::infinity()}, rows) == Status::out_of_range);
  CHECK(chain_waypoints(std::span(rows).first(2)) == Status::bad_shape);
  CHECK(rows[0] == 1);
}
