// SPDX-License-Identifier: Apache-2.0
// Reads rows in every layout of their width and compares with known rotations.
#include "sinew/kinematics/detect_rotation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numbers>
#include <numeric>

#include "sinew/core/error.hpp"

namespace sinew {
namespace {

constexpr std::array kLayouts = {
    RotationLayout::xyzw,          RotationLayout::wxyz,          RotationLayout::rotvec,     RotationLayout::rpy,
    RotationLayout::xyz_intrinsic, RotationLayout::rot6d_columns, RotationLayout::rot6d_rows, RotationLayout::rot6d_interleaved};
/// rad: what float32 leaves of a rotation; nothing smaller tells two readings apart.
constexpr double kFloatNoise = 1e-6;

using Matrices = std::vector<std::optional<Eigen::Matrix3d>>;

struct Reading {
  RotationFit fit;
  Matrices matrices;           ///< one per row; none where the row is no rotation
  std::vector<double> angles;  ///< rad, to the known rotation
};

double angle_between(const std::optional<Eigen::Matrix3d>& A, const std::optional<Eigen::Matrix3d>& B) noexcept {
  if (!A || !B) return A.has_value() == B.has_value() ? 0.0 : std::numbers::pi;
  return rotation_log(A->transpose() * *B).norm();
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

Reading read(std::span<const double> rows, std::span<const Eigen::Matrix3d> rotations, RotationLayout layout, bool inverse) {
  Reading reading{.fit = {.layout = layout, .inverse = inverse}};
  const auto size = static_cast<std::size_t>(rotation_size(layout));
  for (std::size_t i = 0; i < rotations.size(); ++i) {
    auto matrix = to_matrix(rows.subspan(i * size, size), layout);
    if (matrix && inverse) matrix->transposeInPlace();
    reading.fit.refused += matrix ? 0 : 1;
    reading.angles.push_back(matrix ? angle_between(matrix, rotations[i]) : std::numbers::pi);
    reading.matrices.push_back(matrix);
  }
  reading.fit.median_angle = median(reading.angles);
  reading.fit.mean_angle = std::accumulate(reading.angles.begin(), reading.angles.end(), 0.0) / static_cast<double>(rotations.size());
  reading.fit.max_angle = *std::max_element(reading.angles.begin(), reading.angles.end());
  return reading;
}

bool indistinct(const Reading& best, const Reading& other) {
  const double threshold = std::max(kFloatNoise, 3.0 * best.fit.median_angle);
  std::size_t differ = 0, nearer = 0;
  for (std::size_t i = 0; i < best.angles.size(); ++i) {
    if (angle_between(best.matrices[i], other.matrices[i]) <= threshold) continue;
    ++differ;
    nearer += best.angles[i] < other.angles[i] ? 1 : 0;
  }
  return differ == 0 || 10 * nearer < 9 * differ;
}

}  // namespace

RotationDetection detect_rotation(std::span<const double> rows, std::span<const Eigen::Matrix3d> rotations) {
  const std::size_t count = rotations.size();
  const std::size_t width = count > 0 && rows.size() % count == 0 ? rows.size() / count : 0;
  if (width != 3 && width != 4 && width != 6)
    fail(ErrorCode::invalid_argument, {"detect_rotation", "rows", "3, 4 or 6 numbers per known rotation",
                                       fmt::format("{} numbers for {} rotations", rows.size(), count), ""});
  for (std::size_t i = 0; i < count; ++i) {
    if (!is_rotation(rotations[i]))
      fail(ErrorCode::invalid_argument,
           {"detect_rotation", fmt::format("known rotation {}", i), "a rotation matrix", "something else", "nearest_rotation mends it"});
  }
  std::vector<Reading> readings;
  for (const RotationLayout layout : kLayouts) {
    if (static_cast<std::size_t>(rotation_size(layout)) != width) continue;
    readings.push_back(read(rows, rotations, layout, false));
    const bool listed_as_other = layout == RotationLayout::rot6d_columns || layout == RotationLayout::rot6d_rows;
    if (!listed_as_other) readings.push_back(read(rows, rotations, layout, true));
  }
  // Where the robot mostly stands still several medians are rounding; then the mean decides.
  std::ranges::stable_sort(readings, {}, [](const Reading& reading) {
    return std::pair(std::max(reading.fit.median_angle, kFloatNoise), std::max(reading.fit.mean_angle, kFloatNoise));
  });
  RotationDetection detection;
  for (Reading& reading : readings) {
    reading.fit.indistinct = &reading != &readings.front() && indistinct(readings.front(), reading);
    detection.ambiguous |= reading.fit.indistinct;
    detection.ranked.push_back(reading.fit);
  }
  return detection;
}

}  // namespace sinew
