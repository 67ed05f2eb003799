// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models.hpp"
#include "sinew/nn/models/qwen3_vl.hpp"

namespace sinew::detail {

template <nn::TensorOps Ops>
void add_qwen3_vl(nn::ModelRegistry<Ops>& registry) {
  registry.template add_backbone<nn::Qwen3Vl<Ops>>("qwen3_vl", nn::qwen3_vl_names());
}

}  // namespace sinew::detail
