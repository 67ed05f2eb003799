// SPDX-License-Identifier: Apache-2.0
// Tensors as NumPy arrays.
#pragma once

#include <vector>

#include "bindings.hpp"
#include "sinew/core/tensor_map.hpp"

namespace sinew::bindings {

inline py::dtype numpy_dtype(DType dtype) {
  switch (dtype) {
    case DType::boolean: return py::dtype::of<bool>();
    case DType::u8: return py::dtype::of<std::uint8_t>();
    case DType::i8: return py::dtype::of<std::int8_t>();
    case DType::i32: return py::dtype::of<std::int32_t>();
    case DType::i64: return py::dtype::of<std::int64_t>();
    case DType::f16: return py::dtype("float16");
    case DType::bf16: return py::dtype::of<std::uint16_t>();  // NumPy has none: the raw bits
    case DType::f32: return py::dtype::of<float>();
    case DType::f64: return py::dtype::of<double>();
  }
  return py::dtype::of<float>();
}

/// A copy: who remembers an array must not see it change.
inline py::array to_array(const Tensor& tensor) {
  const auto dims = tensor.shape().dims();
  return py::array(numpy_dtype(tensor.dtype()), std::vector<py::ssize_t>(dims.begin(), dims.end()), tensor.bytes().data());
}

inline py::dict to_dict(const TensorMap& tensors) {
  py::dict arrays;
  for (const auto& [name, tensor] : tensors) arrays[py::str(name)] = to_array(tensor);
  return arrays;
}

}  // namespace sinew::bindings
