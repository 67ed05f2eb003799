// SPDX-License-Identifier: Apache-2.0
// What every action tokenizer must do, as functions that return what went wrong, so that any test framework can use them.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <span>
#include <string>
#include <vector>

#include "sinew/action/bin_tokenizer.hpp"
#include "sinew/action/fast_tokenizer.hpp"

namespace sinew::testing {

/// decode(encode(values)) is within half a bin of the values, clipped to the limits. `limits` are those of a dimension:
/// the centres of its first and last bin, half a bin further. Empty when the law holds.
[[nodiscard]] inline std::string bin_round_trip_fault(const BinTokenizer& tokenizer, std::span<const float> values) {
  std::vector<TokenId> ids(values.size());
  std::vector<double> back(values.size()), ends(values.size() * 2);
  if (tokenizer.encode(values, ids) != Status::ok || tokenizer.decode(ids, back) != Status::ok) return "the round trip is refused";
  std::vector<TokenId> outer(tokenizer.dim(), tokenizer.first_id());
  std::vector<double> one(tokenizer.dim()), other(tokenizer.dim());
  if (tokenizer.decode(outer, one) != Status::ok) return "the first id is refused";
  std::fill(outer.begin(), outer.end(), tokenizer.last_id());
  if (tokenizer.decode(outer, other) != Status::ok) return "the last id is refused";
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t d = i % tokenizer.dim();
    const double half = tokenizer.width(d) / 2, slack = tokenizer.width(d) * 1e-9;
    const double value = std::clamp<double>(values[i], std::min(one[d], other[d]) - half, std::max(one[d], other[d]) + half);
    if (std::abs(back[i] - value) > half + slack) return fmt::format("value {}: {} comes back as {}", i, values[i], back[i]);
    if (ids[i] < tokenizer.first_id() || ids[i] > tokenizer.last_id()) return fmt::format("value {}: id {}", i, ids[i]);
  }
  return "";
}

/// encode(decode(ids)) decodes to the same values, and is the same ids from then on. The ids themselves may change once:
/// OpenVLA has two for its last bin. Empty when the law holds.
[[nodiscard]] inline std::string bin_stability_fault(const BinTokenizer& tokenizer, std::span<const TokenId> ids) {
  std::vector<double> values(ids.size()), again(ids.size());
  std::vector<TokenId> once(ids.size()), twice(ids.size());
  if (tokenizer.decode(ids, values) != Status::ok || tokenizer.encode(values, once) != Status::ok) return "known ids are refused";
  if (tokenizer.decode(once, again) != Status::ok || tokenizer.encode(again, twice) != Status::ok) return "encoded ids are refused";
  if (values != again) return "encode changes what ids decode to";
  return once == twice ? "" : "encode is not stable after one round";
}

/// Coefficient `k` of column `d`, from the definition of the orthonormal DCT-II.
[[nodiscard]] inline double plain_cosine(std::span<const float> chunk, std::size_t dim, std::size_t k, std::size_t d) {
  const auto length = static_cast<double>(chunk.size() / dim);
  double sum = 0;
  for (std::size_t n = 0; n < chunk.size() / dim; ++n)
    sum += chunk[n * dim + d] * std::cos(std::numbers::pi * (2.0 * static_cast<double>(n) + 1) * static_cast<double>(k) / (2 * length));
  return sum * std::sqrt((k == 0 ? 1 : 2) / length);
}

/// decode(encode(chunk)) is within half a quantisation step of the chunk in every coefficient, where encode says that nothing was
/// clamped or lost. Empty when the law holds.
[[nodiscard]] inline std::string fast_round_trip_fault(const FastTokenizer& tokenizer, std::span<const float> chunk, std::size_t dim) {
  FastScratch scratch;
  FastEncoded encoded;
  std::vector<TokenId> ids(chunk.size() * 4);
  std::vector<float> back(chunk.size());
  if (tokenizer.encode(FastChunk<const float>{chunk, dim}, scratch, ids, encoded) != Status::ok) return "the chunk is refused";
  ids.resize(encoded.count);
  if (tokenizer.decode(ids, {}, scratch, {back, dim}) != Status::ok)
    return encoded.lost > 0 ? "" : fmt::format("its ids are refused: {}", scratch.last_error());
  for (std::size_t i = 0; i < chunk.size() && encoded.clamped == 0; ++i) {
    const double before = plain_cosine(chunk, dim, i / dim, i % dim), after = plain_cosine(back, dim, i / dim, i % dim);
    if (std::abs(after - before) > 0.5 / tokenizer.scale() + 1e-5 * (1 + std::abs(before)))
      return fmt::format("coefficient {}: {} comes back as {}", i, before, after);
  }
  return "";
}

/// Ids that decode are, after one round of encode, stable, and stand for the same chunk. The ids themselves may change once: other
/// tokens may join to the same text. Empty when the law holds.
[[nodiscard]] inline std::string fast_stability_fault(const FastTokenizer& tokenizer, std::span<const TokenId> ids, std::size_t horizon,
                                                      std::size_t dim) {
  FastScratch scratch;
  FastEncoded encoded;
  std::vector<float> first(horizon * dim), second(horizon * dim);
  std::vector<TokenId> once(first.size() * 4), twice(first.size() * 4);
  if (tokenizer.decode(ids, {}, scratch, {first, dim}) != Status::ok) return "the ids are refused";
  if (tokenizer.encode(FastChunk<const float>{first, dim}, scratch, once, encoded) != Status::ok) return "their chunk is refused";
  if (encoded.lost > 0) return "";
  once.resize(encoded.count);
  if (tokenizer.decode(once, {}, scratch, {second, dim}) != Status::ok) return "its ids are refused";
  if (tokenizer.encode(FastChunk<const float>{second, dim}, scratch, twice, encoded) != Status::ok) return "their chunk is refused";
  twice.resize(encoded.count);
  if (first != second) return "encode changes what ids decode to";
  return once == twice ? "" : "encode is not stable after one round";
}

}  // namespace sinew::testing
