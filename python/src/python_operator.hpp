// SPDX-License-Identifier: Apache-2.0
// An operator written in Python: an object with holds(observation) -> bool and act(observation) -> ActionChunk.
#pragma once

#include <string>
#include <string_view>

#include "bindings.hpp"
#include "sinew/runtime/operator.hpp"

namespace sinew {

/// Forwards the Operator concept to a Python object. Optional members: name, rate (Hz), reset(), which is called when it takes over. An
/// exception becomes Status::backend_failed with its text as last_error(). Takes the GIL itself.
class PythonOperator {
 public:
  /// Throws Error when `holds` or `act` is missing.
  explicit PythonOperator(pybind11::object object);
  ~PythonOperator();
  PythonOperator(const PythonOperator&) = delete;
  PythonOperator& operator=(const PythonOperator&) = delete;

  [[nodiscard]] Status holds(const OperatorView& view, bool& held) noexcept;
  [[nodiscard]] Status act(const OperatorView& view, ActionChunk& chunk) noexcept;
  [[nodiscard]] std::string_view name() const noexcept { return name_; }
  [[nodiscard]] double rate() const noexcept { return rate_; }
  [[nodiscard]] std::string_view last_error() const noexcept { return error_; }

 private:
  template <class Call>
  Status guarded(Call call) noexcept;

  pybind11::object object_;
  pybind11::object observation_;  // of this instant: copied once
  std::string name_;
  double rate_ = 0;
  std::string error_;
};

static_assert(Operator<PythonOperator>);

/// The operator behind a Python object: one in C++, or any object that PythonOperator takes.
AnyOperator operator_of(pybind11::object object);

}  // namespace sinew
