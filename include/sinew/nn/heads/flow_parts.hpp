// SPDX-License-Identifier: Apache-2.0
// Small networks of flow-matching heads.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "sinew/nn/layers.hpp"

namespace sinew::nn {

struct MlpSizes {
  std::int64_t in, hidden, out;
};

/// Two linear layers with a ReLU between.
template <TensorOps Ops>
struct Mlp {
  Linear<Ops> layer1, layer2;

  /// Reads `layer1.*` and `layer2.*`.
  static Mlp load(const Loader<Ops>& loader, const MlpSizes& sizes) {
    return {.layer1 = loader.linear("layer1", sizes.hidden, sizes.in), .layer2 = loader.linear("layer2", sizes.out, sizes.hidden)};
  }
  typename Ops::Tensor operator()(Ops& ops, const typename Ops::Tensor& x) const { return layer2(ops, layer1(ops, x, Activation::relu)); }
};

/// Noisy actions and their time to tokens. The second layer reads both side by side; each gets its columns, so that the time's share is a
/// bias.
template <TensorOps Ops>
class ActionEncoder {
 public:
  using Tensor = typename Ops::Tensor;

  /// Reads `layer1.*` to `layer3.*`.
  ActionEncoder(const Loader<Ops>& loader, std::int64_t action_dim, std::int64_t width)
      : layer1_(loader.linear("layer1", width, action_dim)), layer3_(loader.linear("layer3", width, width)) {
    const auto weight = loader.floats("layer2.weight", Shape{width, 2 * width});
    std::vector<float> of_actions, of_time;
    for (std::int64_t row = 0; row < width; ++row) {
      const auto from = weight.begin() + row * 2 * width;
      of_actions.insert(of_actions.end(), from, from + width);
      of_time.insert(of_time.end(), from + width, from + 2 * width);
    }
    layer2_.emplace(loader.ops().matrix(row_source(std::move(of_actions), width, width)));
    time_.emplace(
        Linear<Ops>{loader.ops().matrix(row_source(std::move(of_time), width, width)), loader.parameter("layer2.bias", Shape{width})});
  }

  /// The share of a time, `sinusoid(time) [1, width]`, to what operator() adds.
  Tensor time_bias(Ops& ops, const Tensor& time) const { return (*time_)(ops, time); }
  /// `actions [b, n, action_dim]` to `[b, n, width]`.
  Tensor operator()(Ops& ops, const Tensor& actions, const typename Ops::Parameter& time_bias) const {
    return layer3_(ops, ops.linear(layer1_(ops, actions), *layer2_, &time_bias, Activation::silu));
  }

 private:
  Linear<Ops> layer1_, layer3_;
  std::optional<typename Ops::Matrix> layer2_;
  std::optional<Linear<Ops>> time_;
};

}  // namespace sinew::nn
