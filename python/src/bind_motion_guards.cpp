// SPDX-License-Identifier: Apache-2.0
// Binds motion/: VelocityFilter, PathGovernor, ToolBox, ToolGuard.
#include <optional>

#include "bind_timeline.hpp"
#include "bindings.hpp"
#include "sinew/motion/path_governor.hpp"
#include "sinew/motion/tool_box.hpp"
#include "sinew/motion/velocity_filter.hpp"

namespace sinew {

namespace py = pybind11;
using namespace bindings;

namespace {

void bind_velocity_filter(py::module_& m) {
  py::class_<VelocityFilter>(m, "VelocityFilter",
                             "Turns any stream of velocity targets of a base into commands within velocity, acceleration and jerk limits.")
      .def(py::init([](const Doubles& velocity, const Doubles& acceleration, const Doubles& jerk, double dt) {
             const std::string_view where = "VelocityFilter";
             return VelocityFilter({{},
                                    to_vector(velocity, where, "velocity"),
                                    to_vector(acceleration, where, "acceleration"),
                                    to_vector(jerk, where, "jerk")},
                                   time_of(dt, where, "dt"));
           }),
           py::arg("velocity"), py::arg("acceleration"), py::arg("jerk"), py::arg("dt"),
           "Limits [axes], m/s or rad/s and their derivatives, symmetric in sign. dt: usual tick, s.")
      .def(
          "reset",
          [](VelocityFilter& f, const std::optional<Doubles>& velocity, const std::optional<Doubles>& acceleration) {
            const std::span<const double> none;
            raise_unless_ok(f.reset(velocity ? as_span(*velocity) : none, acceleration ? as_span(*acceleration) : none),
                            "VelocityFilter.reset", "a state from which no release within the limits exists");
          },
          py::arg("velocity") = py::none(), py::arg("acceleration") = py::none(), "Starts anew, each [axes]; None means zero.")
      .def(
          "step",
          [](VelocityFilter& f, const std::optional<Doubles>& target, std::optional<double> dt) {
            Doubles out(f.axes());
            const std::span<const double> wanted = target ? as_span(*target) : std::span<const double>{};
            const std::span<double> to{out.mutable_data(), static_cast<std::size_t>(out.size())};
            const Status status = dt ? f.step(wanted, time_of(*dt, "VelocityFilter.step", "dt"), to) : f.step(wanted, to);
            if (status == Status::not_ready)
              fail(ErrorCode::invalid_argument, {"VelocityFilter.step", "filter", "a reset first", "none", ""});
            return out;
          },
          py::arg("target"), py::arg("dt") = py::none(),
          "Advances towards target [axes] (None = zero: a base that hears nothing stops) -> velocity command [axes]. What is not finite or "
          "of\n"
          "another size means zero; `status` says so.")
      .def("stop", &VelocityFilter::stop, "From the next step on the target is zero, until reset.")
      .def_property_readonly(
          "state", [](const VelocityFilter& f) { return py::make_tuple(to_array(f.velocity()), to_array(f.acceleration())); },
          "(velocity, acceleration), each [axes], as emitted")
      .def_property_readonly("status", [](const VelocityFilter& f) { return std::string(to_string(f.status())); })
      .def_property_readonly("at_rest", &VelocityFilter::at_rest)
      .def_property_readonly("interventions", &VelocityFilter::interventions)
      .def_property_readonly("clamped_targets", &VelocityFilter::clamped_targets);
}

void bind_governor(py::module_& m) {
  py::class_<PathGovernor>(m, "PathGovernor", "Slows time along a timeline's plan, so that joints stay on its path when one cannot follow.")
      .def(py::init([](const JointLimits& limits, double dt, double lookahead, int samples, double share) {
             return PathGovernor(limits, time_of(dt, "PathGovernor", "dt"),
                                 {.lookahead = time_of(lookahead, "PathGovernor", "lookahead"), .samples = samples, .share = share});
           }),
           py::arg("limits"), py::arg("dt"), py::kw_only(), py::arg("lookahead") = 0.4, py::arg("samples") = 20, py::arg("share") = 0.85,
           "dt: usual tick, s. lookahead: s of the plan that is looked at. share: of each limit that the plan may ask for.")
      .def(
          "apply",
          [](PathGovernor& g, Timeline& timeline, double end, double dt) {
            return g.apply(timeline.timeline, time_of(end, "PathGovernor.apply", "end"), time_of(dt, "PathGovernor.apply", "dt"));
          },
          py::arg("timeline"), py::arg("end"), py::arg("dt"),
          "Before the tick that ends at `end` (s): delays the plan -> rate of time, 0 to 1.")
      .def("reset", &PathGovernor::reset)
      .def_property_readonly("rate", &PathGovernor::rate);
}

ToolBox make_box(std::optional<std::array<double, 3>> lower, std::optional<std::array<double, 3>> upper,
                 const std::vector<std::pair<std::array<double, 3>, double>>& planes, double speed, std::array<double, 3> point) {
  ToolBox box{.point = point, .speed = speed};
  if (lower) box.lower = *lower;
  if (upper) box.upper = *upper;
  for (const auto& [normal, offset] : planes) box.planes.push_back({normal, offset});
  return box;
}

void bind_guard(py::module_& m) {
  py::class_<ToolBox>(m, "ToolBox", "Where a point of the tool may be and how fast it may go; base frame of the chain, m and m/s.")
      .def(py::init(&make_box), py::kw_only(), py::arg("lower") = py::none(), py::arg("upper") = py::none(),
           py::arg("planes") = std::vector<std::pair<std::array<double, 3>, double>>{}, py::arg("speed") = 1.0,
           py::arg("point") = std::array<double, 3>{0, 0, 0},
           "lower, upper: keep-in box [3]; None = open. planes: [(normal [3], offset)], allowed where normal . p >= offset. point: in the\n"
           "frame of the tip.");
  py::class_<ToolGuard>(m, "ToolGuard", "Steps a CommandFilter so that the tool keeps a ToolBox: it slows down, stops inside, never jumps.")
      .def(py::init([](const Chain<>& chain, const ToolBox& box, const CommandFilter& filter) { return ToolGuard(chain, box, filter); }),
           py::arg("chain"), py::arg("box"), py::arg("filter"), "The chain's joints are the first ones of the filter.")
      .def(
          "step",
          [](ToolGuard& g, CommandFilter& filter, const std::optional<Doubles>& target, std::optional<double> dt) {
            Doubles q(filter.dof());
            const Time tick = dt ? time_of(*dt, "ToolGuard.step", "dt") : filter.dt();
            const Status status = g.step(filter, target ? as_span(*target) : std::span<const double>{}, tick,
                                         {q.mutable_data(), static_cast<std::size_t>(q.size())});
            if (status == Status::not_ready || status == Status::bad_shape)
              fail(ErrorCode::invalid_argument,
                   {"ToolGuard.step", "filter", "the filter it was made for, after a reset", std::string(to_string(status)), ""});
            return py::make_tuple(q, std::string(to_string(status)));
          },
          py::arg("filter"), py::arg("target"), py::arg("dt") = py::none(), "In place of filter.step -> (q [dof], status).")
      .def_property_readonly("interventions", &ToolGuard::interventions, "ticks that were refused");
}

}  // namespace

void bind_motion_guards(py::module_& m) {
  bind_velocity_filter(m);
  bind_governor(m);
  bind_guard(m);
}

}  // namespace sinew
