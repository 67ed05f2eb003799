// SPDX-License-Identifier: Apache-2.0
// A tensor that is only lent for reading gives no view that could write it.
#include "sinew/core/tensor.hpp"

std::size_t size_of(const sinew::Tensor& tensor) {
#ifdef MISUSE
  const sinew::TensorView view = tensor.view();
#else
  const sinew::ConstTensorView view = tensor.view();
#endif
  return view.size_bytes();
}
