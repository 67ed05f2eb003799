// SPDX-License-Identifier: Apache-2.0
// The normalisation rules as data, and the affine map of each place that a rule gives for some statistics.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "sinew/core/normalizer.hpp"

namespace sinew::detail {

/// `out = clip((clip(in) - offset) * factor + shift)` at one place of a row or chunk.
struct NormalizerCell {
  double offset = 0;
  double factor = 1;
  double shift = 0;
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
  bool binary = false;  ///< the result becomes 1 above `threshold`, else 0
  float threshold = 0;
};

/// When an epsilon is added to a range or deviation.
enum class Epsilon : std::uint8_t { never, when_zero, always };
/// What becomes of a dimension whose range or deviation is 0.
enum class Constant : std::uint8_t { formula, zero, raw };
/// What a false entry of the mask does.
enum class Masking : std::uint8_t {
  ignored,
  passes,       ///< the dimension passes as it is
  passes_clip,  ///< and is clipped like the others
};

/// One mode of one rule.
struct NormalizationFormula {
  std::string_view rule;
  NormalizationMode mode;
  double epsilon;   ///< added to the deviation, or the range
  Epsilon forward;  ///< when
  Epsilon inverse;  ///< when
  Constant constant_forward;
  Constant constant_inverse;
  float clip_forward;  ///< the result to +- this; 0: not
  float clip_inverse;  ///< the input to +- this; 0: not
  Masking masking;
  bool single;   ///< the reference computes in single precision, on statistics rounded to it
  bool lengths;  ///< forward cuts longer statistics, inverse pads shorter ones
  bool inverts;
};

/// Throws Error that lists what there is when no stack has the combination.
[[nodiscard]] const NormalizationFormula& normalization_formula(NormalizationMode mode, std::string_view rule);

/// Both maps for `statistics.steps` rows of `options.dim` places; one is empty where the reference raises. Throws Error.
struct NormalizerCells {
  std::vector<NormalizerCell> forward;
  std::vector<NormalizerCell> inverse;
};
[[nodiscard]] NormalizerCells make_cells(const NormalizationFormula& formula, const VectorStatistics& statistics,
                                         const NormalizerOptions& options);

}  // namespace sinew::detail
