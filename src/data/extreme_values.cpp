// SPDX-License-Identifier: Apache-2.0
#include "sinew/data/extreme_values.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sinew/data/smoothing.hpp"

namespace sinew {

ExtremeBounds extreme_bounds(std::span<const double> values, const ExtremeValueOptions& options) {
  std::vector<double> finite;
  std::ranges::copy_if(values, std::back_inserter(finite), [](double value) { return std::isfinite(value); });
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (finite.empty()) return {-kInfinity, kInfinity};
  const double q99 = quantile(finite, 0.99);
  const double q1 = quantile(std::move(finite), 0.01);
  const double margin = options.alpha * std::max(options.least_span, q99 - q1);
  return {q1 - margin, q99 + margin};
}

std::vector<std::size_t> extreme_frames(std::span<const double> column, const ExtremeBounds& bounds) {
  std::vector<std::size_t> frames;
  for (std::size_t i = 0; i < column.size(); ++i)
    if (column[i] < bounds.low || column[i] > bounds.high) frames.push_back(i);
  return frames;
}

}  // namespace sinew
