// SPDX-License-Identifier: Apache-2.0
#include "../../models/act.hpp"

#include "sinew/backend/torch/graph_ops.hpp"

template void sinew::detail::add_act(nn::ModelRegistry<GraphOps>& registry);
