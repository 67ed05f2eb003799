// SPDX-License-Identifier: Apache-2.0
#include "../../models/oft.hpp"

#include "sinew/backend/torch/torch_ops.hpp"

template void sinew::detail::add_oft(nn::ModelRegistry<TorchOps>& registry);
