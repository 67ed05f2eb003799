// SPDX-License-Identifier: Apache-2.0
#include "sinew/kinematics/detect_rotation.hpp"

#include <doctest/doctest.h>

#include <array>
#include <vector>

#include "sinew/core/error.hpp"
#include "test_seed.hpp"

using namespace sinew;

namespace {

struct DataSet {
  std::vector<double> rows;
  std::vector<Eigen::Matrix3d> rotations;
};

/// Rotations by up to `angle` about axes of every direction, written in `layout`; `noise` (rad) is between rows and rotations.
DataSet data_set(RotationLayout layout, bool inverse, double angle, double noise, int count = 200) {
  testing::Random random(11);
  const auto vector = [&] { return Eigen::Vector3d(random.uniform(-1, 1), random.uniform(-1, 1), random.uniform(-1, 1)); };
  DataSet data;
  for (int i = 0; i < count; ++i) {
    const Eigen::Matrix3d R = rotation_exp(angle * vector());
    std::array<double, 6> row;
    const auto values = std::span(row).first(static_cast<std::size_t>(rotation_size(layout)));
    REQUIRE(from_matrix(inverse ? Eigen::Matrix3d(R.transpose()) : R, layout, values));
    data.rows.insert(data.rows.end(), values.begin(), values.end());
    data.rotations.push_back(R * rotation_exp(noise * vector()));
  }
  return data;
}

}  // namespace

TEST_CASE("detect_rotation: names every layout and the inverse, with float noise and with measuring noise") {
  for (int index = 0; index < 8; ++index) {
    for (const bool inverse : {false, true}) {
      for (const double noise : {0.0, 1e-7, 1e-2}) {
        const auto layout = static_cast<RotationLayout>(index);
        CAPTURE(to_string(layout));
        CAPTURE(inverse);
        CAPTURE(noise);
        const DataSet data = data_set(layout, inverse, 1.7, noise);
        const RotationDetection found = detect_rotation(data.rows, data.rotations);
        RotationLayout expected = layout;
        bool expected_inverse = inverse;
        if (inverse && (layout == RotationLayout::rot6d_columns || layout == RotationLayout::rot6d_rows)) {
          expected = layout == RotationLayout::rot6d_rows ? RotationLayout::rot6d_columns : RotationLayout::rot6d_rows;
          expected_inverse = false;
        }
        CHECK(found.ranked.front().layout == expected);
        CHECK(found.ranked.front().inverse == expected_inverse);
        CHECK(found.ranked.front().median_angle <= 1.2 * noise + 1e-14);
        CHECK(found.ranked.front().max_angle <= 1.8 * noise + 2e-14);
        CHECK(found.ranked[1].median_angle > 0.05);
        CHECK_FALSE(found.ambiguous);
      }
    }
  }
}

TEST_CASE("detect_rotation: says so when the data cannot tell") {
  // Turns about z alone: rotation vector, rpy and intrinsic xyz are the same numbers.
  std::vector<double> rows;
  std::vector<Eigen::Matrix3d> rotations;
  for (int i = 1; i < 50; ++i) {
    rows.insert(rows.end(), {0, 0, 0.05 * i});
    rotations.push_back(Eigen::AngleAxisd(0.05 * i, Eigen::Vector3d::UnitZ()).toRotationMatrix());
  }
  const RotationDetection about_z = detect_rotation(rows, rotations);
  CHECK(about_z.ambiguous);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK_FALSE(about_z.ranked[i].inverse);
    CHECK(about_z.ranked[i].indistinct == (i > 0));
  }
  for (std::size_t i = 3; i < 6; ++i) CHECK_FALSE(about_z.ranked[i].indistinct);
  // Small turns under larger noise: the three differ by less than what was measured.
  const DataSet small = data_set(RotationLayout::rotvec, false, 0.02, 0.01);
  CHECK(detect_rotation(small.rows, small.rotations).ambiguous);
  const DataSet exact = data_set(RotationLayout::rotvec, false, 0.02, 0);
  CHECK_FALSE(detect_rotation(exact.rows, exact.rotations).ambiguous);
  // No rotation at all.
  const std::vector<Eigen::Matrix3d> still(10, Eigen::Matrix3d::Identity());
  CHECK(detect_rotation(std::vector<double>(30, 0.0), still).ambiguous);
}

TEST_CASE("detect_rotation: a robot that mostly stands still, and spoiled rows, do not mislead it") {
  DataSet data = data_set(RotationLayout::xyz_intrinsic, false, 1.5, 0, 300);
  for (std::size_t i = 0; i < 200; ++i) {
    std::fill_n(data.rows.begin() + static_cast<std::ptrdiff_t>(3 * i), 3, 0.0);
    data.rotations[i].setIdentity();
  }
  for (std::size_t i = 200; i < 205; ++i) data.rows[3 * i] = std::nan("");
  const RotationDetection found = detect_rotation(data.rows, data.rotations);
  CHECK(found.ranked.front().layout == RotationLayout::xyz_intrinsic);
  CHECK(found.ranked.front().refused == 5);
  CHECK(found.ranked.front().max_angle == doctest::Approx(M_PI));
  CHECK_FALSE(found.ambiguous);
}

TEST_CASE("detect_rotation: refuses what it cannot score") {
  const std::vector<Eigen::Matrix3d> one(1, Eigen::Matrix3d::Identity());
  const std::vector<Eigen::Matrix3d> bent(1, 2 * Eigen::Matrix3d::Identity());
  CHECK_THROWS_WITH_AS((void)detect_rotation(std::vector<double>(5), one), doctest::Contains("3, 4 or 6"), Error);
  CHECK_THROWS_WITH_AS((void)detect_rotation({}, {}), doctest::Contains("0 rotations"), Error);
  CHECK_THROWS_WITH_AS((void)detect_rotation(std::vector<double>(3), bent), doctest::Contains("known rotation 0"), Error);
}
