// SPDX-License-Identifier: Apache-2.0
#include "sinew/backend/cpu/cpu_backend.hpp"

#include <utility>

#include "../models/models.hpp"
#include "sinew/backend/cpu/cpu_models.hpp"
#include "sinew/backend/native_backend.hpp"

namespace sinew {

static_assert(Backend<NativeBackend<CpuOps>>);

nn::ModelRegistry<CpuOps> cpu_models() { return detail::all_models<CpuOps>(); }

BackendFactory cpu_backend(const CpuBackendOptions& options) {
  return [options](const BackendRequest& request) {
    CpuOps ops({.weights = request.card.dtype, .threads = options.threads});
    return AnyBackend(NativeBackend<CpuOps>(std::move(ops), cpu_models(), request));
  };
}

}  // namespace sinew
