// SPDX-License-Identifier: Apache-2.0
// Binds motion/: JointLimits, CommandFilter, ChunkTimeline.
#include <optional>

#include "bindings.hpp"
#include "sinew/core/action_chunk.hpp"
#include "sinew/motion/chunk_timeline.hpp"
#include "sinew/motion/command_filter.hpp"
#include "sinew/motion/joint_limits.hpp"

namespace sinew {

namespace py = pybind11;
using namespace bindings;

namespace {

std::vector<double> to_vector(const Doubles& array, std::string_view where, std::string_view what) {
  require_shape(array, {-1}, where, what);
  return {array.data(), array.data() + array.size()};
}

JointLimits make_limits(const Doubles& lower, const Doubles& upper, const Doubles& velocity, const Doubles& acceleration,
                        const Doubles& jerk, std::optional<std::vector<std::string>> names) {
  const std::string where = "JointLimits";
  JointLimits limits{std::move(names).value_or(std::vector<std::string>{}),
                     to_vector(lower, where, "lower"),
                     to_vector(upper, where, "upper"),
                     to_vector(velocity, where, "velocity"),
                     to_vector(acceleration, where, "acceleration"),
                     to_vector(jerk, where, "jerk")};
  validate(limits, where);
  return limits;
}

void bind_limits(py::module_& m) {
  py::class_<JointLimits>(m, "JointLimits", "Position, velocity, acceleration and jerk limits of every joint. There is no \"off\".")
      .def(py::init(&make_limits), py::arg("lower"), py::arg("upper"), py::arg("velocity"), py::arg("acceleration"), py::arg("jerk"),
           py::arg("names") = py::none(), "Each [dof]: rad or m, and their time derivatives. Raises sinew.Error that names the joint.")
      .def_property_readonly("dof", &JointLimits::dof)
      .def_readonly("names", &JointLimits::names)
      .def_property_readonly(
          "lower", [](const JointLimits& l) { return to_array(l.lower); }, "[dof] rad or m")
      .def_property_readonly(
          "upper", [](const JointLimits& l) { return to_array(l.upper); }, "[dof] rad or m")
      .def_property_readonly(
          "velocity", [](const JointLimits& l) { return to_array(l.velocity); }, "[dof] rad/s or m/s")
      .def_property_readonly(
          "acceleration", [](const JointLimits& l) { return to_array(l.acceleration); }, "[dof] rad/s^2 or m/s^2")
      .def_property_readonly("jerk", [](const JointLimits& l) { return to_array(l.jerk); }, "[dof] rad/s^3 or m/s^3");
  m.def("tightest", &tightest, py::arg("a"), py::arg("b"), "Joint by joint the tighter of two JointLimits.");
}

void reset(CommandFilter& filter, const Doubles& q, const std::optional<Doubles>& dq, const std::optional<Doubles>& ddq) {
  const py::ssize_t dof = filter.dof();
  require_shape(q, {dof}, "CommandFilter.reset", "q");
  if (dq) require_shape(*dq, {dof}, "CommandFilter.reset", "dq");
  if (ddq) require_shape(*ddq, {dof}, "CommandFilter.reset", "ddq");
  const std::span<const double> none;
  raise_unless_ok(filter.reset(as_span(q), dq ? as_span(*dq) : none, ddq ? as_span(*ddq) : none), "CommandFilter.reset",
                  "a state from which no stop within the limits exists");
}

Doubles step(CommandFilter& filter, const std::optional<Doubles>& target, std::optional<double> dt) {
  const py::ssize_t dof = filter.dof();
  if (target) require_shape(*target, {dof}, "CommandFilter.step", "target");
  const Time tick = dt ? time_of(*dt, "CommandFilter.step", "dt") : filter.dt();
  if (tick < CommandFilter::kMinTick || tick > CommandFilter::kMaxTick)
    fail(ErrorCode::invalid_argument, {"CommandFilter.step", "dt", "50e-6 to 0.1 s", fmt::format("{} s", to_seconds(tick)), ""});
  Doubles q(dof);
  const Status status =
      filter.step(target ? as_span(*target) : std::span<const double>{}, tick, {q.mutable_data(), static_cast<std::size_t>(dof)});
  if (status == Status::not_ready) fail(ErrorCode::invalid_argument, {"CommandFilter.step", "filter", "a reset first", "none", ""});
  return q;
}

void bind_filter(py::module_& m) {
  py::class_<CommandFilter>(m, "CommandFilter",
                            "Turns any stream of joint targets into commands within position, velocity, acceleration and jerk limits.")
      .def(py::init([](const JointLimits& limits, double dt) { return CommandFilter(limits, time_of(dt, "CommandFilter", "dt")); }),
           py::arg("limits"), py::arg("dt"), "dt: usual tick, s, 50e-6 to 0.1.")
      .def("reset", &reset, py::arg("q"), py::arg("dq") = py::none(), py::arg("ddq") = py::none(),
           "Starts anew from a state, each [dof]; None means zero. Ends a stop. Raises sinew.Error for a state that is not safe.")
      .def("step", &step, py::arg("target"), py::arg("dt") = py::none(),
           "Advances by dt (s; None = the usual tick) towards target [dof] (rad or m; None = no new one); returns the command q [dof].\n"
           "A target with NaN or infinity equals None; `status` is then \"not_finite\".")
      .def("stop", &CommandFilter::stop, "From the next step on brakes to rest and stays there until reset.")
      .def_property_readonly(
          "state",
          [](const CommandFilter& f) { return py::make_tuple(to_array(f.position()), to_array(f.velocity()), to_array(f.acceleration())); },
          "(q, dq, ddq), each [dof], as emitted by the last step; copies")
      .def_property_readonly(
          "status", [](const CommandFilter& f) { return std::string(to_string(f.status())); }, "Result of the last step")
      .def_property_readonly("at_rest", &CommandFilter::at_rest)
      .def_property_readonly("dof", &CommandFilter::dof)
      .def_property_readonly(
          "dt", [](const CommandFilter& f) { return to_seconds(f.dt()); }, "s")
      .def_property_readonly("limits", &CommandFilter::limits)
      .def_property_readonly("clamped_targets", &CommandFilter::clamped_targets, "Steps with a target outside the position limits")
      .def_property_readonly("interventions", &CommandFilter::interventions, "Joint steps in which the safe set overruled tracking")
      .def_property_readonly("split_ticks", &CommandFilter::split_ticks, "Joint steps whose jerk changed within the tick");
}

/// A timeline that remembers the latest time it was asked for: the default "now" of a push.
struct Timeline {
  ChunkTimeline timeline;
  std::optional<Time> latest;
};

Timeline make_timeline(int dof, int max_horizon, double blend, double validity, double max_lead, std::vector<int> hold_columns,
                       const std::optional<Doubles>& lower, const std::optional<Doubles>& upper, double tolerance) {
  const std::string_view where = "ChunkTimeline";
  ChunkTimelineOptions options{.max_horizon = max_horizon,
                               .blend = time_of(blend, where, "blend"),
                               .validity = time_of(validity, where, "validity"),
                               .max_lead = time_of(max_lead, where, "max_lead"),
                               .hold_columns = std::move(hold_columns),
                               .tolerance = tolerance};
  if (lower) options.lower = to_vector(*lower, where, "lower");
  if (upper) options.upper = to_vector(*upper, where, "upper");
  return {ChunkTimeline(dof, std::move(options)), std::nullopt};
}

void bind_timeline(py::module_& m) {
  py::class_<Timeline>(m, "ChunkTimeline", "Late, overlapping and sometimes wrong action chunks as one target for every instant.")
      .def(py::init(&make_timeline), py::arg("dof"), py::kw_only(), py::arg("max_horizon") = 128, py::arg("blend") = 0.1,
           py::arg("validity") = 0.1, py::arg("max_lead") = 2.0, py::arg("hold_columns") = std::vector<int>{},
           py::arg("lower") = py::none(), py::arg("upper") = py::none(), py::arg("tolerance") = 0.0,
           "Times in s. hold_columns: grippers, never interpolated. lower, upper: absolute envelope [dof], rad or m.")
      .def(
          "push",
          [](Timeline& self, const ActionChunk& chunk, std::optional<double> now) {
            const Time time = now ? time_of(*now, "ChunkTimeline.push", "now") : self.latest.value_or(chunk.t0);
            return std::string(to_string(self.timeline.push(chunk, time)));
          },
          py::arg("chunk"), py::arg("now") = py::none(),
          "Takes a chunk at time now (s; None = the latest time asked for, or the chunk's t0) and returns \"ok\", or refuses it and\n"
          "returns why: \"bad_shape\", \"over_capacity\", \"not_finite\", \"stale\" or \"out_of_range\".")
      .def(
          "at",
          [](Timeline& self, double t) {
            const Time time = time_of(t, "ChunkTimeline.at", "t");
            self.latest = self.latest ? std::max(*self.latest, time) : time;
            Doubles target(self.timeline.dof());
            std::fill_n(target.mutable_data(), target.size(), std::numeric_limits<double>::quiet_NaN());
            const Status status = self.timeline.at(time, {target.mutable_data(), static_cast<std::size_t>(target.size())});
            return py::make_tuple(target, std::string(to_string(status)));
          },
          py::arg("t"),
          "(target [dof], status) for time t in s: \"ok\", \"stopped\" past the validity (the last sample holds), or \"not_ready\"\n"
          "before the first push (the target is NaN).")
      .def(
          "clear", [](Timeline& self) { self.timeline.clear(), self.latest.reset(); }, "Forgets every chunk and sequence number.")
      .def_property_readonly("dof", [](const Timeline& t) { return t.timeline.dof(); })
      .def_property_readonly("empty", [](const Timeline& t) { return t.timeline.empty(); })
      .def_property_readonly("sequence", [](const Timeline& t) { return t.timeline.sequence(); })
      .def_property_readonly(
          "end", [](const Timeline& t) { return to_seconds(t.timeline.end()); }, "s; when `at` begins to say \"stopped\"");
}

}  // namespace

void bind_motion(py::module_& m) {
  py::module_ motion = m.def_submodule("motion", "Joint limits, the command filter and the chunk timeline.");
  bind_limits(motion);
  bind_filter(motion);
  bind_timeline(motion);
}

}  // namespace sinew
