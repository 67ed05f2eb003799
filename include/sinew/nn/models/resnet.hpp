// SPDX-License-Identifier: Apache-2.0
// ResNet of basic blocks (18 and 34 layers) up to its last feature map; frozen batch norms are folded into the convolutions.
// Form: torchvision `models/resnet.py` with `FrozenBatchNorm2d` of `ops/misc.py`, whose eps is 1e-5.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "sinew/nn/layers.hpp"

namespace sinew::nn {

/// Stored values of a batch norm that is no longer trained, one of each for every output.
struct FrozenNorm {
  std::vector<float> weight, bias, mean, variance;
};

/// Weights `[outputs, channels, size, size]` and a norm behind them as one convolution `[outputs, size, size, channels]` with a bias.
struct FoldedConvolution {
  std::vector<float> weights, bias;
};
/// In double, with the 1e-5 that torchvision adds to variances; the caller has checked the sizes.
[[nodiscard]] FoldedConvolution fold_norm(std::span<const float> weights, std::int64_t channels, std::int64_t size, const FrozenNorm& norm);

/// A convolution with what stands behind it: bias, a sum, an activation.
template <TensorOps Ops>
struct Convolution {
  typename Ops::Filter filter;
  typename Ops::Parameter bias;

  typename Ops::Tensor operator()(Ops& ops, const typename Ops::Tensor& x, Activation activation,
                                  const typename Ops::Tensor* residual = nullptr) const {
    return ops.convolution(x, filter, &bias, residual, activation);
  }
};

/// The feature map of ResNet-18 and ResNet-34.
template <TensorOps Ops>
class ResNet {
 public:
  using Tensor = typename Ops::Tensor;
  static constexpr std::int64_t kOutputs = 512;  ///< channels of the feature map

  /// `blocks` of each of the four stages. Throws Error.
  ResNet(const Loader<Ops>& loader, std::span<const std::int64_t> blocks)
      : stem_(load(loader, "conv1", "bn1", 64, 3, {.size = 7, .stride = 2, .padding = 3})) {
    std::int64_t channels = 64;
    for (std::size_t stage = 0; stage < blocks.size(); ++stage)
      for (std::int64_t i = 0; i < blocks[stage]; ++i) {
        const std::int64_t outputs = std::int64_t{64} << stage, stride = stage > 0 && i == 0 ? 2 : 1;
        const Loader<Ops> block = loader.part(fmt::format("layer{}", stage + 1), i);
        blocks_.push_back({load(block, "conv1", "bn1", outputs, channels, {.size = 3, .stride = stride, .padding = 1}),
                           load(block, "conv2", "bn2", outputs, outputs, {.size = 3, .stride = 1, .padding = 1}),
                           {}});
        if (stride != 1 || channels != outputs)
          blocks_.back().shortcut = load(block, "downsample.0", "downsample.1", outputs, channels, {.size = 1, .stride = stride});
        channels = outputs;
      }
  }

  /// Images `[b, h, w, 3]` to `[b, h', w', kOutputs]`: a side is halved five times, rounded up.
  Tensor operator()(Ops& ops, const Tensor& images) const {
    Tensor x = stem(ops, images);
    for (const Block& block : blocks_) {
      auto scope = ops.scope();
      const Tensor inner = block.first(ops, x, Activation::relu);
      const Tensor around = block.shortcut ? (*block.shortcut)(ops, x, Activation::none) : x;
      x = scope.keep(block.second(ops, inner, Activation::relu, &around));
    }
    return x;
  }

 private:
  struct Block {
    Convolution<Ops> first, second;
    std::optional<Convolution<Ops>> shortcut;
  };
  static Convolution<Ops> load(const Loader<Ops>& loader, std::string_view weights, std::string_view norm, std::int64_t outputs,
                               std::int64_t channels, const Window& window) {
    const auto value = [&](std::string_view name) { return loader.floats(fmt::format("{}.{}", norm, name), Shape{outputs}); };
    const FrozenNorm frozen{value("weight"), value("bias"), value("running_mean"), value("running_var")};
    auto folded = fold_norm(loader.floats(fmt::format("{}.weight", weights), Shape{outputs, channels, window.size, window.size}), channels,
                            window.size, frozen);
    return {.filter = loader.ops().filter(row_source(std::move(folded.weights), outputs, window.size * window.size * channels), window),
            .bias = loader.ops().parameter(folded.bias, Shape{outputs})};
  }
  Tensor stem(Ops& ops, const Tensor& images) const {
    auto scope = ops.scope();
    return scope.keep(ops.max_pool(stem_(ops, images, Activation::relu), {.size = 3, .stride = 2, .padding = 1}));
  }

  Convolution<Ops> stem_;
  std::vector<Block> blocks_;
};

}  // namespace sinew::nn
