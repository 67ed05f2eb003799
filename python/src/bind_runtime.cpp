// SPDX-License-Identifier: Apache-2.0
// Binds runtime/ and the backend registry: Policy, BackendRegistry, ControlLoop, load_card.
#include <pybind11/stl/filesystem.h>

#include "bindings.hpp"
#include "python_backend.hpp"
#include "python_robot.hpp"
#include "sinew/backend/cpu/cpu_backend.hpp"
#include "sinew/io/card_json.hpp"
#include "sinew/runtime/control_loop.hpp"
#include "tensor_arrays.hpp"

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

ActionChunk act(Policy& policy, const Observation& observation, std::optional<std::int64_t> seed, std::optional<Floats> noise,
                std::optional<Floats> prefix, int prefix_delay) {
  ActionChunk chunk = policy.make_chunk();
  ActOptions options{.seed = seed, .prefix_delay = prefix_delay};
  if (noise) options.noise = {noise->data(), static_cast<std::size_t>(noise->size())};
  if (prefix) {
    require_shape(*prefix, {-1, -1}, "Policy.act", "prefix");
    options.prefix = {
        {prefix->data(), static_cast<std::size_t>(prefix->size())}, static_cast<int>(prefix->shape(0)), static_cast<int>(prefix->shape(1))};
  }
  Status status;
  {
    const py::gil_scoped_release release;
    status = policy.act(observation, chunk, options);
  }
  raise_unless_ok(status, "Policy.act", policy.last_error());
  return chunk;
}

/// Backends on libtorch live in a module of their own, which is loaded when one is asked for.
Policy load_policy(const std::filesystem::path& directory, const std::string& backend, BackendRegistry registry) {
  if (!registry.contains("torch")) {
    const std::string name = backend.empty() ? read_card(directory / "sinew.json").backend : backend;
    if (name == "torch") py::module_::import("sinew._torch").attr("add_to")(py::cast(registry, py::return_value_policy::reference));
  }
  return Policy::load(directory, registry, backend);
}

void bind_policy(py::module_& m) {
  py::class_<BackendRegistry>(m, "BackendRegistry", "Backends by name; starts with the built-in ones.")
      .def(py::init(&BackendRegistry::with_defaults))
      .def(
          "add",
          [](BackendRegistry& r, std::string name, py::object factory) { r.add(std::move(name), python_factory(std::move(factory))); },
          py::arg("name"), py::arg("factory"),
          "factory(path: str) -> object with infer(dict) -> dict. infer gets copies of the encoder's tensors and returns\n"
          "{\"actions\": float32 [horizon, dim]} in the policy's normalised space; reset() is called at the start of an episode if it "
          "exists.")
      .def(
          "add_cpu", [](BackendRegistry& r, std::string name, int threads) { r.add(std::move(name), cpu_backend({.threads = threads})); },
          py::arg("name"), py::arg("threads"), "The backend \"cpu\" with several threads for each inference, under another name.")
      .def("names", [](const BackendRegistry& r) {
        std::vector<std::string> names;
        for (const auto name : r.names()) names.emplace_back(name);
        return names;
      });
  py::class_<Policy>(m, "Policy", "Observation in, action chunk out: encoder, backend and decoder of one policy directory.")
      .def_static(
          "load",
          [](const std::filesystem::path& directory, const std::string& backend, const BackendRegistry* registry) {
            return load_policy(directory, backend, registry != nullptr ? *registry : BackendRegistry::with_defaults());
          },
          py::arg("directory"), py::arg("backend") = "", py::arg("registry") = nullptr,
          "directory: holds sinew.json. backend: a name of the registry, or \"torch\" where this build and the interpreter have it; empty "
          "takes\n"
          "the card's. Raises sinew.Error.")
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
      .def(
          "act", &act, py::arg("observation"), py::kw_only(), py::arg("seed") = py::none(), py::arg("noise") = py::none(),
          py::arg("prefix") = py::none(), py::arg("prefix_delay") = 0,
          "One inference -> sinew.ActionChunk in SI units. For backends that sample: seed, or noise [horizon, dim]; prefix [rows, dim], "
          "the\n"
          "unexecuted rest of the previous chunk in the policy's normalised space (outputs[\"actions\"]), its first row due now, of which\n"
          "prefix_delay rows will be executed before the new chunk arrives. Raises sinew.Error with the stage that refused.")
      .def_property_readonly(
          "outputs", [](const Policy& p) { return to_dict(p.outputs()); }, "dict of copies of what the backend wrote at the last act")
      .def("reset", &Policy::reset, "Starts a new episode.");
  m.def(
      "load_card", [](const std::filesystem::path& path) { return card_dict(read_card(path)); }, py::arg("path"),
      "Reads and checks a sinew.json -> dict. Raises sinew.Error with the place and the nearest valid key.");
}

