// SPDX-License-Identifier: Apache-2.0
// What every action tokenizer must do, as functions that return what went wrong, so that any test framework can use them.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "sinew/action/bin_tokenizer.hpp"

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

}  // namespace sinew::testing
