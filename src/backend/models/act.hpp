// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models.hpp"
#include "sinew/nn/models/act.hpp"

namespace sinew::detail {

template <nn::TensorOps Ops>
void add_act(nn::ModelRegistry<Ops>& registry) {
  registry.template add_model<nn::Act<Ops>>("act", nn::act_names());
}

}  // namespace sinew::detail
