// SPDX-License-Identifier: Apache-2.0
#include "sinew/data/sudden_change.hpp"

#include <algorithm>
#include <cmath>

#include "sinew/data/smoothing.hpp"

namespace sinew {

namespace {

constexpr std::size_t kLeastFrames = 5;
constexpr double kQuantile = 0.95;
constexpr std::size_t kReach = 2;  // frames to both sides whose derivatives a jump is in

void measure_derivatives(std::span<const double> x, double period, ColumnChange& change) {
  const std::size_t n = x.size();
  const double acceleration = 1 / (period * period), jerk = acceleration / period;
  for (std::size_t i = 1; i + 1 < n; ++i) change.acceleration[i] = std::abs(x[i + 1] - 2 * x[i] + x[i - 1]) * acceleration;
  change.acceleration.front() = change.acceleration[1];
  change.acceleration.back() = change.acceleration[n - 2];
  for (std::size_t i = 0; i + 3 < n; ++i) {
    const double third = std::abs(x[i + 3] - 3 * x[i + 2] + 3 * x[i + 1] - x[i]) * jerk;
    for (std::size_t k = i + 1; k <= i + 2; ++k) change.jerk[k] = std::max(change.jerk[k], third);
  }
  change.jerk.front() = change.jerk[1];
  change.jerk.back() = change.jerk[n - 2];
}

double bound_of(std::vector<double> values, double factor, double least) {
  return values.empty() ? least : std::max(least, factor * quantile(std::move(values), kQuantile));
}

/// The derivatives of frames that no jump reaches: one jump is in the derivatives of up to five frames, so that a few would otherwise
/// make the quantiles that are to find them.
std::vector<double> steady_values(std::span<const ColumnChange> episodes, std::vector<double> ColumnChange::* values,
                                  double most_residual) {
  std::vector<double> steady;
  for (const ColumnChange& episode : episodes) {
    const std::size_t n = episode.residual.size();
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t first = i < kReach ? 0 : i - kReach, last = std::min(n - 1, i + kReach);
      const auto near = std::span(episode.residual).subspan(first, last - first + 1);
      if (std::ranges::none_of(near, [most_residual](double residual) { return residual > most_residual; }))
        steady.push_back((episode.*values)[i]);
    }
  }
  return steady;
}

}  // namespace

ColumnChange measure_change(std::span<const double> column, double period, const SuddenChangeOptions& options) {
  const std::size_t n = column.size();
  ColumnChange change{std::vector<double>(n), std::vector<double>(n), std::vector<double>(n)};
  if (n < kLeastFrames || !(period > 0)) return change;
  const std::vector<double> x = bridge_gaps(column);
  const std::vector<double> steady = median_filter(median_filter(x, options.first_median), options.second_median);
  const std::vector<double> trend = savitzky_golay(steady, options.smooth_window, options.smooth_order);
  for (std::size_t i = 0; i < n; ++i) change.residual[i] = std::abs(x[i] - trend[i]);
  measure_derivatives(x, period, change);
  return change;
}

ChangeBounds change_bounds(std::span<const ColumnChange> episodes, const SuddenChangeOptions& options) {
  std::vector<double> residuals;
  for (const ColumnChange& episode : episodes) residuals.insert(residuals.end(), episode.residual.begin(), episode.residual.end());
  const double residual = bound_of(std::move(residuals), options.residual_factor, options.least_residual);
  const auto derivative_bound = [&](std::vector<double> ColumnChange::* values, double least) {
    return bound_of(steady_values(episodes, values, residual), options.derivative_factor, least);
  };
  return {.residual = residual,
          .acceleration = derivative_bound(&ColumnChange::acceleration, options.least_acceleration),
          .jerk = derivative_bound(&ColumnChange::jerk, options.least_jerk)};
}

std::vector<std::size_t> sudden_frames(const ColumnChange& change, const ChangeBounds& bounds) {
  std::vector<std::size_t> frames;
  for (std::size_t i = 0; i < change.residual.size(); ++i)
    if (change.residual[i] > bounds.residual && (change.acceleration[i] > bounds.acceleration || change.jerk[i] > bounds.jerk))
      frames.push_back(i);
  return frames;
}

}  // namespace sinew
