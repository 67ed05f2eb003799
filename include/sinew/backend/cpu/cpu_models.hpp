// SPDX-License-Identifier: Apache-2.0
// The models on the processor, for those who call them themselves.
#pragma once

#include "sinew/backend/cpu/cpu_ops.hpp"
#include "sinew/nn/registry.hpp"

namespace sinew {

/// The backbones and heads that Sinew has.
[[nodiscard]] nn::ModelRegistry<CpuOps> cpu_models();

}  // namespace sinew
