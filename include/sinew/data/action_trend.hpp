// SPDX-License-Identifier: Apache-2.0
// Curation, stage 2: do the joints go where the actions send them, and how much later?
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace sinew {

/// How states and actions are compared.
struct ActionTrendOptions {
  int smooth_window = 5;           ///< frames, of Savitzky-Golay, before differences are taken
  int smooth_order = 2;            ///< of its polynomial
  int most_lag = 10;               ///< frames that are searched, forwards and backwards
  int expected_lag = 1;            ///< frames: an action says where to be at the next frame
  double least_correlation = 0.5;  ///< below this no lag is believed
  double least_gain = 0.02;        ///< of correlation, for another lag than the expected one to be believed
  std::size_t least_pairs = 20;    ///< of frames that a lag compares, and half of those that the expected lag does: fewer say nothing
  double dead_band = 0.05;         ///< of the joint's 95 % quantile of motion: less is no motion
  double least_motion = 0.002;     ///< rad or m between two frames: less is no motion
  double least_agreement = 0.65;   ///< share of directions; an episode below it is rejected
  std::size_t least_moving = 20;   ///< moving frames that a joint's or an episode's share needs to count
};

/// Measured positions and actions of the same joints over one episode, both `[n, joints]` row-major.
struct TrendEpisode {
  std::span<const double> states;
  std::span<const double> actions;
  std::size_t joints = 0;
};

/// By how many frames the states trail the actions.
struct LagFit {
  int lag = 0;
  double correlation = 0;           ///< at that lag, of the motion of all joints
  double expected_correlation = 0;  ///< at the expected lag
};

/// Frames in which state and action both move, and those of them in which they move the same way, `[joints]`.
struct DirectionCount {
  std::vector<std::size_t> moving;
  std::vector<std::size_t> agreeing;
  /// Share over all joints; 1 when nothing moves.
  [[nodiscard]] double share() const noexcept;
  [[nodiscard]] std::size_t total() const noexcept;
};

/// The lag with the largest cross-correlation of the differences from frame to frame, over all episodes, each joint weighing the same,
/// whichever its sign. The expected lag unless another is better by `least_gain`, compares enough frames, and is a peak: better than both
/// of its neighbours, and so not at an end of what is searched.
[[nodiscard]] LagFit find_lag(std::span<const TrendEpisode> episodes, const ActionTrendOptions& options = {});

/// Directions of the smoothed motion, the states `lag` frames later than the actions.
[[nodiscard]] DirectionCount count_directions(const TrendEpisode& episode, int lag, const ActionTrendOptions& options = {});

}  // namespace sinew
