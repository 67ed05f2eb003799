// SPDX-License-Identifier: Apache-2.0
#include "sinew/backend/torch/torch_backend.hpp"

#include <utility>

#include "../models/models.hpp"
#include "sinew/backend/native_backend.hpp"
#include "sinew/backend/torch/torch_models.hpp"
#include "torch_checks.hpp"

namespace sinew {

static_assert(Backend<NativeBackend<GraphOps>>);

nn::ModelRegistry<GraphOps> torch_models() { return detail::all_models<GraphOps>(); }

nn::LanguageModel<GraphOps> load_torch_language_model(const std::filesystem::path& directory, std::string_view architecture,
                                                      const TorchOptions& options, std::int64_t max_tokens, bool logits,
                                                      const GraphOptions& graphs) {
  return detail::or_fail("load", [&] {
    return nn::LanguageModel<GraphOps>(GraphOps(options, graphs), torch_models(), directory, architecture, max_tokens, logits);
  });
}

BackendFactory torch_backend(const TorchBackendOptions& options) {
  return [options](const BackendRequest& request) {
    return detail::or_fail("load", [&] {
      GraphOps ops({.device = options.device, .dtype = request.card.dtype}, options.graphs);
      return AnyBackend(NativeBackend<GraphOps>(std::move(ops), torch_models(), request));
    });
  };
}

}  // namespace sinew
