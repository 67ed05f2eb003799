// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "sinew/core/error.hpp"
#include "sinew/core/normalizer.hpp"

namespace sinew {

namespace {

/// Columns `first` to `first + dim` of every row of the statistics; what the file lacks stays empty.
VectorStatistics slice(const VectorStatistics& whole, std::size_t first, std::size_t dim, const std::string& where) {
  const auto columns = [&](const auto& values, std::size_t rows) {
    auto part = values;
    part.clear();
    if (values.empty()) return part;
    const std::size_t width = values.size() / rows;
    if (first + dim > width)
      fail(ErrorCode::invalid_argument,
           {where, "statistics", fmt::format("{} dimensions and more", first + dim), std::to_string(width), ""});
    for (std::size_t row = 0; row < rows; ++row)
      for (std::size_t j = first; j < first + dim; ++j) part.push_back(values[row * width + j]);
    return part;
  };
  VectorStatistics part = whole;
  for_each_statistic(part, [&](std::string_view, std::vector<double>& values) { values = columns(values, whole.steps); });
  part.mask = columns(whole.mask, 1);
  return part;
}

}  // namespace

Normalizer make_part_normalizer(const PartNormalizationCard& card, const Statistics& statistics, std::size_t dim,
                                const std::string& where) {
  const auto found = statistics.find(card.key);
  if (card.mode == NormalizationMode::identity || found == statistics.end())
    return make_normalizer({card.mode, card.rule, card.key}, statistics, dim, where);
  return make_normalizer({card.mode, card.rule, card.key},
                         {{card.key, slice(found->second, static_cast<std::size_t>(card.first), dim, where)}}, dim, where);
}

}  // namespace sinew
