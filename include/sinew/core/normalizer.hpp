// SPDX-License-Identifier: Apache-2.0
// Maps SI values to the space that a policy was trained in, and back.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "sinew/core/card.hpp"
#include "sinew/core/statistics.hpp"
#include "sinew/core/status.hpp"

namespace sinew {

/// Per-dimension map between SI values and normalised ones. Immutable; shared by threads.
///
/// Rule "qwen", mode quantile: `y = clip(2 (x - q01) / (q99 - q01) - 1, -1, 1)`
/// (Qwen-VLA, arXiv 2605.30280, section on action normalisation). A dimension with q99 == q01 maps to 0 and back to q01.
class Normalizer {
 public:
  /// The identity on `dim` dimensions.
  static Normalizer identity(std::size_t dim);
  /// Throws Error when the mode or rule is unknown, the statistics it needs are missing, not finite, of another length
  /// than `dim`, or q01 > q99.
  Normalizer(const VectorStatistics& statistics, NormalizationMode mode, const std::string& rule, std::size_t dim);

  [[nodiscard]] std::size_t dim() const noexcept { return offset_.size(); }
  /// `x` and `y` are `[rows, dim]`, of the same length and in different memory. `bad_shape` otherwise,
  /// `not_finite` for NaN and infinity, `out_of_range` for what a float cannot hold; then `y` is written in part.
  [[nodiscard]] Status forward(std::span<const double> x, std::span<float> y) const noexcept;
  [[nodiscard]] Status inverse(std::span<const float> y, std::span<double> x) const noexcept;

 private:
  Normalizer() = default;
  std::vector<double> offset_;  // x = offset + (y + shift) * scale
  std::vector<double> scale_;
  double shift_ = 0;
  bool clip_ = false;
};

/// The normaliser that `card` names, from `statistics`. Throws Error that lists the keys there are when the key is absent.
/// `where` begins the message.
[[nodiscard]] Normalizer make_normalizer(const NormalizationCard& card, const Statistics& statistics, std::size_t dim,
                                         const std::string& where);

/// The normaliser of one part of a vector: `dim` dimensions of the statistics from `card.first` on. Throws Error as above, and when the
/// statistics end before.
[[nodiscard]] Normalizer make_part_normalizer(const PartNormalizationCard& card, const Statistics& statistics, std::size_t dim,
                                              const std::string& where);

}  // namespace sinew
