// SPDX-License-Identifier: Apache-2.0
// Binds inverse kinematics: inverse, inverse_batch, differential_step.
#include "kinematics_arrays.hpp"
#include "sinew/kinematics/differential.hpp"
#include "sinew/kinematics/inverse.hpp"

namespace sinew {

namespace py = pybind11;
using namespace bindings;

namespace {

/// What inverse() and inverse_batch() take besides targets and seeds.
struct SearchArguments {
  InverseOptions<> options;
  std::optional<JointVector<>> posture;

  SearchArguments(const AnyChain& chain, std::string_view where, double tolerance, std::uint64_t seed_rng, int max_restarts,
                  const std::optional<Doubles>& given_posture, const std::string& task, const std::array<double, 3>& tool_axis,
                  const TipArgument& tip) {
    if (given_posture) posture = joints(chain, *given_posture, where, "posture");
    options = {.tolerance = tolerance,
               .max_restarts = max_restarts,
               .random_seed = seed_rng,
               .posture = posture ? &*posture : nullptr,
               .task = inverse_task(task),
               .tool_axis = tool_axis,
               .tip = checked_tip(chain, tip, where)};
  }
  SearchArguments(const SearchArguments&) = delete;
};

InverseResult<> inverse_array(const AnyChain& chain, const Doubles& target, const std::optional<Doubles>& seed, double tolerance,
                              std::uint64_t seed_rng, int max_restarts, const std::optional<Doubles>& posture, const std::string& task,
                              const std::array<double, 3>& tool_axis, const TipArgument& tip) {
  require_shape(target, {4, 4}, "inverse", "target");
  const JointVector<> start = joints_or_neutral(chain, seed, "inverse", "seed");
  const SearchArguments arguments(chain, "inverse", tolerance, seed_rng, max_restarts, posture, task, tool_axis, tip);
  Eigen::Isometry3d pose;
  pose.matrix() = Eigen::Map<const RowMajor4>(target.data());
  ChainScratch<> scratch;
  const py::gil_scoped_release release;
  return inverse(chain, pose, start, scratch, arguments.options);
}

py::tuple inverse_batch_arrays(const AnyChain& chain, const Doubles& targets, const std::optional<Doubles>& seeds, double tolerance,
                               std::uint64_t seed_rng, int max_restarts, const std::optional<Doubles>& posture, const std::string& task,
                               const std::array<double, 3>& tool_axis, const TipArgument& tip) {
  const SearchArguments arguments(chain, "inverse_batch", tolerance, seed_rng, max_restarts, posture, task, tool_axis, tip);
  require_shape(targets, {-1, 4, 4}, "inverse_batch", "targets");
  const py::ssize_t count = targets.shape(0);
  Doubles start = seeds ? *seeds : Doubles({count, py::ssize_t{chain.dof()}});
  require_shape(start, {count, chain.dof()}, "inverse_batch", "seeds");
  if (!seeds) {
    for (py::ssize_t i = 0; i < count; ++i) Eigen::Map<Eigen::VectorXd>(start.mutable_data(i, 0), chain.dof()) = chain.neutral();
  }
  Doubles q({count, py::ssize_t{chain.dof()}});
  py::array_t<std::uint8_t> status(count);
  static_assert(sizeof(InverseStatus) == 1 && static_cast<int>(InverseStatus::converged) == 0);
  const std::span<double> q_out(q.mutable_data(), static_cast<std::size_t>(q.size()));
  const std::span status_out(reinterpret_cast<InverseStatus*>(status.mutable_data()), static_cast<std::size_t>(count));
  {
    ChainScratch<> scratch;
    const py::gil_scoped_release release;
    inverse_batch(chain, as_span(targets), as_span(start), q_out, status_out, scratch, arguments.options);
  }
  return py::make_tuple(q, status);
}

DifferentialResult<> differential_arrays(const AnyChain& chain, const Doubles& q, const Doubles& twist, double dt,
                                         const std::optional<Doubles>& posture, const std::string& task,
                                         const std::array<double, 3>& tool_axis, const TipArgument& tip, double speed_scale) {
  require_shape(twist, {6}, "differential_step", "twist");
  std::optional<JointVector<>> drawn_to;
  if (posture) drawn_to = joints(chain, *posture, "differential_step", "posture");
  ChainScratch<> scratch;
  return differential_step(chain, joints(chain, q, "differential_step"), Eigen::Map<const Twist>(twist.data()), dt, scratch,
                           {.task = inverse_task(task),
                            .tool_axis = tool_axis,
                            .tip = checked_tip(chain, tip, "differential_step"),
                            .speed_scale = speed_scale,
                            .posture = drawn_to ? &*drawn_to : nullptr});
}

void bind_differential(py::module_& m) {
  py::class_<DifferentialResult<>>(m, "DifferentialResult", "Where differential_step() leads; true when the arguments were good.")
      .def_property_readonly(
          "status", [](const DifferentialResult<>& r) { return std::string(to_string(r.status)); },
          "\"ok\", or \"not_finite\" or \"out_of_range\" for arguments, and then q is NaN")
      .def_property_readonly(
          "q", [](const DifferentialResult<>& r) { return to_array(r.q); }, "rad or m after the period, inside the limits, float64 [dof]")
      .def_property_readonly(
          "dq", [](const DifferentialResult<>& r) { return to_array(r.dq); }, "rad/s or m/s, float64 [dof]")
      .def_readonly("speed_fraction", &DifferentialResult<>::speed_fraction, "Share of the commanded speed that the limits left.")
      .def_readonly("manipulability", &DifferentialResult<>::manipulability)
      .def("__bool__", [](const DifferentialResult<>& r) { return static_cast<bool>(r); });
  m.def("differential_step", &differential_arrays, py::arg("chain"), py::arg("q"), py::arg("twist"), py::arg("dt"), py::kw_only(),
        py::arg("posture") = py::none(), py::arg("task") = "pose", py::arg("tool_axis") = DifferentialOptions<>().tool_axis,
        py::arg("tip") = 0, py::arg("speed_scale") = 1.0,
        "Joint positions dt (s) after q [dof] for a tip that moves with twist [6] (m/s, rad/s, base axes): inside the position "
        "limits (a q outside is led back), never faster than the speed limits.");
}

}  // namespace

void bind_inverse(py::module_& m) {
  py::class_<InverseResult<>>(m, "InverseResult", "What inverse() found; true when converged.")
      .def_property_readonly(
          "status", [](const InverseResult<>& r) { return std::string(to_string(r.status)); },
          "\"converged\", \"stalled\", \"unreachable\" or \"bad_input\"")
      .def_property_readonly(
          "q", [](const InverseResult<>& r) { return to_array(r.q); }, "rad or m, float64 [dof]; the best found, inside the limits")
      .def_readonly("residual", &InverseResult<>::residual, "Larger of position error (m) and angle (rad) at q.")
      .def_readonly("iterations", &InverseResult<>::iterations)
      .def_readonly("restarts", &InverseResult<>::restarts, "0: the caller's seed led to q.")
      .def("__bool__", [](const InverseResult<>& r) { return static_cast<bool>(r); });
  const InverseOptions<> defaults;
  bind_differential(m);
  m.def("inverse", &inverse_array, py::arg("chain"), py::arg("target"), py::arg("seed") = py::none(), py::kw_only(),
        py::arg("tolerance") = defaults.tolerance, py::arg("seed_rng") = 0, py::arg("max_restarts") = defaults.max_restarts,
        py::arg("posture") = py::none(), py::arg("task") = "pose", py::arg("tool_axis") = defaults.tool_axis, py::arg("tip") = 0,
        "Joint positions inside the limits for base_from_tip = target [4, 4] (m). seed, posture: [dof], rad or m; None starts at neutral.\n"
        "tolerance: m and rad. posture: where a redundant chain is drawn to on its way.\n"
        "status \"unreachable\": too far, or no seed got there, which is not always a proof. max_restarts = 0 looks only where the seed "
        "leads.\n"
        "task: \"pose\", \"position\", \"axis\" (direction of tool_axis) or \"free_yaw\" (position and tool_axis).");
  m.def("inverse_batch", &inverse_batch_arrays, py::arg("chain"), py::arg("targets"), py::arg("seeds") = py::none(), py::kw_only(),
        py::arg("tolerance") = defaults.tolerance, py::arg("seed_rng") = 0, py::arg("max_restarts") = defaults.max_restarts,
        py::arg("posture") = py::none(), py::arg("task") = "pose", py::arg("tool_axis") = defaults.tool_axis, py::arg("tip") = 0,
        "targets [n, 4, 4], seeds [n, dof] -> q [n, dof], status uint8 [n]: 0 converged, 1 stalled, 2 unreachable, 3 bad input.");
}

}  // namespace sinew
