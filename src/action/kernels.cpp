// SPDX-License-Identifier: Apache-2.0
// Which kernels of actions run.
#include <array>
#include <cstddef>

#include "kernels/kernels.hpp"

namespace sinew::detail {

const ActionKernels& action_kernels(Isa isa) noexcept {
#if defined(__x86_64__)
  // Nothing here multiplies bytes.
  static constexpr std::array<const ActionKernels*, kIsaCount> kTable = {&portable::kActionKernels, &v2::kActionKernels,
                                                                         &v3::kActionKernels, &v4::kActionKernels, &v4::kActionKernels};
  return *kTable[static_cast<std::size_t>(isa)];
#else
  (void)isa;
  return portable::kActionKernels;
#endif
}

const ActionKernels& action_kernels() noexcept { return action_kernels(active_isa()); }

}  // namespace sinew::detail
