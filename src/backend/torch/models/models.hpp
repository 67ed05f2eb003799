// SPDX-License-Identifier: Apache-2.0
// One function for each model, each compiled on its own.
#pragma once

#include "sinew/backend/torch/torch_ops.hpp"
#include "sinew/nn/registry.hpp"

namespace sinew::detail {

void add_qwen3_vl(nn::ModelRegistry<TorchOps>& registry);
void add_flow_dit(nn::ModelRegistry<TorchOps>& registry);

}  // namespace sinew::detail
