// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/models/resnet.hpp"

#include <cmath>

namespace sinew::nn {

FoldedConvolution fold_norm(std::span<const float> weights, std::int64_t channels, std::int64_t size, const FrozenNorm& norm) {
  constexpr double kEps = 1e-5;  // of torchvision's FrozenBatchNorm2d
  const auto pixels = static_cast<std::size_t>(size * size), depth = static_cast<std::size_t>(channels);
  FoldedConvolution folded{.weights = std::vector<float>(weights.size()), .bias = {}};
  for (std::size_t j = 0; j < norm.weight.size(); ++j) {
    const double scale = static_cast<double>(norm.weight[j]) / std::sqrt(static_cast<double>(norm.variance[j]) + kEps);
    folded.bias.push_back(static_cast<float>(static_cast<double>(norm.bias[j]) - static_cast<double>(norm.mean[j]) * scale));
    const std::size_t row = j * depth * pixels;
    for (std::size_t c = 0; c < depth; ++c)
      for (std::size_t i = 0; i < pixels; ++i)
        folded.weights[row + i * depth + c] = static_cast<float>(static_cast<double>(weights[row + c * pixels + i]) * scale);
  }
  return folded;
}

}  // namespace sinew::nn
