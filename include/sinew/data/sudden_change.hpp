// SPDX-License-Identifier: Apache-2.0
// Curation, stage 1: values that leave the trend of their column and come back, or jump.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace sinew {

/// How the trend is made, and what is too far from it. Bounds follow from the whole data set: a factor times the 95 % quantile of what
/// there is, but not less than a floor.
struct SuddenChangeOptions {
  int first_median = 3;           ///< frames
  int second_median = 5;          ///< frames
  int smooth_window = 5;          ///< frames, of Savitzky-Golay
  int smooth_order = 2;           ///< of its polynomial
  double residual_factor = 4;     ///< times the quantile of |residual|
  double derivative_factor = 5;   ///< times the quantiles of |acceleration| and |jerk|
  double least_residual = 0.02;   ///< rad or m: no bound is below this
  double least_acceleration = 2;  ///< rad/s^2 or m/s^2
  double least_jerk = 40;         ///< rad/s^3 or m/s^3
  std::size_t most_bridged = 2;   ///< frames in a row without a number that a line stands for; more of them part the column
};

/// How far each frame of a column is from its trend, `[n]` each, all >= 0; NaN where a frame was not judged.
struct ColumnChange {
  std::vector<double> residual;      ///< |x - trend|
  std::vector<double> acceleration;  ///< |second difference| / period^2, centred on the frame
  std::vector<double> jerk;          ///< |third difference| / period^3, the larger of the two that are nearest
};

/// What a column may show.
struct ChangeBounds {
  double residual = 0;
  double acceleration = 0;
  double jerk = 0;
};

/// Compares a column, one value per frame, `period` s apart, with its trend: Savitzky-Golay of a median of a median. `missing`: frames that
/// are absent before each, `[n]`; empty: none. Short gaps (NaN or absent) are bridged; longer ones part the column, and each part is
/// compared with its own trend, so that nothing is judged by what a gap hides. Parts of fewer than 5 frames are not judged.
[[nodiscard]] ColumnChange measure_change(std::span<const double> column, double period, const SuddenChangeOptions& options = {},
                                          std::span<const std::size_t> missing = {});

/// Bounds for one column from all episodes of the data set; of the derivatives from frames that are more than two away from a residual
/// beyond its bound.
[[nodiscard]] ChangeBounds change_bounds(std::span<const ColumnChange> episodes, const SuddenChangeOptions& options = {});

/// Frames where the residual and one of the derivatives exceed their bounds, in order.
[[nodiscard]] std::vector<std::size_t> sudden_frames(const ColumnChange& change, const ChangeBounds& bounds);

}  // namespace sinew
