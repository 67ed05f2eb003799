// SPDX-License-Identifier: Apache-2.0
#include "sinew/data/action_trend.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "sinew/data/smoothing.hpp"

namespace sinew {

namespace {

constexpr double kQuantile = 0.95;

/// Smoothed differences of one joint from frame to frame, `[n - 1]`.
std::vector<double> motion(std::span<const double> table, std::size_t joints, std::size_t joint, const ActionTrendOptions& options) {
  std::vector<double> column;
  for (std::size_t i = joint; i < table.size(); i += joints) column.push_back(table[i]);
  column = savitzky_golay(bridge_gaps(column), options.smooth_window, options.smooth_order);
  for (std::size_t i = 0; i + 1 < column.size(); ++i) column[i] = column[i + 1] - column[i];
  if (!column.empty()) column.pop_back();
  return column;
}

/// Motion of a joint as told and as done.
struct JointMotion {
  std::vector<double> state;
  std::vector<double> action;
};

/// Calls `visit(state, action)` for each pair of which the state is `lag` later.
template <class Visit>
void for_each_pair(const JointMotion& joint, int lag, const Visit& visit) {
  const auto count = static_cast<std::ptrdiff_t>(joint.state.size());
  for (std::ptrdiff_t i = std::max(0, -lag); i < count && i + lag < count; ++i)
    visit(joint.state[static_cast<std::size_t>(i + lag)], joint.action[static_cast<std::size_t>(i)]);
}

/// Sums of a joint over the episodes.
struct Sums {
  double product = 0, states = 0, actions = 0;
};

std::size_t pairs(std::span<const std::vector<JointMotion>> joints, int lag) {
  std::size_t count = 0;
  if (!joints.empty())
    for (const JointMotion& episode : joints.front()) for_each_pair(episode, lag, [&count](double, double) { ++count; });
  return count;
}

double correlation(std::span<const std::vector<JointMotion>> joints, int lag) {
  double sum = 0;
  std::size_t counted = 0;
  for (const std::vector<JointMotion>& joint : joints) {
    Sums sums;
    for (const JointMotion& episode : joint)
      for_each_pair(episode, lag, [&sums](double state, double action) {
        sums.product += state * action;
        sums.states += state * state;
        sums.actions += action * action;
      });
    if (!(sums.states > 0 && sums.actions > 0)) continue;
    sum += std::abs(sums.product) / std::sqrt(sums.states * sums.actions);
    ++counted;
  }
  return counted == 0 ? 0 : sum / static_cast<double>(counted);
}

/// What a joint must do in a frame to move.
double motion_bound(const std::vector<double>& motion, const ActionTrendOptions& options) {
  std::vector<double> sizes;
  for (const double step : motion) sizes.push_back(std::abs(step));
  return sizes.empty() ? options.least_motion : std::max(options.least_motion, options.dead_band * quantile(std::move(sizes), kQuantile));
}

}  // namespace

double DirectionCount::share() const noexcept {
  const std::size_t all = total();
  return all == 0 ? 1.0 : static_cast<double>(std::accumulate(agreeing.begin(), agreeing.end(), std::size_t{0})) / static_cast<double>(all);
}

std::size_t DirectionCount::total() const noexcept { return std::accumulate(moving.begin(), moving.end(), std::size_t{0}); }

LagFit find_lag(std::span<const TrendEpisode> episodes, const ActionTrendOptions& options) {
  const std::size_t joints = episodes.empty() ? 0 : episodes.front().joints;
  std::vector<std::vector<JointMotion>> motions(joints);
  for (const TrendEpisode& episode : episodes)
    for (std::size_t j = 0; j < joints; ++j)
      motions[j].push_back({motion(episode.states, joints, j, options), motion(episode.actions, joints, j, options)});
  LagFit fit{.lag = options.expected_lag, .correlation = 0, .expected_correlation = correlation(motions, options.expected_lag)};
  fit.correlation = fit.expected_correlation;
  const std::size_t enough = std::max(options.least_pairs, pairs(motions, options.expected_lag) / 2);
  std::vector<double> values;
  for (int lag = -options.most_lag; lag <= options.most_lag; ++lag) values.push_back(correlation(motions, lag));
  for (int lag = 1 - options.most_lag; lag < options.most_lag; ++lag) {
    const auto place = static_cast<std::size_t>(lag + options.most_lag);
    const double value = values[place];
    const bool peak = value > values[place - 1] && value > values[place + 1] && pairs(motions, lag) >= enough;
    if (peak && value > fit.correlation && value > fit.expected_correlation + options.least_gain && value >= options.least_correlation) {
      fit.lag = lag;
      fit.correlation = value;
    }
  }
  return fit;
}

DirectionCount count_directions(const TrendEpisode& episode, int lag, const ActionTrendOptions& options) {
  DirectionCount count{std::vector<std::size_t>(episode.joints), std::vector<std::size_t>(episode.joints)};
  for (std::size_t j = 0; j < episode.joints; ++j) {
    const JointMotion joint{motion(episode.states, episode.joints, j, options), motion(episode.actions, episode.joints, j, options)};
    const double state_bound = motion_bound(joint.state, options), action_bound = motion_bound(joint.action, options);
    for_each_pair(joint, lag, [&](double state, double action) {
      if (std::abs(state) < state_bound || std::abs(action) < action_bound) return;
      ++count.moving[j];
      count.agreeing[j] += state * action > 0 ? 1 : 0;
    });
  }
  return count;
}

}  // namespace sinew
