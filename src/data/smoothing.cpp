// SPDX-License-Identifier: Apache-2.0
#include "sinew/data/smoothing.hpp"

#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>

#include "sinew/core/error.hpp"

namespace sinew {

namespace {

void require_odd(int window, std::string_view where) {
  if (window < 1 || window % 2 == 0)
    fail(ErrorCode::invalid_argument, {where, "window", "an odd number of frames", fmt::format("{}", window), ""});
}

int fitting(std::size_t count, int window) {
  if (count >= static_cast<std::size_t>(window)) return window;
  const int whole = static_cast<int>(count);
  return whole % 2 == 0 ? whole - 1 : whole;
}

/// Row i: how the polynomial's value at place i of a window follows from the window's values.
Eigen::MatrixXd projection(int window, int order) {
  Eigen::MatrixXd powers(window, order + 1);
  const double half = std::max(1, window / 2);
  for (int i = 0; i < window; ++i)
    for (int k = 0; k <= order; ++k) powers(i, k) = std::pow((i - window / 2) / half, k);
  const Eigen::MatrixXd Q = Eigen::HouseholderQR<Eigen::MatrixXd>(powers).householderQ() * Eigen::MatrixXd::Identity(window, order + 1);
  return Q * Q.transpose();
}

}  // namespace

std::vector<double> median_filter(std::span<const double> values, int window) {
  require_odd(window, "median_filter");
  if (values.size() < 3) return {values.begin(), values.end()};
  window = fitting(values.size(), window);
  const std::ptrdiff_t half = window / 2, last = static_cast<std::ptrdiff_t>(values.size()) - 1;
  std::vector<double> result(values.size()), around(static_cast<std::size_t>(window));
  for (std::ptrdiff_t i = 0; i <= last; ++i) {
    for (std::ptrdiff_t k = -half; k <= half; ++k) {
      std::ptrdiff_t at = std::abs(i + k);
      if (at > last) at = 2 * last - at;
      around[static_cast<std::size_t>(k + half)] = values[static_cast<std::size_t>(at)];
    }
    std::nth_element(around.begin(), around.begin() + half, around.end());
    result[static_cast<std::size_t>(i)] = around[static_cast<std::size_t>(half)];
  }
  return result;
}

std::vector<double> savitzky_golay(std::span<const double> values, int window, int order) {
  require_odd(window, "savitzky_golay");
  if (order < 0 || order >= window)
    fail(ErrorCode::invalid_argument, {"savitzky_golay", "order", fmt::format("0 to {}", window - 1), fmt::format("{}", order), ""});
  if (values.size() < 3) return {values.begin(), values.end()};
  window = fitting(values.size(), window);
  order = std::min(order, window - 1);
  const Eigen::MatrixXd weights = projection(window, order);
  const auto count = static_cast<Eigen::Index>(values.size());
  const Eigen::Map<const Eigen::VectorXd> x(values.data(), count);
  std::vector<double> result(values.size());
  Eigen::Map<Eigen::VectorXd> y(result.data(), count);
  const Eigen::Index half = window / 2;
  for (Eigen::Index i = half; i + half < count; ++i) y[i] = weights.row(half).dot(x.segment(i - half, window));
  y.head(half) = weights.topRows(half) * x.head(window);
  y.tail(half) = weights.bottomRows(half) * x.tail(window);
  return result;
}

double quantile(std::vector<double> values, double share) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double place = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::ptrdiff_t>(std::floor(place));
  std::nth_element(values.begin(), values.begin() + below, values.end());
  const double low = values[static_cast<std::size_t>(below)];
  if (static_cast<std::size_t>(below) + 1 == values.size()) return low;
  const double high = *std::min_element(values.begin() + below + 1, values.end());
  return low + (high - low) * (place - std::floor(place));
}

std::vector<double> bridge_gaps(std::span<const double> values) {
  std::vector<double> result(values.begin(), values.end());
  const std::size_t count = result.size();
  std::size_t next = 0;  // first place not yet settled
  for (std::size_t i = 0; i <= count; ++i) {
    if (i < count && !std::isfinite(result[i])) continue;
    const bool before = next > 0, after = i < count;
    const double from = before ? result[next - 1] : after ? result[i] : 0;
    const double to = after ? result[i] : from;
    for (std::size_t k = next; k < i; ++k)
      result[k] = before ? std::lerp(from, to, static_cast<double>(k - next + 1) / static_cast<double>(i - next + 1)) : from;
    next = i + 1;
  }
  return result;
}

}  // namespace sinew
