// SPDX-License-Identifier: Apache-2.0
// Filters and quantiles of a column of numbers, as curation uses them.
#pragma once

#include <span>
#include <vector>

namespace sinew {

/// Running median of `window` values (odd), the column mirrored at its ends (x2 x1 | x0 x1 x2: an outlier at the very end is outvoted).
/// A column shorter than the window takes the largest odd window that fits. Throws Error for an even window.
[[nodiscard]] std::vector<double> median_filter(std::span<const double> values, int window);

/// Savitzky-Golay: the value at each place of the polynomial of degree `order` that fits the `window` values around it best (Savitzky
/// and Golay 1964); within half a window of an end, of the one that fits the last window. Shorter columns as above, the degree below
/// the window. Throws Error for an even window or an order that is negative or not below it.
[[nodiscard]] std::vector<double> savitzky_golay(std::span<const double> values, int window, int order);

/// The quantile (0 to 1) of values, linear between the two neighbours in order: NumPy's default. NaN for none.
[[nodiscard]] double quantile(std::vector<double> values, double share);

/// NaN and infinities replaced by the line between their finite neighbours, at the ends by the nearest; zeros when none is finite.
[[nodiscard]] std::vector<double> bridge_gaps(std::span<const double> values);

}  // namespace sinew
