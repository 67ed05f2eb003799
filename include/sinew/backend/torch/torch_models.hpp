// SPDX-License-Identifier: Apache-2.0
// The models on libtorch, for those who call them themselves. Needs the target sinew::torch.
#pragma once

#include "sinew/backend/torch/torch_ops.hpp"
#include "sinew/nn/registry.hpp"

namespace sinew {

/// The backbones and heads that Sinew has.
[[nodiscard]] nn::ModelRegistry<TorchOps> torch_models();

}  // namespace sinew
