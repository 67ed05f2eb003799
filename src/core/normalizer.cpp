// SPDX-License-Identifier: Apache-2.0
#include "sinew/core/normalizer.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <vector>

#include "sinew/core/error.hpp"

namespace sinew {

Normalizer Normalizer::identity(std::size_t dim) {
  Normalizer normalizer;
  normalizer.offset_.assign(dim, 0.0);
  normalizer.scale_.assign(dim, 1.0);
  return normalizer;
}

Normalizer::Normalizer(const VectorStatistics& statistics, NormalizationMode mode, const std::string& rule, std::size_t dim) {
  if (mode == NormalizationMode::identity) {
    *this = identity(dim);
    return;
  }
  if (rule != "qwen") fail(ErrorCode::unsupported, {"Normalizer", "rule", "\"qwen\"", '"' + rule + '"', ""});
  const auto check = [dim](const std::vector<double>& values, std::string_view name) {
    if (values.size() != dim)
      fail(ErrorCode::invalid_argument, {"Normalizer", fmt::format("statistics '{}'", name), fmt::format("{} values", dim),
                                         values.empty() ? "none" : std::to_string(values.size()), ""});
    for (const double value : values)
      if (!std::isfinite(value))
        fail(ErrorCode::invalid_argument, {"Normalizer", fmt::format("statistics '{}'", name), "finite values", std::to_string(value), ""});
  };
  check(statistics.q01, "q01");
  check(statistics.q99, "q99");
  offset_ = statistics.q01;
  scale_.resize(dim);
  for (std::size_t i = 0; i < dim; ++i) {
    const double range = statistics.q99[i] - statistics.q01[i];
    if (range < 0)
      fail(ErrorCode::invalid_argument, {"Normalizer", fmt::format("statistics of dimension {}", i), "q01 <= q99",
                                         fmt::format("{} > {}", statistics.q01[i], statistics.q99[i]), ""});
    if (!std::isfinite(range))
      fail(ErrorCode::invalid_argument,
           {"Normalizer", fmt::format("statistics of dimension {}", i), "a finite range from q01 to q99", fmt::format("{}", range), ""});
    scale_[i] = range / 2;
  }
  shift_ = 1;
  clip_ = true;
}

Status Normalizer::forward(std::span<const double> x, std::span<float> y) const noexcept {
  if (x.size() != y.size() || dim() == 0 || x.size() % dim() != 0) return Status::bad_shape;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t d = i % dim();
    if (!std::isfinite(x[i])) return Status::not_finite;
    double value = scale_[d] != 0 ? (x[i] - offset_[d]) / scale_[d] - shift_ : 0.0;
    if (clip_) value = value < -1 ? -1 : value > 1 ? 1 : value;
    if (!(std::abs(value) <= static_cast<double>(std::numeric_limits<float>::max()))) return Status::out_of_range;
    y[i] = static_cast<float>(value);
  }
  return Status::ok;
}

Status Normalizer::inverse(std::span<const float> y, std::span<double> x) const noexcept {
  if (x.size() != y.size() || dim() == 0 || y.size() % dim() != 0) return Status::bad_shape;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t d = i % dim();
    const double value = offset_[d] + (static_cast<double>(y[i]) + shift_) * scale_[d];
    if (!std::isfinite(y[i]) || !std::isfinite(value)) return Status::not_finite;
    x[i] = value;
  }
  return Status::ok;
}

Normalizer make_normalizer(const NormalizationCard& card, const Statistics& statistics, std::size_t dim, const std::string& where) {
  if (card.mode == NormalizationMode::identity) return Normalizer::identity(dim);
  const auto found = statistics.find(card.key);
  if (found == statistics.end()) {
    std::vector<std::string_view> keys;
    for (const auto& [key, unused] : statistics) keys.push_back(key);
    const auto near = nearest_name(card.key, keys);
    fail(ErrorCode::not_found,
         {where, fmt::format("statistics key '{}'", card.key), keys.empty() ? "statistics" : "one of " + join_names(keys), "no such key",
          near.empty() ? "" : fmt::format("did you mean '{}'?", near)});
  }
  return Normalizer(found->second, card.mode, card.rule, dim);
}

}  // namespace sinew
