// SPDX-License-Identifier: Apache-2.0
#include "../../models/robotnav_mlp.hpp"

#include "sinew/backend/torch/graph_ops.hpp"

template void sinew::detail::add_robotnav_mlp(nn::ModelRegistry<GraphOps>& registry);
