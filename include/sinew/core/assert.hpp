// SPDX-License-Identifier: Apache-2.0
// Debug assertion: checks invariants of ours, never input.
#pragma once

#include <cassert>

/// Aborts in builds without NDEBUG when `condition` is false. Input is checked by Error and Status instead.
#define SINEW_ASSERT(condition) assert(condition)
