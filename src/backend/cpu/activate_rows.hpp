// SPDX-License-Identifier: Apache-2.0
// An activation by name, in place.
#pragma once

#include <cstddef>

#include "kernels/rows.hpp"
#include "sinew/nn/tensor_ops.hpp"

namespace sinew::detail {

inline void activate_rows(nn::Activation activation, float* x, std::ptrdiff_t stride, std::ptrdiff_t rows, std::ptrdiff_t width) noexcept {
  const RowKernels& kernels = row_kernels();
  void (*function)(const float*, std::size_t, float*) = nullptr;
  switch (activation) {
    case nn::Activation::none: return;
    case nn::Activation::relu: function = kernels.relu; break;
    case nn::Activation::silu: function = kernels.silu; break;
    case nn::Activation::gelu: function = kernels.gelu; break;
    case nn::Activation::gelu_tanh: function = kernels.gelu_tanh; break;
    case nn::Activation::sigmoid: function = kernels.sigmoid; break;
    case nn::Activation::tanh: function = kernels.tanh; break;
  }
  if (stride == width) {
    function(x, static_cast<std::size_t>(rows * width), x);
    return;
  }
  for (std::ptrdiff_t row = 0; row < rows; ++row) function(x + row * stride, static_cast<std::size_t>(width), x + row * stride);
}

}  // namespace sinew::detail
