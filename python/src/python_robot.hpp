// SPDX-License-Identifier: Apache-2.0
// A robot written in Python: an object with now, wait_until, observe, positions, command, stop and limits.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "bindings.hpp"
#include "sinew/runtime/any_robot.hpp"

namespace sinew {

/// Forwards the Robot concept to a Python object: now (s; attribute or method), wait_until(s), observe(instruction) -> Observation,
/// positions() -> [dof], command(q [dof]), stop(), limits (a sinew.motion.JointLimits). An exception becomes
/// Status::backend_failed, and its traceback goes to sys.unraisablehook. Takes the GIL itself.
class PythonRobot {
 public:
  explicit PythonRobot(pybind11::object object);
  ~PythonRobot();
  PythonRobot(const PythonRobot&) = delete;
  PythonRobot& operator=(const PythonRobot&) = delete;

  [[nodiscard]] Time now() const noexcept;
  [[nodiscard]] Status wait_until(Time time) noexcept;
  [[nodiscard]] Status observe(std::string_view instruction, Observation& observation) noexcept;
  [[nodiscard]] Status positions(std::span<double> q) const noexcept;
  [[nodiscard]] Status command(std::span<const double> target) noexcept;
  void stop() noexcept;
  [[nodiscard]] const JointLimits& limits() const noexcept { return limits_; }
  /// What the latest call that failed had to say; empty when none did.
  [[nodiscard]] const std::string& error() const noexcept { return error_; }
  void clear_error() noexcept { error_.clear(); }

 private:
  template <class Call>
  Status guarded(Call call) const noexcept;

  pybind11::object object_;
  JointLimits limits_;
  mutable std::string error_;
  mutable Time now_{};  // the latest answer, given again when a call fails
  mutable bool clock_failed_ = false;
};

static_assert(Robot<PythonRobot>);

}  // namespace sinew
