// SPDX-License-Identifier: Apache-2.0
#include "normalizer_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "sinew/core/error.hpp"

namespace sinew {
namespace detail {
namespace {

using Mode = NormalizationMode;
constexpr auto kNever = Epsilon::never, kWhenZero = Epsilon::when_zero, kAlways = Epsilon::always;
constexpr auto kFormula = Constant::formula, kZero = Constant::zero, kRaw = Constant::raw;
constexpr auto kIgnored = Masking::ignored, kPasses = Masking::passes, kPassesClip = Masking::passes_clip;

constexpr std::array<std::string_view, 7> kRules{"lerobot", "openpi", "openvla", "oft", "starvla", "qwen", "groot"};

// lerobot: huggingface/lerobot@7427f318 src/lerobot/processor/normalize_processor.py.
// openpi: Physical-Intelligence/openpi@15a9616a src/openpi/transforms.py (Normalize, Unnormalize).
// openvla: training in prismatic/vla/datasets/rlds (bounds, bounds_q99), inference in prismatic/extern/hf/modeling_prismatic.py.
// oft: moojink/openvla-oft@213c5ff8 experiments/robot/openvla_utils.py, prismatic/extern/hf/modeling_prismatic.py.
// starvla: starVLA/starVLA@0ed0aad2 starVLA/dataloader/gr00t_lerobot/transform/state_action.py.
// qwen: Qwen-VLA, arXiv 2605.30280, section on action normalisation.
// groot: huggingface/lerobot@7427f318 src/lerobot/policies/groot/processor_groot.py; mean_std and sin_cos: NVIDIA/Isaac-GR00T
// gr00t/data/utils.py.
constexpr std::array kFormulas{
    // clang-format off
    //                   rule       mode             eps   forward    inverse    constant f, i      clip f, i     mask         single lengths inverts
    NormalizationFormula{"lerobot", Mode::mean_std,   1e-8, kAlways,   kNever,    kFormula, kFormula, 0.0F, 0.0F, kIgnored,    true,  false, true},
    NormalizationFormula{"lerobot", Mode::min_max,    1e-8, kWhenZero, kWhenZero, kFormula, kFormula, 0.0F, 0.0F, kIgnored,    true,  false, true},
    NormalizationFormula{"lerobot", Mode::quantile,   1e-8, kWhenZero, kWhenZero, kFormula, kFormula, 0.0F, 0.0F, kIgnored,    true,  false, true},
    NormalizationFormula{"lerobot", Mode::quantile10, 1e-8, kWhenZero, kWhenZero, kFormula, kFormula, 0.0F, 0.0F, kIgnored,    true,  false, true},
    NormalizationFormula{"openpi",  Mode::mean_std,   1e-6, kAlways,   kAlways,   kFormula, kFormula, 0.0F, 0.0F, kIgnored,    false, true,  true},
    NormalizationFormula{"openpi",  Mode::quantile,   1e-6, kAlways,   kAlways,   kFormula, kFormula, 0.0F, 0.0F, kIgnored,    false, true,  true},
    NormalizationFormula{"openvla", Mode::min_max,    1e-8, kAlways,   kNever,    kZero,    kFormula, 1.0F, 0.0F, kPasses,     false, false, true},
    NormalizationFormula{"openvla", Mode::quantile,   1e-8, kAlways,   kNever,    kZero,    kFormula, 1.0F, 0.0F, kPasses,     false, false, true},
    NormalizationFormula{"oft",     Mode::min_max,    1e-8, kAlways,   kAlways,   kFormula, kFormula, 1.0F, 0.0F, kPassesClip, false, false, true},
    NormalizationFormula{"oft",     Mode::quantile,   1e-8, kAlways,   kAlways,   kFormula, kFormula, 1.0F, 0.0F, kPassesClip, false, false, true},
    NormalizationFormula{"starvla", Mode::mean_std,   0,    kNever,    kNever,    kRaw,     kFormula, 0.0F, 0.0F, kIgnored,    true,  false, true},
    NormalizationFormula{"starvla", Mode::min_max,    0,    kNever,    kNever,    kZero,    kFormula, 0.0F, 0.0F, kIgnored,    true,  false, true},
    NormalizationFormula{"starvla", Mode::quantile,   0,    kNever,    kNever,    kRaw,     kFormula, 2.2F, 0.0F, kIgnored,    true,  false, true},
    NormalizationFormula{"starvla", Mode::scale,      0,    kNever,    kNever,    kZero,    kFormula, 0.0F, 0.0F, kIgnored,    true,  false, false},
    NormalizationFormula{"starvla", Mode::binary,     0,    kNever,    kNever,    kFormula, kFormula, 0.0F, 0.0F, kIgnored,    true,  false, true},
    NormalizationFormula{"starvla", Mode::sin_cos,    0,    kNever,    kNever,    kFormula, kFormula, 0.0F, 0.0F, kIgnored,    true,  false, false},
    NormalizationFormula{"qwen",    Mode::quantile,   0,    kNever,    kNever,    kZero,    kFormula, 1.0F, 0.0F, kIgnored,    false, false, true},
    NormalizationFormula{"groot",   Mode::mean_std,   0,    kNever,    kNever,    kRaw,     kRaw,     0.0F, 0.0F, kIgnored,    true,  false, true},
    NormalizationFormula{"groot",   Mode::min_max,    0,    kNever,    kNever,    kZero,    kFormula, 1.0F, 1.0F, kIgnored,    true,  false, true},
    NormalizationFormula{"groot",   Mode::quantile,   0,    kNever,    kNever,    kZero,    kFormula, 1.0F, 1.0F, kIgnored,    true,  false, true},
    NormalizationFormula{"groot",   Mode::sin_cos,    0,    kNever,    kNever,    kFormula, kFormula, 0.0F, 0.0F, kIgnored,    true,  false, false},
    // clang-format on
};

[[noreturn]] void refuse(std::string_view what, std::string_view expected, std::string_view got) {
  fail(ErrorCode::invalid_argument, {"Normalizer", what, expected, got, ""});
}

/// A statistic as the rule wants it: its length, finite values, single precision.
class Column {
 public:
  Column(std::string_view name, std::vector<double> values, std::size_t steps, const NormalizationFormula& formula)
      : values_(std::move(values)), steps_(steps) {
    for (double& value : values_) {
      if (formula.single) value = static_cast<double>(static_cast<float>(value));
      if (!std::isfinite(value)) refuse(fmt::format("statistics '{}'", name), "finite values", std::to_string(value));
    }
  }
  [[nodiscard]] std::size_t dim() const noexcept { return values_.size() / steps_; }
  [[nodiscard]] double at(std::size_t step, std::size_t d) const noexcept { return values_[step * dim() + d]; }

