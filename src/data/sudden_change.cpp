// SPDX-License-Identifier: Apache-2.0
#include "sinew/data/sudden_change.hpp"

#include <algorithm>
#include <cmath>

#include "sinew/data/smoothing.hpp"

namespace sinew {

namespace {

constexpr std::size_t kLeastFrames = 5;
constexpr double kQuantile = 0.95;

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

double bound_of(std::span<const ColumnChange> episodes, std::vector<double> ColumnChange::* values, double factor, double least) {
  std::vector<double> all;
  for (const ColumnChange& episode : episodes) all.insert(all.end(), (episode.*values).begin(), (episode.*values).end());
  return all.empty() ? least : std::max(least, factor * quantile(std::move(all), kQuantile));
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
  return {.residual = bound_of(episodes, &ColumnChange::residual, options.residual_factor, options.least_residual),
          .acceleration = bound_of(episodes, &ColumnChange::acceleration, options.derivative_factor, options.least_acceleration),
          .jerk = bound_of(episodes, &ColumnChange::jerk, options.derivative_factor, options.least_jerk)};
}

std::vector<std::size_t> sudden_frames(const ColumnChange& change, const ChangeBounds& bounds) {
  std::vector<std::size_t> frames;
  for (std::size_t i = 0; i < change.residual.size(); ++i)
    if (change.residual[i] > bounds.residual && (change.acceleration[i] > bounds.acceleration || change.jerk[i] > bounds.jerk))
      frames.push_back(i);
  return frames;
}

}  // namespace sinew
