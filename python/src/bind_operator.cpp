// SPDX-License-Identifier: Apache-2.0
// Binds runtime/jog_operator, and the operator that lets another policy act: JogOperator, PolicyOperator.
#include <memory>
#include <utility>

#include "bindings.hpp"
#include "sinew/runtime/jog_operator.hpp"

namespace sinew {

namespace py = pybind11;
using namespace bindings;

namespace {

using JogPointer = std::shared_ptr<JogOperator>;

JogPointer make_jog(const Chain<>& chain, double max_speed, double max_turn, double widest_gripper, double rate, double deadman,
                    std::string name) {
  JogOptions options;
  options.max_speed = max_speed;
  options.max_turn = max_turn;
  options.widest_gripper = widest_gripper;
  options.rate = rate;
  options.deadman = time_of(deadman, "JogOperator", "deadman");
  options.name = std::move(name);
  return std::make_shared<JogOperator>(chain, std::move(options));
}

void set_input(JogOperator& jog, const std::array<double, 3>& velocity, const std::array<double, 3>& turn, std::optional<double> gripper) {
  raise_unless_ok(jog.set_input({velocity, turn, gripper}), "JogOperator.set_input", "finite numbers are needed");
}

/// Another policy that acts whenever a trigger says so. To the loop an operator in Python.
struct PolicyOperator {
  py::object policy;
  py::object trigger;
  std::string name;
};

PolicyOperator make_policy_operator(py::object policy, py::object trigger, std::string name) {
  if (!py::hasattr(policy, "act") || PyCallable_Check(trigger.ptr()) == 0)
    fail(ErrorCode::invalid_argument,
         {"PolicyOperator", "arguments", "a policy with act(observation), and a callable, observation -> bool", "something else", ""});
  return {std::move(policy), std::move(trigger), std::move(name)};
}

void bind_jog(py::module_& m) {
  const JogOptions usual;
  py::class_<JogOperator, JogPointer>(
      m, "JogOperator",
      "Drives the tool by velocities, as a keyboard or a gamepad gives them. While it is in control and nothing is said it holds the tool "
      "where it is.\nMethods may be called while the loop runs.")
      .def(py::init(&make_jog), py::arg("chain"), py::kw_only(), py::arg("max_speed") = usual.max_speed,
           py::arg("max_turn") = usual.max_turn, py::arg("widest_gripper") = usual.widest_gripper, py::arg("rate") = usual.rate,
           py::arg("deadman") = to_seconds(usual.deadman), py::arg("name") = usual.name,
           "chain: base to tool. max_speed: m/s. max_turn: rad/s. widest_gripper: m. rate: Hz of its chunks. deadman: s, for so long an "
           "input\nmoves the tool; then it holds. name: stands in recordings.")
      .def("take_over", &JogOperator::take_over, "It holds control from the next inference instant on.")
      .def("hand_back", &JogOperator::hand_back, "The policy, which is reset, holds control from the next inference instant on.")
      .def_property_readonly("in_control", &JogOperator::in_control)
      .def_property_readonly("name", [](const JogOperator& jog) { return to_str(jog.name()); })
      .def("set_input", &set_input, py::arg("velocity") = std::array<double, 3>{}, py::arg("turn") = std::array<double, 3>{},
           py::arg("gripper") = py::none(),
           "velocity: of the tool, m/s. turn: rad/s. Both in base axes, scaled down to the most that is allowed. gripper: opening, m; None "
           "leaves\nit. Raises sinew.Error for what is not finite.")
      .def("_any_operator", [](const JogPointer& jog) { return AnyOperator(jog); });
}

}  // namespace

void bind_operator(py::module_& m) {
  py::class_<AnyOperator>(m, "AnyOperator", "An operator implemented in C++.");
  bind_jog(m);
  py::class_<PolicyOperator>(m, "PolicyOperator", "An operator that lets another policy act whenever a trigger says so.")
      .def(py::init(&make_policy_operator), py::arg("policy"), py::arg("trigger"), py::kw_only(), py::arg("name") = "policy",
           "policy: sinew.Policy, not that of the loop. trigger: callable, observation -> bool. name: stands in recordings.")
      .def_readonly("name", &PolicyOperator::name)
      .def(
          "reset",
          [](const PolicyOperator& p) {
            if (py::hasattr(p.policy, "reset")) p.policy.attr("reset")();
          },
          "Called when it takes over.")
      .def(
          "holds",
          [](const PolicyOperator& p, const py::object& observation) { return static_cast<bool>(py::bool_(p.trigger(observation))); },
          py::arg("observation"))
      .def(
          "act", [](const PolicyOperator& p, const py::object& observation) { return p.policy.attr("act")(observation); },
          py::arg("observation"));
}

}  // namespace sinew
