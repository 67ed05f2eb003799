// SPDX-License-Identifier: Apache-2.0
#include "../../models/oft.hpp"

#include "sinew/backend/torch/graph_ops.hpp"

template void sinew::detail::add_oft(nn::ModelRegistry<GraphOps>& registry);
