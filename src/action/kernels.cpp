// SPDX-License-Identifier: Apache-2.0
// Which kernels of actions run.
#include <array>
#include <cstddef>

#include "../core/isa_table.hpp"
#include "kernels/kernels.hpp"

namespace sinew::detail {

const ActionKernels& action_kernels(Isa isa) noexcept {
#if defined(__x86_64__)
  static constexpr IsaTable<ActionKernels> kTable = {{Isa::portable, &portable::kActionKernels},
                                                     {Isa::v2, &v2::kActionKernels},
                                                     {Isa::v3, &v3::kActionKernels},
                                                     {Isa::v4, &v4::kActionKernels}};
  return kTable[isa];
#else
  (void)isa;
  return portable::kActionKernels;
#endif
}

const ActionKernels& action_kernels() noexcept { return action_kernels(active_isa()); }

}  // namespace sinew::detail
