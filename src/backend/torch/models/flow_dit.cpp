// SPDX-License-Identifier: Apache-2.0
#include "models.hpp"
#include "sinew/nn/heads/flow_dit_policy.hpp"

namespace sinew {

template class nn::FlowDit<TorchOps>;

void detail::add_flow_dit(nn::ModelRegistry<TorchOps>& registry) { registry.add_head<nn::FlowDitPolicy<TorchOps>>("flow_dit"); }

}  // namespace sinew
