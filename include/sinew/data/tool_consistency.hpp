// SPDX-License-Identifier: Apache-2.0
// Curation, stages 4 and 5: do the recorded tool poses follow from the recorded joints, and which constant mistake explains it if not?
#pragma once

#include <Eigen/Geometry>
#include <cstddef>
#include <span>
#include <vector>

#include "sinew/kinematics/chain.hpp"

namespace sinew {

/// What counts as consistent, and how long a constant explanation is searched.
struct ToolConsistencyOptions {
  double most_position = 0.005;      ///< m: a frame beyond it is rejected
  double most_angle = 0.02;          ///< rad
  double position_tolerance = 1e-3;  ///< m: median that an explanation must reach; smaller offsets are none
  double angle_tolerance = 5e-3;     ///< rad
  std::size_t samples = 128;         ///< frames, evenly taken, that the search compares
  int most_flips = 10;               ///< joints whose signs are searched in all combinations; with more joints, singly and in pairs
};

/// The constants that lead from joints to recorded poses: recorded = recorded_from_base * forward(signs * q) * tip_from_recorded.
struct ToolFit {
  std::vector<double> signs;                                             ///< `[dof]` 1 or -1
  Eigen::Isometry3d recorded_from_base = Eigen::Isometry3d::Identity();  ///< where the poses' base is
  Eigen::Isometry3d tip_from_recorded = Eigen::Isometry3d::Identity();   ///< where the tool is that the poses are of
  double position_error = 0;                                             ///< m, median over the samples
  double angle_error = 0;                                                ///< rad
  bool found = false;                                                    ///< the medians are within the tolerances
  bool ambiguous = false;                                                ///< as few changes of another kind explain the samples as well
  /// Whether nothing has to be changed.
  [[nodiscard]] bool identity() const noexcept;
};

/// Distance of each recorded pose from the one that the joints give, `[n]` each; NaN where a pose or a joint is not finite.
struct ToolErrors {
  std::vector<double> position;  ///< m
  std::vector<double> angle;     ///< rad
};

/// Searches, fewest changes first: nothing; a constant tool offset; a constant base; the signs of joints; a base turned by right angles
/// (24 of them); each with a tool offset. `q` is `[n, dof]`, `poses` `[n, 7]`: position (m) and quaternion w, x, y, z. Throws Error when
/// the sizes do not fit. Not found when no frame is finite.
[[nodiscard]] ToolFit fit_tool(const Chain<>& chain, std::span<const double> q, std::span<const double> poses,
                               const ToolConsistencyOptions& options = {});

/// Compares every frame, in batches through pose_errors(). Throws Error when the sizes do not fit.
[[nodiscard]] ToolErrors tool_errors(const Chain<>& chain, std::span<const double> q, std::span<const double> poses, const ToolFit& fit);

/// Where the tool works, seen from the base, from positions alone.
struct BaseDirection {
  double angle = 0;          ///< rad about z, from +x to the middle of the workspace
  double concentration = 0;  ///< 0 to 1: length of the mean of the unit directions
  int quarter_turns = 0;     ///< of the base about +z that bring the middle of the workspace nearest to +x
};

/// The convention of data sets is +x forward. `poses` `[n, width]`, position first.
[[nodiscard]] BaseDirection base_direction(std::span<const double> poses, std::size_t width);

}  // namespace sinew
