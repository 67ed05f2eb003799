// SPDX-License-Identifier: Apache-2.0
// Policies on libtorch. Needs the target sinew::torch.
#pragma once

#include <string>

#include "sinew/backend/registry.hpp"
#include "sinew/backend/torch/graph_ops.hpp"

namespace sinew {

struct TorchBackendOptions {
  std::string device = "cpu";  ///< as PyTorch names it, e.g. "cuda:0"
  GraphOptions graphs{};       ///< on CUDA calls whose operations were seen before run as graphs
};

/// Runs the models of the backend "cpu" on ATen; the card's dtype is that of weights and activations:
/// `registry.add("torch", torch_backend())`. Threads are PyTorch's own (at::set_num_threads).
[[nodiscard]] BackendFactory torch_backend(const TorchBackendOptions& options = {});

}  // namespace sinew
