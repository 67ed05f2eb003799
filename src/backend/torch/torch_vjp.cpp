// SPDX-License-Identifier: Apache-2.0
// Gradients of what models compute, by autograd. Tensors of inference mode may not be kept for it: operations copy them meanwhile.
#include <ATen/core/Tensor.h>
#include <ATen/ops/zeros_like.h>

#include "sinew/backend/torch/torch_ops.hpp"
#include "torch_checks.hpp"

namespace sinew {

at::Tensor TorchOps::plain(const Matrix& matrix) {
  if (matrix.packed.defined()) return matrix.packed.to_dense();
  return matrix.plain.is_inference() ? matrix.plain.clone() : matrix.plain;
}

nn::Vjp<TorchTensor> TorchOps::vjp(const std::function<Tensor(const Tensor&)>& function, const Tensor& x,
                                   const std::function<Tensor(const Tensor&)>& cotangent) {
  detail::require(!differentiates_, "vjp", "no other gradient within it");
  struct Recording {  // operations keep what they need while it lives
    explicit Recording(bool& on) : on_(on) { on_ = true; }
    ~Recording() { on_ = false; }
    Recording(const Recording&) = delete;
    Recording& operator=(const Recording&) = delete;
    c10::InferenceMode graph{false};
    bool& on_;
  };
  at::Tensor leaf, value;
  {
    const Recording recording(differentiates_);
    leaf = x.value.clone(at::MemoryFormat::Contiguous).set_requires_grad(true);
    value = function({leaf, false}).value;
  }
  const Tensor result{value.detach(), false};
  const Tensor direction = cotangent(result);
  detail::require(direction.value.sizes() == value.sizes(), "vjp", "a cotangent of the shape of the value");
  if (!value.requires_grad()) return {result, {at::zeros_like(x.value)}};
  const c10::InferenceMode graph(false);
  value.backward(direction.value.to(value.scalar_type()).clone(), false, false, at::TensorList(leaf));
  return {result, {leaf.grad().defined() ? leaf.grad() : at::zeros_like(leaf).detach()}};
}

}  // namespace sinew
