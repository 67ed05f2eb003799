// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models.hpp"
#include "sinew/nn/heads/flow_dit_policy.hpp"

namespace sinew::detail {

template <nn::TensorOps Ops>
void add_flow_dit(nn::ModelRegistry<Ops>& registry) {
  registry.template add_head<nn::FlowDitPolicy<Ops>>("flow_dit");
}

}  // namespace sinew::detail
