// SPDX-License-Identifier: Apache-2.0
#include "action/suite.hpp"

#include <fmt/format.h>

namespace sinew::bench {

void ActionSuite::compare(const ActionClaim& claim, const ActionWork& work) {
  if (!report_.wants(claim.id)) return;
  std::size_t next = 0;
  const Run in_turn = [&](int times) {
    for (int i = 0; i < times; ++i) {
      work.run(next);
      if (++next == work.entries) next = 0;
    }
  };
  const auto name = baselines_.open(claim.id);
  const auto [mine, theirs] = time_pair(warmed(in_turn), name ? baselines_.sampler(claim.id) : Sampler(), report_.options().min_time);
  Row row{.id = claim.id,
          .what = claim.what,
          .unit = claim.unit,
          .ours = mine.median * claim.scale,
          .ours_p99 = mine.p99 * claim.scale,
          .ours_worst = mine.worst * claim.scale,
          .baseline = name.value_or(kAbsent),
          .checked = name.has_value(),
          .n = mine.repetitions,
          .note = claim.note};
  if (claim.most) row.bound = fmt::format("≤ {:g} {}", *claim.most, claim.unit);
  if (claim.least_ratio) row.bound += fmt::format("{}≥ {:g}×", row.bound.empty() ? "" : ", ", *claim.least_ratio);
  if (claim.most) row.pass = row.ours <= *claim.most;
  if (!name) row.note += (row.note.empty() ? "" : "; ") + baselines_.why();
  if (theirs) {
    row.theirs = theirs->median * claim.scale;
    row.ratio = *row.theirs / row.ours;
    if (claim.least_ratio) row.pass = row.pass.value_or(true) && *row.ratio >= *claim.least_ratio;
  }
  for (std::size_t entry = 0; name && entry < work.entries; ++entry) {
    work.run(entry);
    row.checked = row.checked && work.agrees(baselines_.result(claim.id, entry));
  }
  report_.add(std::move(row));
}

}  // namespace sinew::bench
