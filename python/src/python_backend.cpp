// SPDX-License-Identifier: Apache-2.0
#include "python_backend.hpp"

#include <cstring>
#include <utility>
#include <vector>

#include "tensor_arrays.hpp"

namespace sinew {

namespace py = pybind11;

PythonBackend::PythonBackend(py::object object, TensorSpecs outputs) : object_(new py::object(std::move(object))) {
  if (!py::hasattr(*object_, "infer"))
    fail(ErrorCode::invalid_argument,
         {"PythonBackend", "object", "one with a method infer(dict) -> dict", py::repr(py::type::of(*object_)).cast<std::string>(), ""});
  spec_.name = py::str(py::type::of(*object_).attr("__name__")).cast<std::string>();
  spec_.outputs = std::move(outputs);
}

Status PythonBackend::infer(const TensorMap& in, TensorMap& out) noexcept {
  const py::gil_scoped_acquire gil;
  try {
    error_.clear();
    return call(in, out);
  } catch (py::error_already_set& error) {
    if (error.matches(PyExc_KeyboardInterrupt)) PyErr_SetInterrupt();  // raised again by whoever looks for signals next
    error_ = error.what();
    return Status::backend_failed;
  } catch (const std::exception& error) {
    error_ = error.what();
    return Status::backend_failed;
  }
}

Status PythonBackend::call(const TensorMap& in, TensorMap& out) {
  const py::dict inputs = bindings::to_dict(in);
  const py::object result = object_->attr("infer")(inputs);
  for (const auto& spec : spec_.outputs) {
    if (!py::isinstance<py::dict>(result) || !result.contains(py::str(spec.name))) {
      error_ = fmt::format("infer() returned no '{}'", spec.name);
      return Status::missing;
    }
    const auto array = bindings::Floats::ensure(result[py::str(spec.name)]);
    if (!array) {
      error_ = fmt::format("infer() returned '{}' that is no array of numbers", spec.name);
      return Status::bad_shape;
    }
    Tensor& tensor = out[spec.name];
    const std::vector<std::int64_t> dims(array.shape(), array.shape() + array.ndim());
    if (tensor.dtype() != DType::f32 || dims.size() > Shape::kMaxRank || Shape(dims) != spec.capacity ||
        tensor.set_shape(Shape(dims)) != Status::ok) {
      error_ =
          fmt::format("infer() returned '{}' of shape {}, expected {}", spec.name, bindings::shape_text(array), to_string(spec.capacity));
      return Status::bad_shape;
    }
    std::memcpy(tensor.bytes().data(), array.data(), tensor.size_bytes());
  }
  return Status::ok;
}

void PythonBackend::reset() noexcept {
  const py::gil_scoped_acquire gil;
  try {
    if (py::hasattr(*object_, "reset")) object_->attr("reset")();
  } catch (const std::exception& error) {
    error_ = error.what();
  }
}

BackendFactory python_factory(py::object factory) {
  // std::function copies its target; the shared pointer keeps Python's count out of that, and its deleter takes the GIL.
  const std::shared_ptr<py::object> shared(new py::object(std::move(factory)), [](py::object* object) {
    const py::gil_scoped_acquire gil;
    delete object;
  });
  return [shared](const BackendRequest& request) {
    const py::gil_scoped_acquire gil;
    const auto& action = request.card.action;
    return AnyBackend(
        PythonBackend((*shared)(request.directory.string()), {{"actions", DType::f32, Shape{action.horizon, action.size()}}}));
  };
}

}  // namespace sinew
