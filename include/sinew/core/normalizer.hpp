// SPDX-License-Identifier: Apache-2.0
// Maps SI values to the space that a policy was trained in, and back, by the rule of the stack that trained it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/core/card.hpp"
#include "sinew/core/statistics.hpp"
#include "sinew/core/status.hpp"

namespace sinew {

namespace detail {
struct NormalizerCell;
struct NormalizerTables;
enum class Precision : unsigned char { any, single, twofold };  // what the reference rounds statistics and data to
}  // namespace detail

/// What a Normalizer is made of besides statistics.
struct NormalizerOptions {
  NormalizationMode mode = NormalizationMode::identity;
  std::string rule;        ///< one of normalization_rules(); empty for identity
  std::size_t dim = 0;     ///< columns of the data
  double threshold = 0.5;  ///< of mode binary: 1 above it, 0 at it and below
};

/// Per-dimension map between SI values and normalised ones. Immutable; copies share their tables; shared by threads.
///
/// The formula of each rule and mode, where it puts an epsilon, what it clips and what it does with constant dimensions, is in
/// docs/normalization.md; src/core/normalizer_rules.cpp holds the same as data.
class Normalizer {
 public:
  /// The identity on `dim` dimensions.
  static Normalizer identity(std::size_t dim);
  /// Column blocks side by side, e.g. q99 for an arm and binary for its gripper. Parts with one row of statistics repeat it for
  /// every step of the others. Throws Error for none, for different numbers of steps, for mode sin_cos and for rules whose
  /// references compute in different precisions.
  static Normalizer join(std::span<const Normalizer> parts);
  /// Throws Error when no stack has the mode under that rule, the statistics it needs are missing, not finite, of another length
  /// than `dim`, or reversed.
  Normalizer(const VectorStatistics& statistics, const NormalizerOptions& options);
  Normalizer(const VectorStatistics& statistics, NormalizationMode mode, const std::string& rule, std::size_t dim)
      : Normalizer(statistics, {.mode = mode, .rule = rule, .dim = dim}) {}

  [[nodiscard]] std::size_t dim() const noexcept { return dim_; }
  /// Columns of what `forward` writes: twice `dim` for sin_cos, else `dim`.
  [[nodiscard]] std::size_t out_dim() const noexcept { return waves_ ? 2 * dim_ : dim_; }
  /// Rows of the statistics: 1, or the steps of a chunk.
  [[nodiscard]] std::size_t steps() const noexcept { return steps_; }
  /// False where the reference raises: openpi with statistics shorter than the data.
  [[nodiscard]] bool has_forward() const noexcept { return has_forward_; }
  /// False where the reference raises or has none: scale, sin_cos, openpi with statistics longer than the data.
  [[nodiscard]] bool has_inverse() const noexcept { return has_inverse_; }

  /// `x` is `[rows, dim]`, `y` `[rows, out_dim]` in different memory. With per-step statistics the rows are the first steps of a
  /// chunk, or whole chunks one after another. `bad_shape` otherwise, `missing` for a direction that there is not, `not_finite`
  /// for NaN and infinity, `out_of_range` for what the output's type cannot hold; then the output is written in part.
  [[nodiscard]] Status forward(std::span<const double> x, std::span<float> y) const noexcept;
  [[nodiscard]] Status inverse(std::span<const float> y, std::span<double> x) const noexcept;
  /// In single precision, about as fast as the memory; input and output may be the same memory (not for sin_cos).
  [[nodiscard]] Status forward(std::span<const float> x, std::span<float> y) const noexcept;
  [[nodiscard]] Status inverse(std::span<const float> y, std::span<float> x) const noexcept;

 private:
  using Cells = std::vector<detail::NormalizerCell>;
  Normalizer() = default;
  void finish(const Cells& forward, const Cells& inverse);
  [[nodiscard]] bool fits(std::size_t count) const noexcept;
  template <class In>
  Status waves(std::span<const In> x, std::span<float> y) const noexcept;

  std::size_t dim_ = 0;
  std::size_t steps_ = 1;
  bool has_forward_ = true;
  bool has_inverse_ = true;
  bool waves_ = false;  // sin_cos
  detail::Precision precision_{};
  std::shared_ptr<const detail::NormalizerTables> forward_;
  std::shared_ptr<const detail::NormalizerTables> inverse_;
};

/// Names of the rules: "lerobot", "openpi", "openvla", "oft", "starvla", "qwen", "groot".
[[nodiscard]] std::span<const std::string_view> normalization_rules() noexcept;
/// The modes that `rule` has besides identity; empty for an unknown rule.
[[nodiscard]] std::vector<NormalizationMode> normalization_modes(std::string_view rule);
/// The mode of that name. Throws Error that lists the names.
[[nodiscard]] NormalizationMode normalization_mode(std::string_view name);

/// The normaliser that `card` names, from `statistics`. Throws Error that lists the keys there are when the key is absent.
/// `where` begins the message.
[[nodiscard]] Normalizer make_normalizer(const NormalizationCard& card, const Statistics& statistics, std::size_t dim,
                                         const std::string& where);

/// The normaliser of one part of a vector: `dim` dimensions of the statistics from `card.first` on. Throws Error as above, and when the
/// statistics end before.
[[nodiscard]] Normalizer make_part_normalizer(const PartNormalizationCard& card, const Statistics& statistics, std::size_t dim,
                                              const std::string& where);

}  // namespace sinew