/// Owns what a ControlLoop refers to.
class Loop {
 public:
  Loop(py::object robot, py::object policy, std::optional<Chain<>> chain, double control_rate, double inference_rate, py::object recorder,
       double trace_seconds)
      : keep_(py::make_tuple(robot, policy, recorder)),
        python_robot_(py::hasattr(robot, "_any_robot") ? nullptr : std::make_shared<PythonRobot>(robot)),
        robot_(python_robot_ ? AnyRobot(python_robot_) : robot.attr("_any_robot")().cast<AnyRobot>()),
        loop_(robot_, policy.cast<Policy&>(),
              {.control_rate = control_rate,
               .inference_rate = inference_rate,
               .chain = std::move(chain),
               .trace_seconds = trace_seconds,
               .recorder = recorder.is_none() ? nullptr : recorder.cast<Recorder*>()}) {}

  std::string run_for(double seconds) {
    if (!(seconds > 0 && seconds < 86400))
      fail(ErrorCode::invalid_argument, {"ControlLoop.run_for", "seconds", "above 0, below a day", fmt::format("{}", seconds), ""});
    const Busy busy(*this);
    const std::string told = instruction;  // a callback or another thread may change it meanwhile
    error_.clear();
    if (python_robot_) python_robot_->clear_error();
    // In slices, so that Ctrl-C and other threads get their turn; commands lie on a grid, so the result is that of one run. The GIL
    // is held within a slice: it is what keeps two threads from using one robot at once.
    Status result = Status::ok;
    for (Time left = from_seconds(seconds); left > Time{}; left -= kSlice) {
      const Status status = loop_.run_for(told, std::min(left, kSlice));
      if (status != Status::ok) {
        result = status;
        error_ = loop_.last_error();
        if (python_robot_ && !python_robot_->error().empty()) error_ += ": " + python_robot_->error();
      }
      if (PyErr_CheckSignals() != 0) {
        py::error_already_set interrupt;  // takes the exception, so that the robot's stop() may run Python
        robot_.stop();
        throw interrupt;
      }
      if (loop_.halted()) break;
      const py::gil_scoped_release others;
    }
    return std::string(to_string(result));
  }
  void reset() {
    const Busy busy(*this);
    raise_unless_ok(loop_.reset(), "ControlLoop.reset", loop_.last_error().empty() ? "robot's joint positions" : loop_.last_error());
  }
  /// The loop while nobody runs it.
  const ControlLoop<AnyRobot>& loop() const {
    if (busy_)
      fail(ErrorCode::invalid_argument,
           {"ControlLoop", "call", "one after run_for() has returned", "one while it runs", "from a callback or another thread"});
    return loop_;
  }
  py::str last_error() const {
    loop();
    return to_str(error_);
  }

  py::dict trace() const {
    loop();
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
    loop();
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
  /// Refuses a second call of the loop while one is running; set and read under the GIL.
  class Busy {
   public:
    explicit Busy(Loop& loop) : loop_((loop.loop(), loop)) { loop_.busy_ = true; }
    ~Busy() { loop_.busy_ = false; }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;

   private:
    Loop& loop_;
  };

  py::tuple keep_;
  std::shared_ptr<PythonRobot> python_robot_;  // null for a robot in C++
  AnyRobot robot_;
  ControlLoop<AnyRobot> loop_;
  std::string error_;  // of the latest run_for
  bool busy_ = false;
  static constexpr Time kSlice = std::chrono::milliseconds(50);
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
      .def_property_readonly("last_error", &Loop::last_error, "what the latest run_for that did not return \"ok\" had to say")
      .def_property_readonly(
          "missed_ticks", [](const Loop& l) { return l.loop().missed_ticks(); },
          "ticks since reset that were skipped because the policy or the robot took longer than a tick")
      .def("trace", &Loop::trace,
           "dict of arrays, one row per tick: time [n] s, target, command, velocity, acceleration, measured [n, dof] (rad or m),\n"
           "status [n] uint8, tick_time [n] s (timeline and filter), dropped (ticks and inferences beyond trace_seconds)")
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
