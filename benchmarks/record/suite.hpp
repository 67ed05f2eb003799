// SPDX-License-Identifier: Apache-2.0
// The groups of rows of bench_record; each is a file.
#pragma once

#include "bench.hpp"
#include "observation/baselines.hpp"

namespace sinew::bench {

void recorder_rows(Report& report, Baselines& baselines);
void fk_rows(Report& report);

}  // namespace sinew::bench
