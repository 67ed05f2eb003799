// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/models/qwen3_vl.hpp"

#include "models.hpp"

namespace sinew {

template class nn::Qwen3Vl<TorchOps>;

void detail::add_qwen3_vl(nn::ModelRegistry<TorchOps>& registry) {
  registry.add_backbone<nn::Qwen3Vl<TorchOps>>("qwen3_vl", nn::qwen3_vl_names());
}

}  // namespace sinew
