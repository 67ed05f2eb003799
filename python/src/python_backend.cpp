// SPDX-License-Identifier: Apache-2.0
#include "python_backend.hpp"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "sinew/action/action_reader.hpp"
#include "tensor_arrays.hpp"

namespace sinew {

namespace py = pybind11;

PythonBackend::PythonBackend(py::object object, TensorSpecs outputs) : object_(new py::object(std::move(object))) {
  if (!py::hasattr(*object_, "infer"))
    fail(ErrorCode::invalid_argument,
         {"PythonBackend", "object", "one with a method infer(dict) -> dict", py::repr(py::type::of(*object_)).cast<std::string>(), ""});
  spec_.name = py::str(py::type::of(*object_).attr("__name__")).cast<std::string>();
  spec_.outputs = std::move(outputs);
  if (!py::hasattr(*object_, "infer_batch")) return;
  const py::object most = py::getattr(*object_, "max_batch", py::int_(8));
  if (!py::isinstance<py::int_>(most) || most.cast<py::ssize_t>() < 1)
    fail(ErrorCode::invalid_argument, {"PythonBackend", "max_batch", "a whole number from 1", py::repr(most).cast<std::string>(), ""});
  most_batch_ = most.cast<std::size_t>();
}

Status PythonBackend::infer(const TensorMap& in, TensorMap& out) noexcept {
  const py::gil_scoped_acquire gil;
  Inference one{&in, &out};
  try {
    call({&one, 1}, false);
  } catch (const std::exception& error) {
    error_ = error.what();
    one.status = Status::backend_failed;
  }
  return one.status;
}

void PythonBackend::infer_batch(std::span<Inference> several) noexcept {
  if (several.size() == 1) {  // all that an object without infer_batch is asked for
    several[0].status = infer(*several[0].in, *several[0].out);
    return;
  }
  const py::gil_scoped_acquire gil;
  try {
    call(several, true);
  } catch (const std::exception& error) {
    error_ = error.what();
    for (Inference& each : several) each.status = Status::backend_failed;
  }
}

Status PythonBackend::take(const py::object& value, const TensorSpec& spec, Tensor& tensor) {
  // Ids are whole numbers already; floats are converted, because models compute in many precisions.
  using Ids = py::array_t<std::int64_t, py::array::c_style>;
  const bool ids = spec.dtype == DType::i64;
  const py::array array = ids ? py::array(Ids::ensure(value)) : py::array(bindings::Floats::ensure(value));
  if (!array) {
    PyErr_Clear();
    error_ = fmt::format("infer() returned '{}' that is no array of {}", spec.name, ids ? "int64" : "numbers");
    return Status::bad_shape;
  }
  const std::vector<std::int64_t> dims(array.shape(), array.shape() + array.ndim());
  const bool fits = dims.size() <= Shape::kMaxRank && (ids ? dims.size() == 1 : Shape(dims) == spec.capacity);
  if (tensor.dtype() != spec.dtype || !fits || tensor.set_shape(Shape(dims)) != Status::ok) {
    error_ = fmt::format("infer() returned '{}' of shape {}, expected {}{}", spec.name, bindings::shape_text(array), ids ? "up to " : "",
                         to_string(spec.capacity));
    return Status::bad_shape;
  }
  std::memcpy(tensor.bytes().data(), array.data(), tensor.size_bytes());
  return Status::ok;
}

void PythonBackend::call(std::span<Inference> several, bool together) {
  error_.clear();
  for (Inference& each : several) each.status = Status::backend_failed;
  std::vector<py::dict> inputs;
  std::vector<std::vector<py::object>> arrays;
  for (const Inference& each : several) {
    inputs.push_back(bindings::to_read_only(*each.in, views_));
    arrays.push_back(bindings::values_of(inputs.back()));
  }
  try {
    if (together) {
      py::list given;
      for (const py::dict& each : inputs) given.append(each);
      read_all(object_->attr("infer_batch")(given), several);
    } else {
      several[0].status = read(object_->attr("infer")(inputs[0]), *several[0].out);
    }
  } catch (py::error_already_set& error) {
    if (error.matches(PyExc_KeyboardInterrupt)) PyErr_SetInterrupt();  // raised again by whoever looks for signals next
    error_ = error.what();
  }  // with it go the frames that it holds
  const auto is_kept = [](const py::dict& dict, const std::vector<py::object>& values) {
    return dict.ref_count() > 1 || std::ranges::any_of(values, [&](const py::object& array) {
             const bool in_dict = std::ranges::any_of(bindings::values_of(dict), [&](const py::object& each) { return each.is(array); });
             return array.ref_count() > (in_dict ? 2 : 1);  // ours, and the dict's
           });
  };
  bool kept = false;
  for (std::size_t i = 0; i < inputs.size(); ++i) kept = kept || is_kept(inputs[i], arrays[i]);
  const bool viewed = views_;
  views_ = !kept && (viewed || !called_);  // who keeps once is given copies from then on
  called_ = true;
  if (!viewed || !kept) return;
  for (Inference& each : several) {
    if (each.status == Status::ok)
      error_ =
          fmt::format("{}() kept an input, which was valid during the call only; it kept none at its first call (numpy.array(x) copies)",
                      together ? "infer_batch" : "infer");
    each.status = Status::backend_failed;
  }
}

void PythonBackend::read_all(const py::object& results, std::span<Inference> several) {
  if (!py::isinstance<py::sequence>(results) || py::len(results) != several.size()) {
    error_ = fmt::format("infer_batch() returned {}, expected a list of {}",
                         py::isinstance<py::sequence>(results) ? fmt::format("{} results", py::len(results)) : "no list", several.size());
    return;
  }
  const auto list = results.cast<py::sequence>();
  std::string first;
  for (std::size_t i = 0; i < several.size(); ++i) {
    error_.clear();
    several[i].status = read(list[i], *several[i].out);
    if (first.empty()) first = error_;
  }
  error_ = first;
}

Status PythonBackend::read(const py::object& result, TensorMap& out) {
  for (const auto& spec : spec_.outputs) {
    if (!py::isinstance<py::dict>(result) || !result.contains(py::str(spec.name))) {
      error_ = fmt::format("infer() returned no '{}'", spec.name);
      return Status::missing;
    }
    if (const Status status = take(result[py::str(spec.name)], spec, out[spec.name]); status != Status::ok) return status;
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
    return AnyBackend(PythonBackend((*shared)(request.directory.string()), action_specs(request.card.action)));
  };
}

}  // namespace sinew
