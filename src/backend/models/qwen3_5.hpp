// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models.hpp"
#include "sinew/nn/models/qwen3_5.hpp"

namespace sinew::detail {

template <nn::TensorOps Ops>
void add_qwen3_5(nn::ModelRegistry<Ops>& registry) {
  registry.template add_backbone<nn::Qwen35<Ops>>("qwen3_5", nn::qwen3_vl_names());
}

}  // namespace sinew::detail