 private:
  std::vector<double> values_;
  std::size_t steps_;
};

double widened(double range, double epsilon, Epsilon when) {
  return when == Epsilon::always || (when == Epsilon::when_zero && range == 0) ? range + epsilon : range;
}

/// Where a value lies and how wide it spreads: the centre and half of the range, or mean and deviation. Shift -1 or 0 in units of it.
struct Spread {
  double origin;
  double range;  ///< that the epsilon is added to
  double unit;   ///< of `range` that become 1: 0.5 for a range, 1 for a deviation
  double shift;  ///< 1 for a range: its lower end becomes -1
};

NormalizerCell forward_cell(const NormalizationFormula& formula, const Spread& spread, bool constant) {
  if (constant && formula.constant_forward == Constant::zero) return {.offset = spread.origin, .factor = 0};
  if (constant && formula.constant_forward == Constant::raw) return {};
  return {.offset = spread.origin,
          .factor = 1 / (widened(spread.range, formula.epsilon, formula.forward) * spread.unit),
          .shift = -spread.shift};
}

NormalizerCell inverse_cell(const NormalizationFormula& formula, const Spread& spread, bool constant) {
  if (constant && formula.constant_inverse == Constant::raw) return {};
  return {.offset = -spread.shift, .factor = widened(spread.range, formula.epsilon, formula.inverse) * spread.unit, .shift = spread.origin};
}

void clip(NormalizerCell& cell, float bound) {
  if (bound != 0) cell.low = -bound, cell.high = bound;
}

/// The statistics that a mode reads, as origin and range.
class Reader {
 public:
  Reader(const NormalizationFormula& formula, const VectorStatistics& statistics, const NormalizerOptions& options)
      : formula_(formula), steps_(statistics.steps), dim_(options.dim) {
    if (steps_ == 0 || steps_ > 65536) refuse("statistics", "1 to 65536 steps", std::to_string(steps_));
    switch (formula.mode) {
      case Mode::mean_std: add("mean", statistics.mean, "std", statistics.std); break;
      case Mode::quantile: add("q01", statistics.q01, "q99", statistics.q99); break;
      case Mode::quantile10: add("q10", statistics.q10, "q90", statistics.q90); break;
      default: add("min", statistics.min, "max", statistics.max);
    }
  }

