// SPDX-License-Identifier: Apache-2.0
// An activation by name, on ATen.
#pragma once

#include <ATen/ops/gelu.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/tanh.h>

#include "sinew/nn/tensor_ops.hpp"

namespace sinew::detail {

inline at::Tensor activated(const at::Tensor& x, nn::Activation activation) {
  switch (activation) {
    case nn::Activation::none: return x;
    case nn::Activation::relu: return at::relu(x);
    case nn::Activation::silu: return at::silu(x);
    case nn::Activation::gelu: return at::gelu(x);
    case nn::Activation::gelu_tanh: return at::gelu(x, "tanh");
    case nn::Activation::sigmoid: return at::sigmoid(x);
    case nn::Activation::tanh: return at::tanh(x);
  }
  return x;
}

}  // namespace sinew::detail
