// SPDX-License-Identifier: Apache-2.0
// What the layers of several text models are built of.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "sinew/nn/layers.hpp"

namespace sinew::nn {

/// `x += down(silu(gate(norm x)) * up(norm x))`.
template <TensorOps Ops>
struct GatedMlp {
  typename Ops::Parameter norm;
  Linear<Ops> gate_up, down;
  std::int64_t width = 0;
  float eps = 1e-6F;

  /// Reads `mlp.gate_proj`, `mlp.up_proj` and `mlp.down_proj` of a layer.
  GatedMlp(const Loader<Ops>& layer, typename Ops::Parameter weight, std::int64_t hidden, std::int64_t intermediate, float epsilon)
      : norm(std::move(weight)),
        gate_up(layer.part("mlp").stacked_linear({{"gate_proj", intermediate}, {"up_proj", intermediate}}, hidden, false)),
        down(layer.part("mlp").linear("down_proj", hidden, intermediate, false)),
        width(intermediate),
        eps(epsilon) {}

  void add_into(Ops& ops, const typename Ops::Tensor& x) const {
    const auto both = gate_up(ops, ops.rms_norm(x, norm, eps));
    down.add_into(ops, x, ops.silu_mul(ops.slice(both, 1, 0, width), ops.slice(both, 1, width, 2 * width)));
  }
};

/// Keys and values of a layer's earlier tokens.
template <TensorOps Ops>
struct KeyValueCache {
  typename Ops::Cache keys, values;

  KeyValueCache(Ops& ops, std::int64_t capacity, std::int64_t heads, std::int64_t dim)
      : keys(ops.cache(capacity, heads, dim)), values(ops.cache(capacity, heads, dim)) {}

  /// Appends those of new tokens, makes `k` and `v` those of all, and gives the number of earlier ones.
  std::int64_t extend(Ops& ops, typename Ops::Tensor& k, typename Ops::Tensor& v) {
    const std::int64_t before = keys.length;
    ops.append(keys, k);
    ops.append(values, v);
    k = ops.contents(keys);
    v = ops.contents(values);
    return before;
  }
  void reset() noexcept { keys.length = values.length = 0; }
};

/// Adds `x` to `states` if `depth` is the next of `depths`.
template <TensorOps Ops>
void keep_depth(Ops& ops, const typename Ops::Tensor& x, std::int64_t depth, std::span<const std::int64_t> depths,
                std::vector<typename Ops::Tensor>* states) {
  if (states != nullptr && states->size() < depths.size() && depths[states->size()] == depth) states->push_back(ops.copy(x));
}

}  // namespace sinew::nn
