// SPDX-License-Identifier: Apache-2.0
// Curation, stage 3: values far outside of what the whole data set shows.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace sinew {

/// What is far.
struct ExtremeValueOptions {
  double alpha = 1.5;        ///< spans from the 1 % to the 99 % quantile that a value may be outside of it
  double least_span = 1e-3;  ///< in the column's unit: a narrower span counts as this wide, so that a column at rest may tremble
};

/// Where the values of a column may be.
struct ExtremeBounds {
  double low = 0;
  double high = 0;
};

/// [q1 - alpha (q99 - q1), q99 + alpha (q99 - q1)] of the finite values of the whole data set; unbounded when there are none.
[[nodiscard]] ExtremeBounds extreme_bounds(std::span<const double> values, const ExtremeValueOptions& options = {});

/// Frames outside, in order; NaN is not.
[[nodiscard]] std::vector<std::size_t> extreme_frames(std::span<const double> column, const ExtremeBounds& bounds);

}  // namespace sinew
