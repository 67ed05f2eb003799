// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models.hpp"
#include "sinew/nn/heads/robotnav_mlp.hpp"

namespace sinew::detail {

template <nn::TensorOps Ops>
void add_robotnav_mlp(nn::ModelRegistry<Ops>& registry) {
  registry.template add_head<nn::RobotNavMlp<Ops>>("robotnav_mlp");
}

}  // namespace sinew::detail
