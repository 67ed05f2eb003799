// SPDX-License-Identifier: Apache-2.0
// Which kernels of observation run.
#include <array>
#include <cstddef>

#include "../core/isa_table.hpp"
#include "kernels/kernels.hpp"

namespace sinew::detail {

const ObservationKernels& observation_kernels(Isa isa) noexcept {
#if defined(__x86_64__)
  static constexpr IsaTable<ObservationKernels> kTable = {{Isa::portable, &portable::kObservationKernels},
                                                          {Isa::v2, &v2::kObservationKernels},
                                                          {Isa::v3, &v3::kObservationKernels},
                                                          {Isa::v4, &v4::kObservationKernels},
                                                          {Isa::v4_vnni, &v4_vnni::kObservationKernels}};
  return kTable[isa];
#else
  (void)isa;
  return portable::kObservationKernels;
#endif
}

const ObservationKernels& observation_kernels() noexcept { return observation_kernels(active_isa()); }

}  // namespace sinew::detail
