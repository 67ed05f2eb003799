// SPDX-License-Identifier: Apache-2.0
// How much heap is live at once; linking it replaces operator new and delete. One thread.
#pragma once

#include <cstddef>

namespace sinew::testing {

/// Starts a new measurement.
void reset_heap_peak() noexcept;
/// Most bytes live at once since then, beyond what was live at its start.
[[nodiscard]] std::size_t heap_peak() noexcept;

}  // namespace sinew::testing
