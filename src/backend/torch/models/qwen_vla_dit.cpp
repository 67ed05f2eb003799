// SPDX-License-Identifier: Apache-2.0
#include "../../models/qwen_vla_dit.hpp"

#include "sinew/backend/torch/graph_ops.hpp"

template void sinew::detail::add_qwen_vla_dit(nn::ModelRegistry<GraphOps>& registry);
