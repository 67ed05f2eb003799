// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models.hpp"
#include "sinew/nn/heads/fast.hpp"

namespace sinew::detail {

template <nn::TensorOps Ops>
void add_fast(nn::ModelRegistry<Ops>& registry) {
  registry.template add_head<nn::Fast<Ops>>("fast");
}

}  // namespace sinew::detail
