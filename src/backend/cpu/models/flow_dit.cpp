// SPDX-License-Identifier: Apache-2.0
#include "models.hpp"
#include "sinew/nn/heads/flow_dit_policy.hpp"

namespace sinew {

template class nn::FlowDit<CpuOps>;

void detail::add_flow_dit(nn::ModelRegistry<CpuOps>& registry) { registry.add_head<nn::FlowDitPolicy<CpuOps>>("flow_dit"); }

}  // namespace sinew