  /// Columns that the statistics have: `dim`, unless the rule takes other lengths.
  [[nodiscard]] std::size_t columns() const noexcept { return columns_.front().dim(); }

  [[nodiscard]] Spread spread(std::size_t step, std::size_t d) const {
    const double first = columns_[0].at(step, d), second = columns_[1].at(step, d);
    const bool deviation = formula_.mode == Mode::mean_std;
    if (deviation && second < 0) refuse(fmt::format("statistics of dimension {}", d), "std >= 0", fmt::format("{}", second));
    if (!deviation && first > second)
      refuse(fmt::format("statistics of dimension {}", d), fmt::format("{} <= {}", names_[0], names_[1]),
             fmt::format("{} > {}", first, second));
    if (formula_.mode == Mode::scale) return {0, checked_range(std::max(std::abs(first), std::abs(second)), d), 1, 0};
    return {first, checked_range(deviation ? second : second - first, d), deviation ? 1 : 0.5, deviation ? 0.0 : 1.0};
  }

 private:
  void add(std::string_view first, const std::vector<double>& one, std::string_view second, const std::vector<double>& two) {
    names_ = {first, second};
    columns_.emplace_back(checked(first, one), one, steps_, formula_);
    columns_.emplace_back(checked(second, two), two, steps_, formula_);
    if (columns_[0].dim() != columns_[1].dim())
      refuse(fmt::format("statistics '{}'", second), fmt::format("{} values", one.size()), std::to_string(two.size()));
  }

  /// Not so small that its inverse is infinite.
  [[nodiscard]] double checked_range(double range, std::size_t d) const {
    if (!std::isfinite(range))
      refuse(fmt::format("statistics of dimension {}", d), fmt::format("a finite range from {} to {}", names_[0], names_[1]),
             fmt::format("{}", range));
    if (range != 0 && range < 1e-300)
      refuse(fmt::format("statistics of dimension {}", d), "a range that is 0 or at least 1e-300", fmt::format("{}", range));
    return range;
  }

  [[nodiscard]] std::string_view checked(std::string_view name, const std::vector<double>& values) const {
    const bool fits = values.size() % steps_ == 0 && (formula_.lengths || values.size() / steps_ == dim_);
    if (values.empty() || !fits)
      refuse(fmt::format("statistics '{}'", name),
             steps_ == 1 ? fmt::format("{} values", dim_) : fmt::format("{} values for each of {} steps", dim_, steps_),
             values.empty() ? "none" : std::to_string(values.size()));
    return name;
  }

