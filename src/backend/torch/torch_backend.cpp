// SPDX-License-Identifier: Apache-2.0
#include "sinew/backend/torch/torch_backend.hpp"

#include <utility>

#include "models/models.hpp"
#include "sinew/backend/native_backend.hpp"
#include "sinew/backend/torch/torch_models.hpp"

namespace sinew {

static_assert(Backend<NativeBackend<TorchOps>>);

nn::ModelRegistry<TorchOps> torch_models() {
  nn::ModelRegistry<TorchOps> registry;
  detail::add_qwen3_vl(registry);
  detail::add_flow_dit(registry);
  return registry;
}

BackendFactory torch_backend(const TorchBackendOptions& options) {
  return [options](const BackendRequest& request) {
    TorchOps ops({.device = options.device, .dtype = request.card.dtype});
    return AnyBackend(NativeBackend<TorchOps>(std::move(ops), torch_models(), request));
  };
}

}  // namespace sinew
