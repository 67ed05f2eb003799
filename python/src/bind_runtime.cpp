// SPDX-License-Identifier: Apache-2.0
// Binds runtime/ and the backend registry: Policy, BackendRegistry, ControlLoop, load_card.
#include "bindings.hpp"
#include "python_backend.hpp"
#include "python_robot.hpp"
#include "sinew/io/card_json.hpp"
#include "sinew/runtime/control_loop.hpp"

namespace sinew {

namespace py = pybind11;
using namespace bindings;

namespace {

py::object card_dict(const PolicyCard& card) { return py::module_::import("json").attr("loads")(to_text(card_to_json(card))); }

py::list spec_list(const TensorSpecs& specs) {
  py::list list;
  for (const auto& spec : specs) {
    const auto dims = spec.capacity.dims();
    list.append(py::make_tuple(spec.name, std::string(to_string(spec.dtype)),
                               py::tuple(py::cast(std::vector<std::int64_t>(dims.begin(), dims.end())))));
  }
  return list;
}

ActionChunk act(Policy& policy, const Observation& observation) {
  ActionChunk chunk = policy.make_chunk();
  Status status;
  {
    const py::gil_scoped_release release;
    status = policy.act(observation, chunk);
  }
  raise_unless_ok(status, "Policy.act", policy.last_error());
  return chunk;
}

void bind_policy(py::module_& m) {
  py::class_<BackendRegistry>(m, "BackendRegistry", "Backends by name; starts with the built-in ones.")
      .def(py::init(&BackendRegistry::with_defaults))
      .def(
          "add",
          [](BackendRegistry& r, std::string name, py::object factory) { r.add(std::move(name), python_factory(std::move(factory))); },
          py::arg("name"), py::arg("factory"),
          "factory(path: str) -> object with infer(dict) -> dict. infer gets the encoder's tensors as read-only arrays and returns\n"
          "{\"actions\": float32 [horizon, dim]} in the policy's normalised space; reset() is called at the start of an episode if it "
          "exists.")
      .def("names", [](const BackendRegistry& r) {
        std::vector<std::string> names;
        for (const auto name : r.names()) names.emplace_back(name);
        return names;
      });
  py::class_<Policy>(m, "Policy", "Observation in, action chunk out: encoder, backend and decoder of one policy directory.")
      .def_static(
          "load",
          [](const std::string& directory, const std::string& backend, const BackendRegistry* registry) {
            return Policy::load(directory, registry != nullptr ? *registry : BackendRegistry::with_defaults(), backend);
          },
          py::arg("directory"), py::arg("backend") = "", py::arg("registry") = nullptr,
          "directory: holds sinew.json. backend: a name of the registry; empty takes the card's. Raises sinew.Error.")
      .def_property_readonly(
          "card", [](const Policy& p) { return card_dict(p.card()); }, "the card as the dict that sinew.json holds")
      .def_property_readonly(
          "input_spec", [](const Policy& p) { return spec_list(p.input_spec()); }, "[(name, dtype, maximum shape)] that the encoder writes")
      .def_property_readonly(
          "spec",
          [](const Policy& p) {
            return py::dict(py::arg("name") = p.spec().name, py::arg("inputs") = spec_list(p.spec().inputs),
                            py::arg("outputs") = spec_list(p.spec().outputs));
          },
          "dict of the backend: name, inputs and outputs as [(name, dtype, maximum shape)]")
      .def("act", &act, py::arg("observation"),
           "One inference -> sinew.ActionChunk in SI units. Raises sinew.Error with the stage that refused.")
      .def("reset", &Policy::reset, "Starts a new episode.");
  m.def(
      "load_card", [](const std::string& path) { return card_dict(read_card(path)); }, py::arg("path"),
      "Reads and checks a sinew.json -> dict. Raises sinew.Error with the place and the nearest valid key.");
}

/// Owns what a ControlLoop refers to.
class Loop {
 public:
  Loop(py::object robot, py::object policy, std::optional<Chain<>> chain, double control_rate, double inference_rate, py::object recorder,
       double trace_seconds)
      : keep_(py::make_tuple(robot, policy, recorder)),
        robot_(robot_of(robot)),
        loop_(robot_, policy.cast<Policy&>(),
              {.control_rate = control_rate,
               .inference_rate = inference_rate,
               .chain = std::move(chain),
               .trace_seconds = trace_seconds,
               .recorder = recorder.is_none() ? nullptr : recorder.cast<Recorder*>()}) {}

  std::string run_for(double seconds) {
    if (!(seconds > 0 && seconds < 86400))
      fail(ErrorCode::invalid_argument, {"ControlLoop.run_for", "seconds", "above 0, below a day", fmt::format("{}", seconds), ""});
    const py::gil_scoped_release release;
    return std::string(to_string(loop_.run_for(instruction, from_seconds(seconds))));
  }
  void reset() {
    raise_unless_ok(loop_.reset(), "ControlLoop.reset", loop_.last_error().empty() ? "robot's joint positions" : loop_.last_error());
  }
  const ControlLoop<AnyRobot>& loop() const { return loop_; }