  const NormalizationFormula& formula_;
  std::size_t steps_;
  std::size_t dim_;
  std::array<std::string_view, 2> names_;
  std::vector<Column> columns_;
};

/// OpenVLA's training data sets dimensions to 0 whose min equals max, whatever the mode and the mask; statistics without both are
/// judged by the range that the mode reads.
bool is_constant(const NormalizationFormula& formula, const VectorStatistics& statistics, std::size_t cell, double range) {
  if (formula.masking == Masking::passes && cell < statistics.min.size() && cell < statistics.max.size())
    return statistics.min[cell] == statistics.max[cell];
  return range == 0;
}

/// Behind statistics that end early, openpi's z-score takes mean 0 and deviation 1, its quantile mode changes nothing.
NormalizerCell padding_cell(const NormalizationFormula& formula) {
  return formula.mode == Mode::mean_std ? inverse_cell(formula, {0, 1, 1, 0}, false) : NormalizerCell{};
}

void add_cells(const NormalizationFormula& formula, const VectorStatistics& statistics, const NormalizerOptions& options,
               NormalizerCells& cells) {
  const Reader reader(formula, statistics, options);
  const std::size_t known = std::min(options.dim, reader.columns());
  for (std::size_t step = 0; step < statistics.steps; ++step) {
    for (std::size_t d = 0; d < options.dim; ++d) {
      NormalizerCell forward, inverse = padding_cell(formula);
      const bool masked = formula.masking != Masking::ignored && !statistics.mask.empty() && statistics.mask[d] == 0;
      if (d < known) {
        const Spread spread = reader.spread(step, d);
        const bool constant = is_constant(formula, statistics, step * options.dim + d, spread.range);
        const bool zero = constant && formula.constant_forward == Constant::zero;
        if (!masked || zero) forward = forward_cell(formula, spread, constant);
        inverse = masked ? NormalizerCell{} : inverse_cell(formula, spread, constant);
      }
      if (!masked || formula.masking == Masking::passes_clip) clip(forward, formula.clip_forward);
      clip(inverse, formula.clip_inverse);
      cells.forward.push_back(forward);
      cells.inverse.push_back(inverse);
    }
  }
  if (reader.columns() < options.dim) cells.forward.clear();
  if (reader.columns() > options.dim) cells.inverse.clear();
}

}  // namespace

const NormalizationFormula& normalization_formula(NormalizationMode mode, std::string_view rule) {
  for (const auto& formula : kFormulas)
    if (formula.rule == rule && formula.mode == mode) return formula;
  if (std::find(kRules.begin(), kRules.end(), rule) == kRules.end()) {
    const auto near = nearest_name(rule, kRules);
    fail(ErrorCode::unsupported, {"Normalizer", "rule", "one of " + join_names(kRules), fmt::format("\"{}\"", rule.substr(0, 64)),
                                  near.empty() ? "" : fmt::format("did you mean '{}'?", near)});
  }
  std::vector<std::string_view> names{to_string(Mode::identity)};
  for (const Mode known : normalization_modes(rule)) names.push_back(to_string(known));
  fail(ErrorCode::unsupported,
       {"Normalizer", fmt::format("mode of rule \"{}\"", rule), "one of " + join_names(names), to_string(mode), ""});
}

NormalizerCells make_cells(const NormalizationFormula& formula, const VectorStatistics& statistics, const NormalizerOptions& options) {
  if (!statistics.mask.empty() && formula.masking != Masking::ignored && statistics.mask.size() != options.dim)
    refuse("statistics 'mask'", fmt::format("{} values", options.dim), std::to_string(statistics.mask.size()));
  NormalizerCells cells;
  if (formula.mode == Mode::binary) {
    if (!std::isfinite(options.threshold)) refuse("threshold", "a finite number", std::to_string(options.threshold));
    cells.forward.assign(options.dim, {.binary = true, .threshold = static_cast<float>(options.threshold)});
    cells.inverse = cells.forward;
  } else if (formula.mode == Mode::sin_cos) {
    cells.forward.resize(options.dim);
  } else {
    add_cells(formula, statistics, options, cells);
  }
  if (!formula.inverts) cells.inverse.clear();
  return cells;
}

}  // namespace detail

std::span<const std::string_view> normalization_rules() noexcept { return detail::kRules; }

std::vector<NormalizationMode> normalization_modes(std::string_view rule) {
  std::vector<NormalizationMode> modes;
  for (const auto& formula : detail::kFormulas)
    if (formula.rule == rule) modes.push_back(formula.mode);
  return modes;
}

NormalizationMode normalization_mode(std::string_view name) {
  std::vector<std::string_view> names;
  for (const auto mode : kNormalizationModes) {
    if (to_string(mode) == name) return mode;
    names.push_back(to_string(mode));
  }
  const auto near = nearest_name(name, names);
  fail(ErrorCode::unsupported, {"Normalizer", "mode", "one of " + join_names(names), fmt::format("\"{}\"", name.substr(0, 64)),
                                near.empty() ? "" : fmt::format("did you mean '{}'?", near)});
}

}  // namespace sinew
