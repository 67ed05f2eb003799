// SPDX-License-Identifier: Apache-2.0
// Tells how a data set writes its rotations, from rows whose true rotations are known (forward kinematics of the recorded joints).
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <span>
#include <vector>

#include "sinew/kinematics/rotation.hpp"

namespace sinew {

/// How well one reading of the rows agrees with the known rotations.
struct RotationFit {
  RotationLayout layout = RotationLayout::xyzw;
  bool inverse = false;     ///< the rows hold the inverse rotation: frame_from_base where base_from_frame was expected
  double median_angle = 0;  ///< rad, over all rows; a row that is no rotation in this layout counts as pi
  double mean_angle = 0;    ///< rad
  double max_angle = 0;     ///< rad
  std::size_t refused = 0;  ///< rows that are no rotation in this layout
  bool indistinct = false;  ///< these data do not tell it from the best
};

/// What detect_rotation found.
struct RotationDetection {
  std::vector<RotationFit> ranked;  ///< every reading of that width, best first
  bool ambiguous = false;           ///< another reading agrees with the data as well as the best does
};

/// Ranks every layout of the rows' width, and the inverse of each, by the angle between what the row says and the known rotation.
///
/// `rows` is [n, 3, 4 or 6], row-major, `rotations` the n matrices. rot6d_columns of R is rot6d_rows of its inverse, so neither is
/// listed as inverse. Two readings are told apart by the rows where they differ by more than three times the best one's median error
/// and by more than 1e-6 rad (float32 data): if there is no such row, or the best is nearer in fewer than nine tenths of them, the
/// other is indistinct. A best reading with a large median means that the data are written in none of these ways, or that their
/// frame is not the one of `rotations`.
/// Throws Error when n is 0, the sizes do not fit, or a known matrix is no rotation.
[[nodiscard]] RotationDetection detect_rotation(std::span<const double> rows, std::span<const Eigen::Matrix3d> rotations);

}  // namespace sinew
