// SPDX-License-Identifier: Apache-2.0
// The models on libtorch, for those who call them themselves. Needs the target sinew::torch.
#pragma once

#include "sinew/backend/torch/graph_ops.hpp"
#include "sinew/nn/language_model.hpp"
#include "sinew/nn/registry.hpp"

namespace sinew {

/// The backbones and heads that Sinew has.
[[nodiscard]] nn::ModelRegistry<GraphOps> torch_models();

/// A backbone alone; what PyTorch throws becomes an Error.
[[nodiscard]] nn::LanguageModel<GraphOps> load_torch_language_model(const std::filesystem::path& directory, std::string_view architecture,
                                                                    const TorchOptions& options, std::int64_t max_tokens,
                                                                    bool logits = true, const GraphOptions& graphs = {});

}  // namespace sinew
