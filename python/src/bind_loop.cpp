// SPDX-License-Identifier: Apache-2.0
// Binds runtime/control_loop: ControlLoop.
#include <atomic>
#include <exception>
#include <thread>

#include <pybind11/stl/filesystem.h>

#include "bind_timeline.hpp"
#include "bindings.hpp"
#include "python_operator.hpp"
#include "python_robot.hpp"
#include "sinew/runtime/control_loop.hpp"
#include "sinew/runtime/replay.hpp"

namespace sinew {

namespace py = pybind11;
using namespace bindings;

namespace {

/// Owns what a ControlLoop refers to.
class Loop {
 public:
  Loop(py::object robot, py::object policy, ControlLoopOptions options, py::object recorder, double log_seconds,
       const std::string& heartbeat)
      : keep_(py::make_tuple(robot, policy, recorder)),
        python_robot_(py::hasattr(robot, "_any_robot") ? nullptr : std::make_shared<PythonRobot>(robot)),
        robot_(python_robot_ ? AnyRobot(python_robot_) : robot.attr("_any_robot")().cast<AnyRobot>()),
        log_(make_log(log_seconds, options, robot_.limits().dof())),
        heartbeat_(heartbeat.empty() ? nullptr : std::make_unique<Heartbeat>(heartbeat)),
        loop_(robot_, policy.cast<Policy&>(), with(std::move(options), recorder, log_.get(), heartbeat_.get())) {}

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
  std::string run_threaded(double seconds) {
    if (!(seconds > 0 && seconds < 86400))
      fail(ErrorCode::invalid_argument, {"ControlLoop.run_threaded", "seconds", "above 0, below a day", fmt::format("{}", seconds), ""});
    const Busy busy(*this);
    const std::string told = instruction;
    error_.clear();
    if (python_robot_) python_robot_->clear_error();
    // The loop runs in a thread, so that this one can look for Ctrl-C: then the robot comes to rest first.
    Status status = Status::not_ready;
    std::exception_ptr failure;
    std::atomic<bool> done{false};
    bool interrupted = false;
    std::thread control([&] {
      try {
        status = loop_.run_threaded(told, from_seconds(seconds));
      } catch (...) {
        failure = std::current_exception();
      }
      done.store(true, std::memory_order_release);
    });
    while (!done.load(std::memory_order_acquire)) {
      {
        const py::gil_scoped_release release;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
      if (!interrupted && PyErr_CheckSignals() != 0) {
        interrupted = true;
        loop_.stop();
      }
    }
    {
      const py::gil_scoped_release release;
      control.join();
    }
    if (interrupted) throw py::error_already_set();
    if (failure) std::rethrow_exception(failure);
    if (status != Status::ok) {
      error_ = loop_.last_error();
      if (python_robot_ && !python_robot_->error().empty()) error_ += ": " + python_robot_->error();
    }
    return std::string(to_string(status));
  }
  void stop() { loop_.stop(); }  // from any thread, while it runs too
  void change_limits(const JointLimits& limits) {
    loop();
    raise_unless_ok(loop_.change_limits(limits), "ControlLoop.change_limits", "limits that a filter could be made with");
  }
  py::dict replayed(const std::optional<JointLimits>& limits, const std::optional<std::filesystem::path>& recording) const {
    loop();
    if (!log_ && !recording)
      fail(ErrorCode::invalid_argument, {"ControlLoop.replay", "log", "a recording, or a loop made with log_seconds", "neither", ""});
    const Replay again = [&] {
      const py::gil_scoped_release release;
      const JointLimits& used = limits ? *limits : loop_.limits();
      return recording ? replay(read_motion_log(*recording), used, loop_.motion().options())
                       : replay(*log_, used, loop_.motion().options());
    }();
    const auto ticks = static_cast<py::ssize_t>(again.ticks);
    return py::dict(py::arg("command") = to_array(again.commands, {ticks, loop_.motion().dof()}), py::arg("different") = again.different,
                    py::arg("first") = again.first);
  }
  void reset() {
    const Busy busy(*this);
    if (log_) log_->clear();
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
    Doubles lateness(n);
    py::array_t<std::uint8_t> status(n);
    py::list mode;
    for (py::ssize_t i = 0; i < n; ++i) {
      const auto& tick = trace.ticks()[static_cast<std::size_t>(i)];
      time.mutable_at(i) = to_seconds(tick.time);
      duration.mutable_at(i) = to_seconds(tick.duration);
      lateness.mutable_at(i) = to_seconds(tick.lateness);
      mode.append(py::str(std::string(to_string(tick.mode))));
      status.mutable_at(i) = static_cast<std::uint8_t>(tick.status);
    }
    const auto table = [&](std::span<const double> values) { return to_array(values, {n, trace.dof()}); };
    return py::dict(py::arg("time") = time, py::arg("target") = table(trace.target()), py::arg("command") = table(trace.command()),
                    py::arg("velocity") = table(trace.velocity()), py::arg("acceleration") = table(trace.acceleration()),
                    py::arg("measured") = table(trace.measured()), py::arg("status") = status, py::arg("tick_time") = duration,
                    py::arg("lateness") = lateness, py::arg("mode") = mode, py::arg("dropped") = trace.dropped());
  }

  py::dict statistics() const {
    loop();
    const ControlStatistics s = loop_.trace().statistics();
    const auto times = [](const TimeStatistics& t) {
      py::dict result(py::arg("p50") = to_seconds(t.p50), py::arg("p99") = to_seconds(t.p99), py::arg("worst") = to_seconds(t.worst));
      result["p99.9"] = to_seconds(t.p999);
      return result;
    };
    return py::dict(py::arg("ticks") = s.ticks, py::arg("missed_ticks") = loop_.missed_ticks(), py::arg("tick_time") = times(s.duration),
                    py::arg("lateness") = times(s.lateness));
  }

  py::dict safety() const {
    const SafetyState& state = loop().safety();
    py::dict counts;
    for (std::size_t i = 0; i < kSafetyEvents; ++i) {
      const auto event = static_cast<SafetyEvent>(i);
      if (state.count(event) > 0) counts[py::str(std::string(to_string(event)))] = state.count(event);
    }
    return py::dict(py::arg("mode") = std::string(to_string(state.mode())), py::arg("cause") = std::string(to_string(state.cause())),
                    py::arg("latched") = state.latched(), py::arg("counts") = counts);
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
    py::array_t<bool> operated(static_cast<py::ssize_t>(records.size()));
    for (std::size_t i = 0; i < records.size(); ++i) operated.mutable_at(static_cast<py::ssize_t>(i)) = records[i].operated;
    columns["operated"] = operated;
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

  static std::unique_ptr<MotionLog> make_log(double seconds, const ControlLoopOptions& options, int dof) {
    if (seconds == 0) return nullptr;
    if (!(seconds > 0 && seconds <= 3600))
      fail(ErrorCode::invalid_argument, {"ControlLoop", "log_seconds", "0 to 3600", fmt::format("{}", seconds), ""});
    const double ticks = seconds * options.control_rate, chunks = seconds * detail::chunk_rate(options);
    return std::make_unique<MotionLog>(static_cast<std::size_t>(ticks + chunks) + 64,
                                       static_cast<std::size_t>(2 * ticks * dof + chunks * 128 * (dof + 7)) + 4096);
  }
  static ControlLoopOptions with(ControlLoopOptions options, const py::object& recorder, MotionLog* log, Heartbeat* heartbeat) {
    options.heartbeat = heartbeat;
    options.recorder = recorder.is_none() ? nullptr : recorder.cast<Recorder*>();
    options.log = log;
    return options;
  }

  py::tuple keep_;
  std::shared_ptr<PythonRobot> python_robot_;  // null for a robot in C++
  AnyRobot robot_;
  std::unique_ptr<MotionLog> log_;
  std::unique_ptr<Heartbeat> heartbeat_;
  ControlLoop<AnyRobot> loop_;
  std::string error_;  // of the latest run_for
  bool busy_ = false;
  static constexpr Time kSlice = std::chrono::milliseconds(50);
};

/// A Python callable (index -> s) as the delay of a chunk; where it raises, or gives no time, the chunk is refused; a traceback goes to
/// sys.unraisablehook.
std::function<Time(std::uint64_t)> delay_of(py::object callable) {
  if (callable.is_none()) return {};
  if (PyCallable_Check(callable.ptr()) == 0)
    fail(ErrorCode::invalid_argument, {"ControlLoop", "chunk_delay", "a callable, index -> s", "something else", ""});
  return [callable = std::move(callable)](std::uint64_t index) -> Time {
    const py::gil_scoped_acquire gil;
    try {
      return time_of(callable(index).cast<double>(), "ControlLoop", "chunk_delay");
    } catch (py::error_already_set& error) {
      error.discard_as_unraisable("chunk_delay");
    } catch (const std::exception&) {
    }
    return Time(-1);  // the chunk is refused
  };
}

std::unique_ptr<Loop> make_loop(py::object robot, py::object policy, std::optional<Chain<>> chain, double control_rate,
                                double inference_rate, py::object recorder, double trace_seconds, std::optional<JointLimits> limits,
                                bool on_path, std::optional<ToolBox> tool_box, const std::string& merge, const std::string& poses,
                                double start_tolerance, py::object chunk_delay, double log_seconds, int realtime_priority,
                                bool hand_back_prefix, const std::string& heartbeat, py::object person) {
  ControlLoopOptions options{.control_rate = control_rate,
                             .inference_rate = inference_rate,
                             .chain = std::move(chain),
                             .limits = std::move(limits),
                             .merge = merge_of(merge),
                             .hand_back_prefix = hand_back_prefix,
                             .on_path = on_path,
                             .tool_box = std::move(tool_box),
                             .start_tolerance = start_tolerance,
                             .trace_seconds = trace_seconds,
                             .chunk_delay = delay_of(std::move(chunk_delay)),
                             .realtime_priority = realtime_priority};
  if (poses != "ahead" && poses != "differential")
    fail(ErrorCode::invalid_argument, {"ControlLoop", "poses", "\"ahead\" or \"differential\"", poses, ""});
  options.poses = poses == "ahead" ? PoseMode::ahead : PoseMode::differential;
  if (!person.is_none()) options.takeover_by = operator_of(std::move(person));
  return std::make_unique<Loop>(std::move(robot), std::move(policy), std::move(options), std::move(recorder), log_seconds, heartbeat);
}

}  // namespace

void bind_loop(py::module_& m) {
  py::class_<AnyRobot>(m, "AnyRobot", "A robot implemented in C++, as a module of robots hands it over.");
  py::class_<Loop>(m, "ControlLoop",
                   "Closes the loop: policy at inference_rate, commands within the limits at control_rate, on the robot's clock.")
      .def(
          py::init(&make_loop), py::arg("robot"), py::arg("policy"), py::kw_only(), py::arg("chain") = py::none(),
          py::arg("control_rate") = 200.0, py::arg("inference_rate") = 10.0, py::arg("recorder") = py::none(),
          py::arg("trace_seconds") = 60.0, py::arg("limits") = py::none(), py::arg("on_path") = false, py::arg("tool_box") = py::none(),
          py::arg("merge") = "blend", py::arg("poses") = "ahead", py::arg("start_tolerance") = 0.35, py::arg("chunk_delay") = py::none(),
          py::arg("log_seconds") = 0.0, py::arg("realtime_priority") = 0, py::arg("hand_back_prefix") = false, py::arg("heartbeat") = "",
          py::arg("operator") = py::none(),
          "robot: sinew.sim.MujocoRobot, or any object with now (s; attribute or method), wait_until(s), observe(instruction) -> "
          "Observation,\n"
          "positions() -> [dof], command([dof]), stop() and limits (sinew.motion.JointLimits). chain: base to tool, needed when the\n"
          "policy emits tool poses, and for a tool_box. Rates in Hz. limits: the user's own, beside the robot's and the card's. on_path:\n"
          "joints that cannot follow slow down all. poses: \"ahead\" or \"differential\". chunk_delay: callable, index of the inference "
          "-> s\n"
          "after the observation at which its chunk arrives, for run_for. log_seconds: room for `replay`.\n"
          "hand_back_prefix: real-time chunking, for backends that take a prefix. heartbeat: name under which `sinew-watchdog` finds it.\n"
          "operator: may take control from the policy: JogOperator, PolicyOperator, or any object with holds(observation) -> bool and\n"
          "act(observation) -> ActionChunk (joint positions, or tool poses where there is a chain); name, rate (Hz while it holds control) "
          "and\nreset() (when it takes over) are optional. What it raises is the status \"backend_failed\", with the reason in last_error.")
      .def_readwrite("instruction", &Loop::instruction, "what the policy is told")
      .def("reset", &Loop::reset, "Takes the measured positions as the start, at rest; must come before run_for.")
      .def("run_for", &Loop::run_for, py::arg("seconds"),
           "Runs for that long on the robot's clock -> status text; \"ok\", or what the latest failed inference or the robot said.")
      .def(
          "run_threaded", &Loop::run_threaded, py::arg("seconds"),
          "The same with inference in a thread of its own: the control thread does not wait for the policy; at the end the robot rests. A\n"
          "robot in Python is called from both threads, one call at a time: while its observe() holds the GIL, no command goes out. Let\n"
          "observe() release it (a camera library does), or hand over the latest frame.")
      .def_property_readonly(
          "realtime",
          [](const Loop& l) {
            const RealtimeReport& report = l.loop().realtime();
            return py::dict(py::arg("scheduled") = report.scheduled, py::arg("locked") = report.locked, py::arg("text") = report.text);
          },
          "dict: what the system gave the latest run_threaded: scheduled (SCHED_FIFO), locked (memory), text")
      .def_property_readonly(
          "halted", [](const Loop& l) { return l.loop().halted(); }, "whether the latest run ended before its time")
      .def("stop", &Loop::stop, "From the next tick on the robot brakes and stays there, until reset. From any thread.")
      .def("change_limits", &Loop::change_limits, py::arg("limits"), "Other JointLimits, between two runs: motion goes over to them.")
      .def("safety", &Loop::safety, "dict: mode, cause (the event that led there), latched (a stop), counts of events")
      .def("statistics", &Loop::statistics,
           "dict: ticks, missed_ticks, tick_time (timeline and filter) and lateness (of the wake-up) as p50, p99, p99.9 and worst, s")
      .def("replay", &Loop::replayed, py::arg("limits") = py::none(), py::arg("recording") = py::none(),
           "Computes commands again -> dict: command [ticks, dof], different (ticks that differ in any bit), first. Those since reset, "
           "which\n"
           "needs log_seconds, or those of a recording that a loop of the same make has written. With other limits: what would have been.")
      .def_property_readonly("last_error", &Loop::last_error, "what the latest run_for that did not return \"ok\" had to say")
      .def_property_readonly(
          "missed_ticks", [](const Loop& l) { return l.loop().missed_ticks(); },
          "ticks since reset that were skipped because the policy or the robot took longer than a tick")
      .def("trace", &Loop::trace,
           "dict of arrays, one row per tick: time [n] s, target, command, velocity, acceleration, measured [n, dof] (rad or m),\n"
           "status [n] uint8, mode [n], tick_time [n] s (timeline and filter), lateness [n] s, dropped (that made room for later ones)")
      .def("inferences", &Loop::inferences,
           "dict of arrays [m]: time s, observe, encode, infer, decode, resolve s, status uint8, operated (an operator held control)")
      .def(
          "chunk", [](const Loop& l) { return l.loop().latest_chunk(); }, "the latest chunk as the control thread got it")
      .def(
          "observation", [](const Loop& l) { return l.loop().latest_observation(); }, "the latest observation")
      .def_property_readonly("limits", [](const Loop& l) { return l.loop().limits(); }, "the limits that hold");
}

}  // namespace sinew
