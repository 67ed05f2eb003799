// SPDX-License-Identifier: Apache-2.0
// The bridge between sinew::Tensor and at::Tensor.
#include "sinew/backend/torch/tensor_bridge.hpp"

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>

#include "sinew/core/error.hpp"

namespace sinew {

c10::ScalarType to_torch(DType dtype) noexcept {
  switch (dtype) {
    case DType::boolean: return c10::ScalarType::Bool;
    case DType::u8: return c10::ScalarType::Byte;
    case DType::i8: return c10::ScalarType::Char;
    case DType::i32: return c10::ScalarType::Int;
    case DType::i64: return c10::ScalarType::Long;
    case DType::f16: return c10::ScalarType::Half;
    case DType::bf16: return c10::ScalarType::BFloat16;
    case DType::f32: return c10::ScalarType::Float;
    case DType::f64: return c10::ScalarType::Double;
  }
  return c10::ScalarType::Undefined;
}

DType from_torch(c10::ScalarType type) {
  for (const DType dtype :
       {DType::boolean, DType::u8, DType::i8, DType::i32, DType::i64, DType::f16, DType::bf16, DType::f32, DType::f64}) {
    if (to_torch(dtype) == type) return dtype;
  }
  fail(ErrorCode::unsupported, {.where = "from_torch",
                                .what = "element type of a PyTorch tensor",
                                .expected = "bool, uint8, int8, int32, int64, float16, bfloat16, float32 or float64",
                                .got = c10::toString(type),
                                .hint = "convert it first: tensor.to(torch.float32)"});
}

at::Tensor as_torch(Tensor& tensor) {
  if (!tensor) {
    fail(ErrorCode::invalid_argument,
         {.where = "as_torch", .what = "tensor", .expected = "one with memory", .got = "a default-constructed one", .hint = ""});
  }
  const auto dims = tensor.shape().dims();
  return at::from_blob(tensor.bytes().data(), {dims.data(), dims.size()}, at::TensorOptions(to_torch(tensor.dtype())));
}

Status copy_from_torch(const at::Tensor& source, Tensor& target) noexcept {
  if (!source.defined() || !target) return Status::missing;
  if (source.scalar_type() != to_torch(target.dtype()) || source.dim() > std::int64_t{Shape::kMaxRank}) return Status::bad_shape;
  try {
    const auto sizes = source.sizes();
    const Status resized = target.set_shape(Shape(std::span(sizes.data(), sizes.size())));
    if (resized != Status::ok) return resized;
    // The values alone are wanted: without this a source that requires a gradient would be recorded as an operation.
    const c10::InferenceMode no_gradient;
    as_torch(target).copy_(source);
    return Status::ok;
  } catch (...) {
    return Status::backend_failed;
  }
}

}  // namespace sinew
