// SPDX-License-Identifier: Apache-2.0
// The groups of rows of bench_motion; each is a file of its own.
#pragma once

#include "action/suite.hpp"

namespace sinew::bench {

/// A control tick, beside an empty loop and a recalculation of Ruckig.
void tick_rows(Report& report);
/// A chunk that is checked and taken over.
void chunk_rows(ActionSuite& suite);
/// What ours and Ruckig do with late targets, wild targets and limits that shrink, and how fast they settle.
void comparison_rows(Report& report);

}  // namespace sinew::bench
