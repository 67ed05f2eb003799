// SPDX-License-Identifier: Apache-2.0
// Picks the kernels of core for an instruction set.
#include "kernels/kernels.hpp"
#include "isa_table.hpp"

#include <array>

namespace sinew::detail {

const CoreKernels& core_kernels() noexcept {
#if defined(__x86_64__)
  static constexpr IsaTable<CoreKernels> kTable = {
      {Isa::portable, &portable::kCoreKernels}, {Isa::v2, &v2::kCoreKernels}, {Isa::v3, &v3::kCoreKernels}, {Isa::v4, &v4::kCoreKernels}};
  return kTable[active_isa()];
#else
  return portable::kCoreKernels;
#endif
}

}  // namespace sinew::detail
