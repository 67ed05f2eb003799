// SPDX-License-Identifier: Apache-2.0
// Policies on the processor, with nothing but Sinew.
#pragma once

#include "sinew/backend/registry.hpp"

namespace sinew {

struct CpuBackendOptions {
  int threads = 1;  ///< that share the work of one inference
};

/// The entry "cpu" of BackendRegistry::with_defaults(), with other options: `registry.add("cpu4", cpu_backend({.threads = 4}))`. The card's
/// dtype, f32 or bf16, is that of the weights.
[[nodiscard]] BackendFactory cpu_backend(const CpuBackendOptions& options = {});

}  // namespace sinew
