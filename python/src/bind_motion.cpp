// SPDX-License-Identifier: Apache-2.0
// Binds motion/: JointLimits, CommandFilter, ChunkTimeline.
#include <optional>

#include "bind_timeline.hpp"
#include "bindings.hpp"
#include "sinew/core/action_chunk.hpp"
#include "sinew/motion/chain_limits.hpp"
#include "sinew/motion/command_filter.hpp"
#include "sinew/motion/joint_limits.hpp"
#include "sinew/motion/stopping.hpp"

namespace sinew {

namespace py = pybind11;
using namespace bindings;

namespace {

JointLimits make_limits(const Doubles& lower, const Doubles& upper, const Doubles& velocity, const Doubles& acceleration,
                        const Doubles& jerk, std::optional<std::vector<std::string>> names, bool partial) {
  const std::string where = "JointLimits";
  JointLimits limits{std::move(names).value_or(std::vector<std::string>{}),
                     to_vector(lower, where, "lower"),
                     to_vector(upper, where, "upper"),
                     to_vector(velocity, where, "velocity"),
                     to_vector(acceleration, where, "acceleration"),
                     to_vector(jerk, where, "jerk")};
  if (!partial) validate(limits, where);
  return limits;
}

py::dict sources_dict(const JointLimits& limits) {
  const LimitSources& s = limits.sources;
  return py::dict(py::arg("lower") = s.lower, py::arg("upper") = s.upper, py::arg("velocity") = s.velocity,
                  py::arg("acceleration") = s.acceleration, py::arg("jerk") = s.jerk);
}

void bind_limits(py::module_& m) {
  py::class_<JointLimits>(m, "JointLimits", "Position, velocity, acceleration and jerk limits of every joint. There is no \"off\".")
      .def(py::init(&make_limits), py::arg("lower"), py::arg("upper"), py::arg("velocity"), py::arg("acceleration"), py::arg("jerk"),
           py::arg("names") = py::none(), py::kw_only(), py::arg("partial") = false,
           "Each [dof]: rad or m, and their time derivatives. partial: numbers may be left open (infinite), for `combined`. Raises\n"
           "sinew.Error that names the joint.")
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
      .def_property_readonly(
          "jerk", [](const JointLimits& l) { return to_array(l.jerk); }, "[dof] rad/s^3 or m/s^3")
      .def_property_readonly("sources", &sources_dict, "where each number comes from: dict of [dof] lists, empty where nobody said")
      .def("__str__", &describe);
  m.def(
      "combined", [](const std::vector<JointLimits>& limits) { return combined(limits); }, py::arg("limits"),
      "Number by number the tightest of several JointLimits, with its source; what nobody states is refused.");
  m.def("labelled", &labelled, py::arg("limits"), py::arg("source"), "The same limits, every number with this source.");
  m.def("limits_from_chain", &limits_from_chain, py::arg("chain"), py::arg("source"),
        "Position and velocity limits of a kinematics.Chain; acceleration and jerk are left open, for `combined`.");
  m.def(
      "stop_bounds",
      [](const JointLimits& limits, double dt) {
        const auto bounds = stop_bounds(limits, time_of(dt, "stop_bounds", "dt"));
        Doubles seconds(static_cast<py::ssize_t>(bounds.size())), distance(static_cast<py::ssize_t>(bounds.size()));
        for (std::size_t i = 0; i < bounds.size(); ++i) {
          seconds.mutable_at(static_cast<py::ssize_t>(i)) = bounds[i].seconds;
          distance.mutable_at(static_cast<py::ssize_t>(i)) = bounds[i].distance;
        }
        return py::make_tuple(seconds, distance);
      },
      py::arg("limits"), py::arg("dt"),
      "(seconds [dof], distance [dof] rad or m) of the longest stop from any state within the limits, at ticks of dt (s).");
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

Doubles brake(CommandFilter& filter, std::optional<double> dt) {
  Doubles q(filter.dof());
  const Time tick = dt ? time_of(*dt, "CommandFilter.brake", "dt") : filter.dt();
  raise_unless_ok(
      filter.brake(tick, {q.mutable_data(), static_cast<std::size_t>(q.size())}) == Status::stopped ? Status::ok : filter.status(),
      "CommandFilter.brake", "a reset first, and a tick of 50e-6 to 0.1 s");
  return q;
}

py::tuple along_stop(const CommandFilter& filter, double after) {
  Doubles q(filter.dof()), dq(filter.dof());
  raise_unless_ok(
      filter.along_stop(time_of(after, "CommandFilter.along_stop", "after"), {q.mutable_data(), static_cast<std::size_t>(q.size())},
                        {dq.mutable_data(), static_cast<std::size_t>(dq.size())}),
      "CommandFilter.along_stop", "a reset first");
  return py::make_tuple(q, dq);
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
      .def("brake", &brake, py::arg("dt") = py::none(), "One tick along the stops of all joints -> q [dof].")
      .def(
          "change_limits",
          [](CommandFilter& f, const JointLimits& limits) {
            raise_unless_ok(f.change_limits(limits), "CommandFilter.change_limits", "limits that a filter could be made with");
          },
          py::arg("limits"), "Takes other limits in motion; the old ones hold until each joint keeps the new: `in_transition`.")
      .def_property_readonly("in_transition", py::overload_cast<>(&CommandFilter::in_transition, py::const_))
      .def(
          "set_speed_scale",
          [](CommandFilter& f, double scale) { raise_unless_ok(f.set_speed_scale(scale), "CommandFilter.set_speed_scale", "0.001 to 1"); },
          py::arg("scale"), "Share of the velocity limits that tracking uses, 0.001 to 1.")
      .def_property_readonly(
          "stop_time", [](const CommandFilter& f) { return to_seconds(f.stop_time()); }, "s, of a stop from the present state")
      .def("along_stop", &along_stop, py::arg("after"), "(q, dq), each [dof], `after` seconds of a stop from the present state")
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

ActionSpace space_of(const std::string& name) {
  for (const ActionSpace space : {ActionSpace::joint_position, ActionSpace::tool_pose, ActionSpace::base_pose})
    if (name == to_string(space)) return space;
  fail(ErrorCode::invalid_argument, {"ChunkTimeline", "space", "\"joint_position\", \"tool_pose\" or \"base_pose\"", name, ""});
}

Timeline make_timeline(int dof, int max_horizon, const std::string& merge, double blend, double ensemble_coefficient, int ensemble_chunks,
                       double validity, double max_lead, double max_age, double dt, std::vector<int> hold_columns,
                       std::vector<int> quaternion_columns, const std::string& space, const std::optional<Doubles>& lower,
                       const std::optional<Doubles>& upper, double tolerance) {
  const std::string_view where = "ChunkTimeline";
  ChunkTimelineOptions options{.max_horizon = max_horizon,
                               .merge = merge_of(merge),
                               .blend = time_of(blend, where, "blend"),
                               .ensemble_coefficient = ensemble_coefficient,
                               .ensemble_chunks = ensemble_chunks,
                               .validity = time_of(validity, where, "validity"),
                               .max_lead = time_of(max_lead, where, "max_lead"),
                               .max_age = time_of(max_age, where, "max_age"),
                               .dt = time_of(dt, where, "dt"),
                               .space = space_of(space),
                               .hold_columns = std::move(hold_columns),
                               .quaternion_columns = std::move(quaternion_columns),
                               .tolerance = tolerance};
  if (lower) options.lower = to_vector(*lower, where, "lower");
  if (upper) options.upper = to_vector(*upper, where, "upper");
  return {ChunkTimeline(dof, std::move(options)), std::nullopt};
}

void bind_timeline(py::module_& m) {
  py::class_<Timeline>(m, "ChunkTimeline", "Late, overlapping and sometimes wrong action chunks as one target for every instant.")
      .def(py::init(&make_timeline), py::arg("dof"), py::kw_only(), py::arg("max_horizon") = 128, py::arg("merge") = "blend",
           py::arg("blend") = 0.1, py::arg("ensemble_coefficient") = 0.01, py::arg("ensemble_chunks") = 16, py::arg("validity") = 0.1,
           py::arg("max_lead") = 2.0, py::arg("max_age") = 2.0, py::arg("dt") = 0.0, py::arg("hold_columns") = std::vector<int>{},
           py::arg("quaternion_columns") = std::vector<int>{}, py::arg("space") = "joint_position", py::arg("lower") = py::none(),
           py::arg("upper") = py::none(), py::arg("tolerance") = 0.0,
           "Times in s. merge: \"replace\", \"blend\" or \"ensemble\". dt: the only step that is accepted; 0 = any. hold_columns: "
           "grippers, never\n"
           "interpolated. quaternion_columns: the first of w x y z each, by slerp. lower, upper: absolute envelope [dof], rad or m.")
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
      .def(
          "delay", [](Timeline& t, double by) { t.timeline.delay(time_of(by, "ChunkTimeline.delay", "by")); }, py::arg("by"),
          "Moves the plan later, s.")
      .def(
          "first_row_after",
          [](const Timeline& t, double now) { return t.timeline.first_row_after(time_of(now, "ChunkTimeline.first_row_after", "now")); },
          py::arg("now"), "The first row of the accepted chunk that is due after now (s): where a prefix for real-time chunking begins.")
      .def_property_readonly("dof", [](const Timeline& t) { return t.timeline.dof(); })
      .def_property_readonly("empty", [](const Timeline& t) { return t.timeline.empty(); })
      .def_property_readonly("sequence", [](const Timeline& t) { return t.timeline.sequence(); })
      .def_property_readonly(
          "end", [](const Timeline& t) { return to_seconds(t.timeline.end()); }, "s; when `at` begins to say \"stopped\"");
}

}  // namespace

void bind_motion_guards(py::module_& m);

void bind_motion(py::module_& m) {
  py::module_ motion = m.def_submodule("motion", "Joint limits, the command filter and the chunk timeline.");
  bind_limits(motion);
  bind_filter(motion);
  bind_timeline(motion);
  bind_motion_guards(motion);
}

}  // namespace sinew
