// SPDX-License-Identifier: Apache-2.0
#include "claim.hpp"

#include <fmt/format.h>

#include <memory>

namespace sinew::bench {

Run in_turn(const std::function<void(std::size_t entry)>& run, std::size_t entries) {
  return [&run, entries, next = std::make_shared<std::size_t>(0)](int times) {
    for (int i = 0; i < times; ++i) {
      run(*next);
      if (++*next == entries) *next = 0;
    }
  };
}

Row timed_row(const Claim& claim, const Timing& ours, const std::optional<Timing>& theirs, const std::string& baseline) {
  Row row{.id = claim.id,
          .what = claim.what,
          .unit = claim.unit,
          .ours = ours.median * claim.scale,
          .ours_p99 = ours.p99 * claim.scale,
          .ours_worst = ours.worst * claim.scale,
          .baseline = baseline,
          .n = ours.repetitions,
          .note = claim.note};
  if (claim.most) row.bound = fmt::format("≤ {:g} {}", *claim.most, claim.unit);
  if (claim.least_ratio) row.bound += fmt::format("{}≥ {:g}×", row.bound.empty() ? "" : ", ", *claim.least_ratio);
  if (claim.most) row.pass = row.ours <= *claim.most;
  if (theirs) {
    row.theirs = theirs->median * claim.scale;
    row.ratio = *row.theirs / row.ours;
    if (claim.least_ratio) row.pass = row.pass.value_or(true) && *row.ratio >= *claim.least_ratio;
  }
  return row;
}

}  // namespace sinew::bench
