// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models.hpp"
#include "sinew/nn/models/qwen2_5_vl.hpp"

namespace sinew::detail {

template <nn::TensorOps Ops>
void add_qwen2_5_vl(nn::ModelRegistry<Ops>& registry) {
  registry.template add_backbone<nn::Qwen2_5Vl<Ops>>("qwen2_5_vl", nn::qwen2_5_vl_names());
}

}  // namespace sinew::detail
