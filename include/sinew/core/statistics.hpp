// SPDX-License-Identifier: Apache-2.0
// Statistics of a data set, per dimension, as normalisers read them.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace sinew {

/// Statistics of one vector, each `[dim]` or empty when the file does not have it.
struct VectorStatistics {
  std::vector<double> mean;
  std::vector<double> std;
  std::vector<double> min;
  std::vector<double> max;
  std::vector<double> q01;  ///< 1 % quantile
  std::vector<double> q99;  ///< 99 % quantile
};

/// By key, e.g. "observation.state", "action".
using Statistics = std::map<std::string, VectorStatistics>;

}  // namespace sinew
