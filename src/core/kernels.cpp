// SPDX-License-Identifier: Apache-2.0
// Picks the kernels of core for an instruction set.
#include "kernels/kernels.hpp"

#include <array>

namespace sinew::detail {

const CoreKernels& core_kernels() noexcept {
#if defined(__x86_64__)
  // Nothing here multiplies bytes.
  static constexpr std::array<const CoreKernels*, kIsaCount> kTable = {&portable::kCoreKernels, &v2::kCoreKernels, &v3::kCoreKernels,
                                                                       &v4::kCoreKernels, &v4::kCoreKernels};
  return *kTable[static_cast<std::size_t>(active_isa())];
#else
  return portable::kCoreKernels;
#endif
}

}  // namespace sinew::detail
