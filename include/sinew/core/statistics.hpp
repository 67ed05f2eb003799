// SPDX-License-Identifier: Apache-2.0
// Statistics of a data set, per dimension, as normalisers read them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace sinew {

/// Statistics of one vector, each `[dim]`, or `[steps, dim]` when every step of a chunk has its own; empty when the file does
/// not have it.
struct VectorStatistics {
  std::vector<double> mean;
  std::vector<double> std;
  std::vector<double> min;
  std::vector<double> max;
  std::vector<double> q01;         ///< 1 % quantile
  std::vector<double> q10;         ///< 10 % quantile
  std::vector<double> q90;         ///< 90 % quantile
  std::vector<double> q99;         ///< 99 % quantile
  std::vector<std::uint8_t> mask;  ///< `[dim]`, 0: the dimension is not normalised; empty: all are
  std::size_t steps = 1;           ///< rows of each statistic but `mask`

  friend bool operator==(const VectorStatistics&, const VectorStatistics&) = default;
};

/// By key, e.g. "observation.state", "action".
using Statistics = std::map<std::string, VectorStatistics>;

/// A statistic by the name that files give it: `visit(name, values)` for mean, std, min, max, q01, q10, q90 and q99.
template <class Vector, class Visit>
void for_each_statistic(Vector& statistics, Visit&& visit) {
  visit("mean", statistics.mean);
  visit("std", statistics.std);
  visit("min", statistics.min);
  visit("max", statistics.max);
  visit("q01", statistics.q01);
  visit("q10", statistics.q10);
  visit("q90", statistics.q90);
  visit("q99", statistics.q99);
}

}  // namespace sinew
