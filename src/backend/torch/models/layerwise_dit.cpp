// SPDX-License-Identifier: Apache-2.0
#include "../../models/layerwise_dit.hpp"

#include "sinew/backend/torch/graph_ops.hpp"

template void sinew::detail::add_layerwise_dit(nn::ModelRegistry<GraphOps>& registry);
