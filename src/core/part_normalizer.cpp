// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "sinew/core/error.hpp"
#include "sinew/core/normalizer.hpp"

namespace sinew {

namespace {

/// `dim` of the values from `first` on; what the file lacks stays empty.
std::vector<double> slice(const std::vector<double>& values, std::size_t first, std::size_t dim, const std::string& where) {
  if (values.empty()) return {};
  if (first + dim > values.size())
    fail(ErrorCode::invalid_argument,
         {where, "statistics", fmt::format("{} values and more", first + dim), std::to_string(values.size()), ""});
  const auto begin = values.begin() + static_cast<std::ptrdiff_t>(first);
  return {begin, begin + static_cast<std::ptrdiff_t>(dim)};
}

}  // namespace

Normalizer make_part_normalizer(const PartNormalizationCard& card, const Statistics& statistics, std::size_t dim,
                                const std::string& where) {
  Statistics part;
  if (const auto found = statistics.find(card.key); found != statistics.end()) {
    const auto first = static_cast<std::size_t>(card.first);
    const auto& [mean, std, min, max, q01, q99] = found->second;
    part[card.key] = {slice(mean, first, dim, where), slice(std, first, dim, where), slice(min, first, dim, where),
                      slice(max, first, dim, where),  slice(q01, first, dim, where), slice(q99, first, dim, where)};
  } else {
    part = statistics;  // for the list of keys in the refusal
  }
  return make_normalizer({card.mode, card.rule, card.key}, part, dim, where);
}

}  // namespace sinew
