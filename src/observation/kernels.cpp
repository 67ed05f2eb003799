// SPDX-License-Identifier: Apache-2.0
// Which kernels of observation run.
#include <array>
#include <cstddef>

#include "kernels/kernels.hpp"

namespace sinew::detail {

const ObservationKernels& observation_kernels(Isa isa) noexcept {
#if defined(__x86_64__)
  static constexpr std::array<const ObservationKernels*, kIsaCount> kTable = {&portable::kObservationKernels, &v2::kObservationKernels,
                                                                              &v3::kObservationKernels, &v4::kObservationKernels,
                                                                              &v4_vnni::kObservationKernels};
  return *kTable[static_cast<std::size_t>(isa)];
#else
  (void)isa;
  return portable::kObservationKernels;
#endif
}

const ObservationKernels& observation_kernels() noexcept { return observation_kernels(active_isa()); }

}  // namespace sinew::detail
