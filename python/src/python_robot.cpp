// SPDX-License-Identifier: Apache-2.0
#include "python_robot.hpp"

#include <algorithm>
#include <utility>

#include "sinew/core/observation.hpp"

namespace sinew {

namespace py = pybind11;

PythonRobot::PythonRobot(py::object object) : object_(std::move(object)) {
  for (const char* name : {"now", "wait_until", "observe", "positions", "command", "stop", "limits"})
    if (!py::hasattr(object_, name))
      fail(ErrorCode::invalid_argument,
           {"ControlLoop", fmt::format("robot of type {}", py::str(py::type::of(object_).attr("__name__")).cast<std::string>()),
            fmt::format("a member '{}'", name), "none", "a robot has now, wait_until, observe, positions, command, stop and limits"});
  limits_ = object_.attr("limits").cast<JointLimits>();
}

PythonRobot::~PythonRobot() {
  const py::gil_scoped_acquire gil;
  object_ = py::object();
}

template <class Call>
Status PythonRobot::guarded(Call call) const noexcept {
  const py::gil_scoped_acquire gil;
  try {
    return call();
  } catch (py::error_already_set& error) {
    error_ = error.what();
    // Ctrl-C in a callback is raised again where ControlLoop.run_for looks for signals; the traceback of anything else must not be
    // lost while the loop goes on with a status.
    if (error.matches(PyExc_KeyboardInterrupt)) {
      PyErr_SetInterrupt();
    } else {
      error.restore();
      PyErr_WriteUnraisable(object_.ptr());
    }
  } catch (const std::exception& error) {
    error_ = error.what();
  }
  return Status::backend_failed;
}

Time PythonRobot::now() const noexcept {
  const Status status = guarded([&] {
    const py::object now = object_.attr("now");
    now_ = bindings::time_of((PyCallable_Check(now.ptr()) != 0 ? now() : now).cast<double>(), "ControlLoop", "the robot's now");
    return Status::ok;
  });
  clock_failed_ = status != Status::ok;
  return now_;
}

Status PythonRobot::wait_until(Time time) noexcept {
  if (clock_failed_) return Status::backend_failed;
  return guarded([&] {
    object_.attr("wait_until")(to_seconds(time));
    return Status::ok;
  });
}

Status PythonRobot::observe(std::string_view instruction, Observation& observation) noexcept {
  return guarded([&] {
    observation = object_.attr("observe")(py::str(instruction.data(), instruction.size())).cast<Observation>();
    return Status::ok;
  });
}

Status PythonRobot::positions(std::span<double> q) const noexcept {
  return guarded([&] {
    const bindings::Doubles values = object_.attr("positions")();
    if (static_cast<std::size_t>(values.size()) != q.size()) return Status::bad_shape;
    std::copy_n(values.data(), values.size(), q.data());
    return Status::ok;
  });
}

Status PythonRobot::command(std::span<const double> target) noexcept {
  return guarded([&] {
    object_.attr("command")(bindings::to_array(target));
    return Status::ok;
  });
}

void PythonRobot::stop() noexcept {
  (void)guarded([&] {
    object_.attr("stop")();
    return Status::ok;
  });
}

}  // namespace sinew
