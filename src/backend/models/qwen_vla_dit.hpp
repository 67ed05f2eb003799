// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models.hpp"
#include "sinew/nn/heads/qwen_vla_dit.hpp"

namespace sinew::detail {

template <nn::TensorOps Ops>
void add_qwen_vla_dit(nn::ModelRegistry<Ops>& registry) {
  registry.template add_head<nn::QwenVlaDit<Ops>>("qwen_vla_dit");
}

}  // namespace sinew::detail
