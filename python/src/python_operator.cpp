// SPDX-License-Identifier: Apache-2.0
#include "python_operator.hpp"

#include <memory>
#include <utility>

#include "sinew/core/observation.hpp"

namespace sinew {

namespace py = pybind11;

PythonOperator::PythonOperator(py::object object) : object_(std::move(object)) {
  const std::string type = py::str(py::type::of(object_).attr("__name__"));
  for (const char* member : {"holds", "act"})
    if (!py::hasattr(object_, member))
      fail(ErrorCode::invalid_argument, {"ControlLoop", fmt::format("operator of type {}", type), fmt::format("a member '{}'", member),
                                         "none", "an operator has holds(observation) -> bool and act(observation) -> ActionChunk"});
  name_ = py::hasattr(object_, "name") ? std::string(py::str(object_.attr("name"))) : type;
  if (py::hasattr(object_, "rate")) rate_ = object_.attr("rate").cast<double>();
}

PythonOperator::~PythonOperator() {
  const py::gil_scoped_acquire gil;
  object_ = py::object();
  observation_ = py::object();
}

template <class Call>
Status PythonOperator::guarded(Call call) noexcept {
  const py::gil_scoped_acquire gil;
  try {
    error_.clear();
    call();
    return Status::ok;
  } catch (py::error_already_set& error) {
    if (error.matches(PyExc_KeyboardInterrupt)) PyErr_SetInterrupt();  // raised again by whoever looks for signals next
    error_ = error.what();
  } catch (const std::exception& error) {
    error_ = error.what();
  }
  return Status::backend_failed;
}

Status PythonOperator::holds(const OperatorView& view, bool& held) noexcept {
  return guarded([&] {
    observation_ = py::cast(view.observation, py::return_value_policy::copy);
    held = py::bool_(object_.attr("holds")(observation_));
  });
}

Status PythonOperator::act(const OperatorView& view, ActionChunk& chunk) noexcept {
  return guarded([&] {
    if (view.first && py::hasattr(object_, "reset")) object_.attr("reset")();
    const py::object answer = object_.attr("act")(observation_);
    if (!py::isinstance<ActionChunk>(answer))
      fail(ErrorCode::invalid_argument,
           {"act", "what it returns", "a sinew.ActionChunk", py::str(py::type::of(answer).attr("__name__")).cast<std::string>(), ""});
    chunk = answer.cast<const ActionChunk&>();
  });
}

AnyOperator operator_of(py::object object) {
  if (py::hasattr(object, "_any_operator")) return object.attr("_any_operator")().cast<AnyOperator>();
  return AnyOperator(std::make_shared<PythonOperator>(std::move(object)));
}

}  // namespace sinew
