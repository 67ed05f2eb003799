// SPDX-License-Identifier: Apache-2.0
#include "../../models/fast.hpp"

#include "sinew/backend/torch/graph_ops.hpp"

template void sinew::detail::add_fast(nn::ModelRegistry<GraphOps>& registry);
