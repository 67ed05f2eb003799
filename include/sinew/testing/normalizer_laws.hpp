// SPDX-License-Identifier: Apache-2.0
// What a Normalizer must do under every rule, as functions that return what went wrong, so that any test framework can use them.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/core/normalizer.hpp"

namespace sinew::testing {

/// Statistics of one dimension: `low` and `high` are mean and deviation, or the two ends of the range.
struct PlainDimension {
  double low = 0, high = 1;
  bool constant = false;  ///< min == max
  bool masked = false;    ///< its mask entry is false
};

/// One value normalised by the formula as its reference states it, in double precision. Shares no line with the library.
[[nodiscard]] inline double plain_normalized(NormalizationMode mode, std::string_view rule, const PlainDimension& at, double x) {
  using Mode = NormalizationMode;
  const double range = at.high - at.low;
  if (mode == Mode::binary) return x > 0.5 ? 1 : 0;
  if (mode == Mode::scale) {
    const double largest = std::max(std::abs(at.low), std::abs(at.high));
    return largest == 0 ? 0 : x / largest;
  }
  if (mode == Mode::mean_std) {
    if (rule == "lerobot") return (x - at.low) / (at.high + 1e-8);
    if (rule == "openpi") return (x - at.low) / (at.high + 1e-6);
    return at.high == 0 ? x : (x - at.low) / at.high;
  }
  if (rule == "lerobot") return 2 * (x - at.low) / (range == 0 ? 1e-8 : range) - 1;
  if (rule == "openpi") return (x - at.low) / (range + 1e-6) * 2 - 1;
  if (rule == "openvla") return at.constant ? 0 : at.masked ? x : std::clamp(2 * (x - at.low) / (range + 1e-8) - 1, -1.0, 1.0);
  if (rule == "oft") return std::clamp(at.masked ? x : 2 * (x - at.low) / (range + 1e-8) - 1, -1.0, 1.0);
  if (rule == "starvla" && mode == Mode::quantile) return std::clamp(range == 0 ? x : 2 * (x - at.low) / range - 1, -2.2, 2.2);
  const double value = range == 0 ? 0 : 2 * (x - at.low) / range - 1;
  return rule == "starvla" ? value : std::clamp(value, -1.0, 1.0);
}

/// The way back of one value, likewise.
[[nodiscard]] inline double plain_restored(NormalizationMode mode, std::string_view rule, const PlainDimension& at, double y) {
  using Mode = NormalizationMode;
  if (mode == Mode::binary) return y > 0.5 ? 1 : 0;
  if (mode == Mode::mean_std) {
    if (rule == "groot" && at.high == 0) return y;
    return y * (rule == "openpi" ? at.high + 1e-6 : at.high) + at.low;
  }
  double range = at.high - at.low;
  if (rule == "lerobot" && range == 0) range = 1e-8;
  if (rule == "openpi") range += 1e-6;
  if (rule == "oft") range += 1e-8;
  if ((rule == "oft" || rule == "openvla") && at.masked) return y;
  return (std::clamp(y, rule == "groot" ? -1 : y, rule == "groot" ? 1 : y) + 1) / 2 * range + at.low;
}

/// Options of the suite.
struct NormalizerLawOptions {
  std::uint64_t seed = 1;
  int trials = 40;
  std::size_t dim = 7;    ///< two of them constant, two masked where the rule knows masks
  std::size_t steps = 1;  ///< rows of statistics
};

namespace detail {

/// Statistics, data and complaints of one rule and mode. Values are representable in single precision, so that rules of both
/// precisions are judged by the same formula.
class NormalizerLaws {
 public:
  NormalizerLaws(NormalizationMode mode, std::string_view rule, const NormalizerLawOptions& options)
      : mode_(mode), rule_(rule), options_(options), engine_(options.seed) {}

  [[nodiscard]] std::vector<std::string> run() {
    for (int trial = 0; trial < options_.trials && violations_.size() < 5; ++trial) {
      draw();
      const Normalizer normalizer(statistics_, {.mode = mode_, .rule = rule_, .dim = options_.dim});
      check_forward(normalizer);
      if (normalizer.has_inverse()) check_inverse(normalizer);
      check_refusals(normalizer);
    }
    return violations_;
  }

 private:
  [[nodiscard]] double uniform(double low, double high) {
    return static_cast<double>(static_cast<float>(std::uniform_real_distribution<double>(low, high)(engine_)));
  }

  void draw() {
    const std::size_t cells = options_.dim * options_.steps;
    statistics_ = {};
    statistics_.steps = options_.steps;
    dimensions_.clear();
    for (std::size_t d = 0; d < options_.dim; ++d) statistics_.mask.push_back(d % 3 == 1 ? 0 : 1);
    const bool masks = rule_ == "openvla" || rule_ == "oft";
    std::vector<double> low, high;
    for (std::size_t i = 0; i < cells; ++i) {
      const bool constant = i % options_.dim % 4 == 1;
      low.push_back(uniform(-2, 2));
      const double width = constant ? 0 : uniform(0.1, 3);
      high.push_back(mode_ == NormalizationMode::mean_std ? width : static_cast<double>(static_cast<float>(low.back() + width)));
      dimensions_.push_back({low.back(), high.back(), constant, masks && i % options_.dim % 3 == 1});
    }
    statistics_.mean = statistics_.min = statistics_.q01 = statistics_.q10 = low;
    statistics_.std = statistics_.max = statistics_.q90 = statistics_.q99 = high;
    for (double& value : statistics_.std) value = std::abs(value);
    x_.clear();
    for (std::size_t i = 0; i < 3 * cells; ++i) {
      const PlainDimension& at = dimensions_[i % cells];
      x_.push_back(at.constant && i % 2 == 0 ? at.low : static_cast<double>(static_cast<float>(at.low + uniform(-1, 4))));
    }
  }

