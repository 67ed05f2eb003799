// SPDX-License-Identifier: Apache-2.0
#include "sinew/data/sudden_change.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <utility>

#include "sinew/data/smoothing.hpp"

namespace sinew {

namespace {

constexpr std::size_t kLeastFrames = 5;
constexpr double kQuantile = 0.95;
constexpr std::size_t kReach = 2;  // frames to both sides whose derivatives a jump is in
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// A column on its time axis: NaN for each absent frame, of a long gap as many as part the column, and the place of each frame.
struct Spread {
  std::vector<double> values;
  std::vector<std::size_t> places;
};

Spread spread(std::span<const double> column, std::span<const std::size_t> missing, std::size_t most_bridged) {
  Spread result;
  for (std::size_t i = 0; i < column.size(); ++i) {
    if (!missing.empty()) result.values.insert(result.values.end(), std::min(missing[i], most_bridged + 1), kNan);
    result.places.push_back(result.values.size());
    result.values.push_back(column[i]);
  }
  return result;
}

/// First place and length of what lies between long gaps; each begins and ends with a number.
std::vector<std::pair<std::size_t, std::size_t>> intact_parts(std::span<const double> values, std::size_t most_bridged) {
  std::vector<std::pair<std::size_t, std::size_t>> parts;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    if (parts.empty() || i - (parts.back().first + parts.back().second) > most_bridged)
      parts.emplace_back(i, 1);
    else
      parts.back().second = i + 1 - parts.back().first;
  }
  return parts;
}

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

ColumnChange measure_part(std::span<const double> part, double period, const SuddenChangeOptions& options) {
  const std::size_t n = part.size();
  const std::vector<double> x = bridge_gaps(part);
  const std::vector<double> steady = median_filter(median_filter(x, options.first_median), options.second_median);
  const std::vector<double> trend = savitzky_golay(steady, options.smooth_window, options.smooth_order);
  ColumnChange change{std::vector<double>(n), std::vector<double>(n), std::vector<double>(n)};
  for (std::size_t i = 0; i < n; ++i) change.residual[i] = std::abs(x[i] - trend[i]);
  measure_derivatives(x, period, change);
  return change;
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
      if (std::isnan(episode.residual[i])) continue;
      const std::size_t first = i < kReach ? 0 : i - kReach, last = std::min(n - 1, i + kReach);
      const auto near = std::span(episode.residual).subspan(first, last - first + 1);
      if (std::ranges::none_of(near, [most_residual](double residual) { return residual > most_residual; }))
        steady.push_back((episode.*values)[i]);
    }
  }
  return steady;
}

}  // namespace

ColumnChange measure_change(std::span<const double> column, double period, const SuddenChangeOptions& options,
                            std::span<const std::size_t> missing) {
  const std::size_t n = column.size();
  ColumnChange change{std::vector<double>(n, kNan), std::vector<double>(n, kNan), std::vector<double>(n, kNan)};
  if (!(period > 0)) return change;
  const auto [values, places] = spread(column, missing, options.most_bridged);
  std::size_t frame = 0;
  for (const auto& [first, length] : intact_parts(values, options.most_bridged)) {
    if (length < kLeastFrames) continue;
    const ColumnChange part = measure_part(std::span(values).subspan(first, length), period, options);
    while (places[frame] < first) ++frame;
    for (; frame < n && places[frame] < first + length; ++frame) {
      const std::size_t i = places[frame] - first;
      change.residual[frame] = part.residual[i];
      change.acceleration[frame] = part.acceleration[i];
      change.jerk[frame] = part.jerk[i];
    }
  }
  return change;
}

ChangeBounds change_bounds(std::span<const ColumnChange> episodes, const SuddenChangeOptions& options) {
  std::vector<double> residuals;
  for (const ColumnChange& episode : episodes)
    std::ranges::copy_if(episode.residual, std::back_inserter(residuals), [](double residual) { return !std::isnan(residual); });
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
