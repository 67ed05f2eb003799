// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models.hpp"
#include "sinew/nn/heads/robotmanip_dit.hpp"

namespace sinew::detail {

template <nn::TensorOps Ops>
void add_robotmanip_dit(nn::ModelRegistry<Ops>& registry) {
  registry.template add_head<nn::RobotManipPolicy<Ops>>("robotmanip_dit");
}

}  // namespace sinew::detail
