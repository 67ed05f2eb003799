// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models.hpp"
#include "sinew/nn/heads/layerwise_dit.hpp"

namespace sinew::detail {

template <nn::TensorOps Ops>
void add_layerwise_dit(nn::ModelRegistry<Ops>& registry) {
  registry.template add_head<nn::LayerwiseDitPolicy<Ops>>("layerwise_dit");
}

}  // namespace sinew::detail
