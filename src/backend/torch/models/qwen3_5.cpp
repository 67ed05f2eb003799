// SPDX-License-Identifier: Apache-2.0
#include "../../models/qwen3_5.hpp"

#include "sinew/backend/torch/graph_ops.hpp"

template void sinew::detail::add_qwen3_5(nn::ModelRegistry<GraphOps>& registry);
