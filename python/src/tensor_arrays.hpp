// SPDX-License-Identifier: Apache-2.0
// Tensors as NumPy arrays.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "bindings.hpp"
#include "sinew/core/error.hpp"
#include "sinew/core/tensor_map.hpp"
#include "sinew/core/tensor_spec.hpp"

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

/// Read-only arrays: copies, or views that are valid as long as the tensors.
inline py::dict to_read_only(const TensorMap& tensors, bool views) {
  py::dict arrays;
  const py::capsule nobody(&tensors, [](void*) {});  // owns the memory of a view, as far as NumPy knows
  for (const auto& [name, tensor] : tensors) {
    const auto dims = tensor.shape().dims();
    const std::vector<py::ssize_t> shape(dims.begin(), dims.end());
    py::array array = views ? py::array(numpy_dtype(tensor.dtype()), shape, tensor.bytes().data(), nobody) : to_array(tensor);
    array.attr("setflags")(py::arg("write") = false);
    arrays[py::str(name)] = std::move(array);
  }
  return arrays;
}

inline std::vector<py::object> values_of(const py::dict& dict) {
  std::vector<py::object> values;
  for (const auto& [key, value] : dict) values.push_back(py::reinterpret_borrow<py::object>(value));
  return values;
}

/// Arrays in the dtypes of `specs`. Throws Error for a name that is not among them, and for an array of another kind or rank.
inline TensorMap to_tensors(const py::dict& arrays, const TensorSpecs& specs) {
  TensorMap tensors;
  for (const auto& [key, value] : arrays) {
    const auto name = py::cast<std::string>(key);
    const TensorSpec* const spec = find_spec(specs, name);
    if (spec == nullptr) {
      std::vector<std::string_view> names;
      for (const auto& each : specs) names.push_back(each.name);
      fail(ErrorCode::not_found, {"inputs", "name", "an optional input of the model", "'" + name + "'", "it has " + join_names(names)});
    }
    const py::array given = py::array::ensure(value);
    if (!given) throw py::error_already_set();
    const bool whole = spec->dtype == DType::i64;
    if (given.size() > 0 && whole && given.dtype().kind() != 'i' && given.dtype().kind() != 'u')
      fail(ErrorCode::invalid_argument, {"inputs", "'" + name + "'", "whole numbers", py::str(given.dtype()).cast<std::string>(), ""});
    const py::array array = py::array::ensure(given.attr("astype")(numpy_dtype(spec->dtype)), py::array::c_style);
    const std::vector<std::int64_t> dims(array.shape(), array.shape() + array.ndim());
    if (dims.empty() || dims.size() > Shape::kMaxRank)
      fail(ErrorCode::invalid_argument,
           {"inputs", "'" + name + "'", to_string(*spec), fmt::format("an array of rank {}", dims.size()), ""});
    Tensor& tensor = tensors.add(name, Tensor(spec->dtype, Shape(std::span<const std::int64_t>(dims))));
    if (tensor.size_bytes() > 0) std::memcpy(tensor.bytes().data(), array.data(), tensor.size_bytes());
  }
  return tensors;
}

}  // namespace sinew::bindings
