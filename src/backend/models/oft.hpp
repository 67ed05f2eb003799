// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models.hpp"
#include "sinew/nn/heads/oft.hpp"

namespace sinew::detail {

template <nn::TensorOps Ops>
void add_oft(nn::ModelRegistry<Ops>& registry) {
  registry.template add_head<nn::Oft<Ops>>("oft");
}

}  // namespace sinew::detail
