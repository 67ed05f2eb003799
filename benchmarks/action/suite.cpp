// SPDX-License-Identifier: Apache-2.0
#include "action/suite.hpp"

#include <fmt/format.h>

#include <utility>

#include "sinew/testing/no_alloc.hpp"

namespace sinew::bench {

void ActionSuite::compare(const Claim& claim, const ActionWork& work) {
  if (!report_.wants(claim.id)) return;
  const auto name = baselines_.open(claim.id);
  const auto [mine, theirs] =
      time_pair(warmed(in_turn(work.run, work.entries)), name ? baselines_.sampler(claim.id) : Sampler(), report_.options().min_time);
  Row row = timed_row(claim, mine, theirs, name.value_or(kAbsent));
  row.checked = name.has_value();
  if (!name) row.note += (row.note.empty() ? "" : "; ") + baselines_.why();
  for (std::size_t entry = 0; name && entry < work.entries; ++entry) {
    work.run(entry);
    row.checked = row.checked && work.agrees(baselines_.result(claim.id, entry));
  }
  report_.add(std::move(row));
}

std::string heap_note(const ActionWork& work, const char* things) {
  work.run(0);
  const testing::HeapCallCounter counter;
  for (std::size_t entry = 0; entry < work.entries; ++entry) work.run(entry);
  return fmt::format("{} heap calls in {} {}", counter.count(), work.entries, things);
}

}  // namespace sinew::bench
