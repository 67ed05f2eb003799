// SPDX-License-Identifier: Apache-2.0
// What a compute backend may offer beside TensorOps: products with the Jacobian of a function that is written in its operations.
#pragma once

#include <concepts>

#include "sinew/nn/tensor_ops.hpp"

namespace sinew::nn {

/// Value of a function at x, and `gradient_i = sum_j cotangent_j d value_j / d x_i`.
template <class Tensor>
struct Vjp {
  Tensor value;
  Tensor gradient;  ///< of the shape of x
};

/// - `vjp(function, x, cotangent)`: evaluates `function(x)` once; `cotangent(value)` gives a tensor of the shape of the value, whose
/// product
///   with the Jacobian is the gradient. `function` may read other tensors, which count as constants, and opens scopes as it likes; it does
///   not write x and downloads nothing that the value depends on. Both results belong to the scope of the call.
template <class Ops>
concept Differentiable =
    TensorOps<Ops> && requires(Ops& ops, const typename Ops::Tensor& x, typename Ops::Tensor (*function)(const typename Ops::Tensor&)) {
      { ops.vjp(function, x, function) } -> std::same_as<Vjp<typename Ops::Tensor>>;
    };

}  // namespace sinew::nn
