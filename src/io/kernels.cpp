// SPDX-License-Identifier: Apache-2.0
// Picks the kernels of io for an instruction set.
#include "kernels/kernels.hpp"
#include "../core/isa_table.hpp"

#include <array>

namespace sinew::detail {

const IoKernels& io_kernels() noexcept {
#if defined(__x86_64__)
  static constexpr IsaTable<IoKernels> kTable = {
      {Isa::portable, &portable::kIoKernels}, {Isa::v2, &v2::kIoKernels}, {Isa::v3, &v3::kIoKernels}, {Isa::v4, &v4::kIoKernels}};
  return kTable[active_isa()];
#else
  return portable::kIoKernels;
#endif
}

}  // namespace sinew::detail
