// SPDX-License-Identifier: Apache-2.0
#include "../../models/flow_dit.hpp"

#include "sinew/backend/torch/graph_ops.hpp"

template void sinew::detail::add_flow_dit(nn::ModelRegistry<GraphOps>& registry);
