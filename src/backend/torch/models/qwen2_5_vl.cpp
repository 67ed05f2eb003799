// SPDX-License-Identifier: Apache-2.0
#include "../../models/qwen2_5_vl.hpp"

#include "sinew/backend/torch/graph_ops.hpp"

template void sinew::detail::add_qwen2_5_vl(nn::ModelRegistry<GraphOps>& registry);
