// SPDX-License-Identifier: Apache-2.0
// Parts that models are built of, and how they are read from a file of weights.
#pragma once

#include <fmt/format.h>

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sinew/io/weights.hpp"
#include "sinew/nn/tensor_ops.hpp"

namespace sinew::nn {

/// Rows of a matrix that is in memory.
[[nodiscard]] RowSource row_source(std::vector<float> values, std::int64_t rows, std::int64_t columns);
/// Rows `first` to `first + count` of a matrix.
[[nodiscard]] RowSource rows_of(RowSource source, std::int64_t first, std::int64_t count);

/// `y = x W^T + b`.
template <TensorOps Ops>
struct Linear {
  typename Ops::Matrix weight;                    ///< [outputs, inputs]
  std::optional<typename Ops::Parameter> bias{};  ///< [outputs]

  typename Ops::Tensor operator()(Ops& ops, const typename Ops::Tensor& x, Activation activation = Activation::none) const {
    return ops.linear(x, weight, bias ? &*bias : nullptr, activation);
  }
  /// `residual += x W^T + b`.
  void add_into(Ops& ops, const typename Ops::Tensor& residual, const typename Ops::Tensor& x) const {
    ops.add_linear_into(residual, x, weight, bias ? &*bias : nullptr);
  }
};

/// Layer norm with weight and bias.
template <TensorOps Ops>
struct LayerNorm {
  typename Ops::Parameter weight;
  typename Ops::Parameter bias;
  float eps = 1e-6F;

  typename Ops::Tensor operator()(Ops& ops, const typename Ops::Tensor& x) const { return ops.layer_norm(x, &weight, &bias, eps); }
};

/// Reads the tensors of one part of a model: names are relative to it. Every function throws Error for a tensor that is missing or of
/// another shape.
template <TensorOps Ops>
class Loader {
 public:
  Loader(Ops& ops, Weights& weights, std::string prefix = {}) : ops_(ops), weights_(weights), prefix_(std::move(prefix)) {}

  /// The loader of "blocks.3" in "blocks.3.attn".
  [[nodiscard]] Loader part(std::string_view name) const { return Loader(ops_, weights_, fmt::format("{}{}.", prefix_, name)); }
  [[nodiscard]] Loader part(std::string_view name, std::int64_t index) const { return part(fmt::format("{}.{}", name, index)); }
  [[nodiscard]] Ops& ops() const noexcept { return ops_; }
  /// Tensors that the model does not need.
  void ignore(std::string_view prefix) const { weights_.ignore(full(prefix)); }
  [[nodiscard]] bool contains(std::string_view name) const { return weights_.contains(full(name)); }

  /// `<name>.weight [outputs, inputs]` and, unless told otherwise, `<name>.bias`.
  [[nodiscard]] Linear<Ops> linear(std::string_view name, std::int64_t outputs, std::int64_t inputs, bool bias = true) const {
    return stacked_linear({{name, outputs}}, inputs, bias);
  }
  /// Several linear layers of the same inputs as one, the outputs of the first in front.
  [[nodiscard]] Linear<Ops> stacked_linear(std::initializer_list<std::pair<std::string_view, std::int64_t>> parts, std::int64_t inputs,
                                           bool bias = true) const {
    std::vector<RowSource> rows;
    std::vector<float> biases;
    for (const auto& [name, outputs] : parts) {
      rows.push_back(weights_.rows(full(name) + ".weight", outputs, inputs));
      if (!bias) continue;
      const auto values = weights_.floats(full(name) + ".bias", Shape{outputs});
      biases.insert(biases.end(), values.begin(), values.end());
    }
    Linear<Ops> layer{.weight = ops_.matrix(stacked(std::move(rows)))};
    if (bias) layer.bias = ops_.parameter(biases, Shape{static_cast<std::int64_t>(biases.size())});
    return layer;
  }
  /// One stored layer `<weight> [sum of outputs, inputs]` and `<bias>` as several, the first rows in front: an attention of PyTorch, whose
  /// projections have inputs of their own.
  [[nodiscard]] std::vector<Linear<Ops>> split_linear(std::string_view weight, std::string_view bias,
                                                      std::initializer_list<std::int64_t> outputs, std::int64_t inputs) const {
    std::int64_t sum = 0, first = 0;
    for (const std::int64_t count : outputs) sum += count;
    const RowSource rows = weights_.rows(full(weight), sum, inputs);
    const auto biases = floats(bias, Shape{sum});
    std::vector<Linear<Ops>> layers;
    for (const std::int64_t count : outputs) {
      const auto own = std::span(biases).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
      layers.push_back({.weight = ops_.matrix(rows_of(rows, first, count)), .bias = ops_.parameter(own, Shape{count})});
      first += count;
    }
    return layers;
  }
  [[nodiscard]] LayerNorm<Ops> layer_norm(std::string_view name, std::int64_t width, float eps = 1e-6F) const {
    const Loader norm = part(name);
    return {.weight = norm.parameter("weight", Shape{width}), .bias = norm.parameter("bias", Shape{width}), .eps = eps};
  }
  [[nodiscard]] typename Ops::Parameter parameter(std::string_view name, const Shape& shape) const {
    return ops_.parameter(floats(name, shape), shape);
  }
  [[nodiscard]] typename Ops::Matrix matrix(std::string_view name, std::int64_t rows, std::int64_t columns) const {
    return ops_.matrix(weights_.rows(full(name), rows, columns));
  }
  /// A matrix whose rows are looked up.
  [[nodiscard]] typename Ops::Matrix table(std::string_view name, std::int64_t rows, std::int64_t columns) const {
    return ops_.table(weights_.rows(full(name), rows, columns));
  }
  [[nodiscard]] std::vector<float> floats(std::string_view name, const Shape& shape) const { return weights_.floats(full(name), shape); }

 private:
  [[nodiscard]] std::string full(std::string_view name) const { return fmt::format("{}{}", prefix_, name); }

  Ops& ops_;
  Weights& weights_;
  std::string prefix_;
};

}  // namespace sinew::nn
