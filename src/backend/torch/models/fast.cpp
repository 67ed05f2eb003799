// SPDX-License-Identifier: Apache-2.0
#include "../../models/fast.hpp"

#include "sinew/backend/torch/torch_ops.hpp"

template void sinew::detail::add_fast(nn::ModelRegistry<TorchOps>& registry);