  void expect(bool holds, std::string_view law, std::size_t i, double got, double expected) {
    if (holds) return;
    violations_.push_back(fmt::format("{} {}: {}: place {}: got {}, expected {}", rule_, to_string(mode_), law, i, got, expected));
  }
  void expect_near(double got, double expected, std::string_view law, std::size_t i) {
    expect(std::abs(got - expected) <= 2e-6 + 4e-6 * std::abs(expected), law, i, got, expected);
  }

  void check_forward(const Normalizer& normalizer) {
    const std::size_t outputs = x_.size() / normalizer.dim() * normalizer.out_dim();
    const std::vector<float> narrow(x_.begin(), x_.end());
    std::vector<float> y(outputs), single(outputs);
    expect(normalizer.forward(x_, y) == Status::ok, "forward of doubles is ok", 0, 0, 0);
    expect(normalizer.forward(narrow, single) == Status::ok, "forward of floats is ok", 0, 0, 0);
    for (std::size_t i = 0; i < x_.size(); ++i) {
      if (mode_ == NormalizationMode::sin_cos) {
        const std::size_t at = i / options_.dim * 2 * options_.dim + i % options_.dim;
        expect_near(y[at], std::sin(x_[i]), "sines come first", i);
        expect_near(y[at + options_.dim], std::cos(x_[i]), "cosines follow", i);
        expect(single[at] == y[at], "floats and doubles agree", i, single[at], y[at]);
        continue;
      }
      const double expected = plain_normalized(mode_, rule_, dimensions_[i % dimensions_.size()], x_[i]);
      expect_near(y[i], expected, "forward is the formula", i);
      expect_near(single[i], expected, "forward of floats is the formula", i);
    }
    if (normalizer.out_dim() != normalizer.dim()) return;
    std::vector<float> same = narrow;
    expect(normalizer.forward(same, same) == Status::ok && same == single, "forward in place gives the same bits", 0, 0, 0);
  }

  void check_inverse(const Normalizer& normalizer) {
    std::vector<float> y;
    for (std::size_t i = 0; i < x_.size(); ++i) y.push_back(static_cast<float>(uniform(-1.5, 1.5)));
    std::vector<double> x(y.size());
    std::vector<float> single(y.size());
    expect(normalizer.inverse(y, x) == Status::ok, "inverse to doubles is ok", 0, 0, 0);
    expect(normalizer.inverse(y, single) == Status::ok, "inverse to floats is ok", 0, 0, 0);
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double expected = plain_restored(mode_, rule_, dimensions_[i % dimensions_.size()], y[i]);
      expect_near(x[i], expected, "inverse is the formula", i);
      expect_near(single[i], expected, "inverse to floats is the formula", i);
    }
    std::vector<float> same = y;
    expect(normalizer.inverse(same, same) == Status::ok && same == single, "inverse in place gives the same bits", 0, 0, 0);
    if (mode_ != NormalizationMode::binary) check_return(normalizer);
  }

  /// inverse(forward(x)) is x where nothing is clipped and the dimension is not constant.
  void check_return(const Normalizer& normalizer) {
    std::vector<float> y(x_.size());
    std::vector<double> back(x_.size());
    if (normalizer.forward(x_, y) != Status::ok || normalizer.inverse(y, back) != Status::ok) return;
    for (std::size_t i = 0; i < x_.size(); ++i) {
      const bool clipped = std::abs(y[i]) == 1.0F || std::abs(y[i]) == 2.2F;
      if (!dimensions_[i % dimensions_.size()].constant && !clipped)
        expect(std::abs(back[i] - x_[i]) <= 4e-6 * (1 + std::abs(x_[i])), "the inverse undoes forward", i, back[i], x_[i]);
    }
  }

  void check_refusals(const Normalizer& normalizer) {
    const std::size_t bad = std::uniform_int_distribution<std::size_t>(0, x_.size() - 1)(engine_);
    std::vector<float> y(x_.size() / normalizer.dim() * normalizer.out_dim());
    for (const double value : {std::numeric_limits<double>::quiet_NaN(), HUGE_VAL, -HUGE_VAL}) {
      std::vector<double> x = x_;
      x[bad] = value;
      std::vector<float> narrow(x.begin(), x.end());
      expect(normalizer.forward(x, y) == Status::not_finite, "forward refuses what is not finite", bad, value, 0);
      expect(normalizer.forward(std::span<const float>(narrow), y) == Status::not_finite, "forward of floats refuses it", bad, value, 0);
      if (!normalizer.has_inverse()) continue;
      std::vector<double> back(narrow.size());
      expect(normalizer.inverse(narrow, back) == Status::not_finite, "inverse refuses it", bad, value, 0);
      expect(normalizer.inverse(narrow, narrow) == Status::not_finite, "inverse in place refuses it", bad, value, 0);
    }
    expect(normalizer.forward(std::span(x_).first(x_.size() - 1), y) == Status::bad_shape, "forward refuses part of a row", 0, 0, 0);
  }

  NormalizationMode mode_;
  std::string rule_;
  NormalizerLawOptions options_;
  std::mt19937_64 engine_;
  VectorStatistics statistics_;
  std::vector<PlainDimension> dimensions_;
  std::vector<double> x_;
  std::vector<std::string> violations_;
};

}  // namespace detail

/// Runs the suite on one mode of one rule and returns one line per violation; empty when every law holds.
[[nodiscard]] inline std::vector<std::string> check_normalizer(NormalizationMode mode, std::string_view rule,
                                                               const NormalizerLawOptions& options = {}) {
  return detail::NormalizerLaws(mode, rule, options).run();
}

}  // namespace sinew::testing