  py::dict trace() const {
    const auto& trace = loop_.trace();
    const auto n = static_cast<py::ssize_t>(trace.ticks().size());
    Doubles time(n);
    Doubles duration(n);
    py::array_t<std::uint8_t> status(n);
    for (py::ssize_t i = 0; i < n; ++i) {
      const auto& tick = trace.ticks()[static_cast<std::size_t>(i)];
      time.mutable_at(i) = to_seconds(tick.time);
      duration.mutable_at(i) = to_seconds(tick.duration);
      status.mutable_at(i) = static_cast<std::uint8_t>(tick.status);
    }
    const auto table = [&](std::span<const double> values) { return to_array(values, {n, trace.dof()}); };
    return py::dict(py::arg("time") = time, py::arg("target") = table(trace.target()), py::arg("command") = table(trace.command()),
                    py::arg("velocity") = table(trace.velocity()), py::arg("acceleration") = table(trace.acceleration()),
                    py::arg("measured") = table(trace.measured()), py::arg("status") = status, py::arg("tick_time") = duration,
                    py::arg("dropped") = trace.dropped());
  }

  py::dict inferences() const {
    const auto records = loop_.trace().inferences();
    py::dict columns;
    const auto column = [&](const char* name, Time InferenceRecord::* member) {
      Doubles values(static_cast<py::ssize_t>(records.size()));
      for (std::size_t i = 0; i < records.size(); ++i) values.mutable_at(static_cast<py::ssize_t>(i)) = to_seconds(records[i].*member);
      columns[name] = values;
    };
    column("time", &InferenceRecord::time);
    column("observe", &InferenceRecord::observe);
    column("encode", &InferenceRecord::encode);
    column("infer", &InferenceRecord::infer);
    column("decode", &InferenceRecord::decode);
    column("resolve", &InferenceRecord::resolve);
    py::array_t<std::uint8_t> status(static_cast<py::ssize_t>(records.size()));
    for (std::size_t i = 0; i < records.size(); ++i)
      status.mutable_at(static_cast<py::ssize_t>(i)) = static_cast<std::uint8_t>(records[i].status);
    columns["status"] = status;
    return columns;
  }

  std::string instruction;

 private:
  static AnyRobot robot_of(const py::object& robot) {
    if (py::hasattr(robot, "_any_robot")) return robot.attr("_any_robot")().cast<AnyRobot>();
    return AnyRobot(std::make_shared<PythonRobot>(robot));
  }

  py::tuple keep_;
  AnyRobot robot_;
  ControlLoop<AnyRobot> loop_;
};

void bind_loop(py::module_& m) {
  py::class_<AnyRobot>(m, "AnyRobot", "A robot implemented in C++, as a module of robots hands it over.");
  py::class_<Loop>(m, "ControlLoop",
                   "Closes the loop: policy at inference_rate, commands within the limits at control_rate, on the robot's clock.")
      .def(py::init<py::object, py::object, std::optional<Chain<>>, double, double, py::object, double>(), py::arg("robot"),
           py::arg("policy"), py::kw_only(), py::arg("chain") = py::none(), py::arg("control_rate") = 200.0,
           py::arg("inference_rate") = 10.0, py::arg("recorder") = py::none(), py::arg("trace_seconds") = 60.0,
           "robot: sinew.sim.MujocoRobot, or any object with now (s; attribute or method), wait_until(s), observe(instruction) -> "
           "Observation,\n"
           "positions() -> [dof], command([dof]), stop() and limits (sinew.motion.JointLimits). chain: base to tool, needed when the\n"
           "policy emits tool poses. Rates in Hz.")
      .def_readwrite("instruction", &Loop::instruction, "what the policy is told")
      .def("reset", &Loop::reset, "Takes the measured positions as the start, at rest; must come before run_for.")
      .def("run_for", &Loop::run_for, py::arg("seconds"),
           "Runs for that long on the robot's clock -> status text; \"ok\", or what the latest failed inference or the robot said.")
      .def_property_readonly("last_error", [](const Loop& l) { return std::string(l.loop().last_error()); })
      .def("trace", &Loop::trace,
           "dict of arrays, one row per tick: time [n] s, target, command, velocity, acceleration, measured [n, dof] (rad or m),\n"
           "status [n] uint8, tick_time [n] s (timeline and filter), dropped (ticks beyond trace_seconds)")
      .def("inferences", &Loop::inferences, "dict of arrays [m]: time s, observe, encode, infer, decode, resolve s, status uint8")
      .def(
          "chunk", [](const Loop& l) { return l.loop().latest_chunk(); }, "the latest chunk of joint targets")
      .def(
          "observation", [](const Loop& l) { return l.loop().latest_observation(); }, "the latest observation")
      .def_property_readonly("limits", [](const Loop& l) { return l.loop().limits(); }, "the limits that hold");
}

}  // namespace

void bind_runtime(py::module_& m) {
  bind_policy(m);
  auto runtime = m.def_submodule("runtime", "Closing the loop between a policy and a robot.");
  bind_loop(runtime);
}

}  // namespace sinew
