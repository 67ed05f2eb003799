// SPDX-License-Identifier: Apache-2.0
// Binds kinematics/: Chain, forward, jacobian, frames, inverse, batches; rotations and cameras have files of their own.
#include "bindings.hpp"
#include "sinew/kinematics/inverse.hpp"
#include "sinew/kinematics/jacobian.hpp"

namespace sinew {

namespace py = pybind11;
using namespace bindings;

namespace {

using AnyChain = Chain<>;
using RowMajor4 = Eigen::Matrix<double, 4, 4, Eigen::RowMajor>;

Doubles to_array(const JointVector<>& q) { return bindings::to_array({q.data(), static_cast<std::size_t>(q.size())}); }

Doubles to_array(const Eigen::Isometry3d& pose) {
  const RowMajor4 rows = pose.matrix();
  return bindings::to_array({rows.data(), 16}, {4, 4});
}

Eigen::Map<const Eigen::VectorXd> joints(const AnyChain& chain, const Doubles& q, std::string_view where, std::string_view what = "q") {
  require_shape(q, {chain.dof()}, where, what);
  return {q.data(), chain.dof()};
}

JointVector<> joints_or_neutral(const AnyChain& chain, const std::optional<Doubles>& q, std::string_view where, std::string_view what) {
  return q ? JointVector<>(joints(chain, *q, where, what)) : chain.neutral();
}

Doubles forward_batch_array(const AnyChain& chain, const Doubles& q, const py::object& out) {
  require_shape(q, {-1, chain.dof()}, "forward_batch", "q");
  const bool given = !out.is_none();
  // Written in place or refused: a converted copy would leave the caller's array as it was.
  if (given && (!Doubles::check_(out) || !py::cast<py::array>(out).writeable()))
    fail(ErrorCode::invalid_argument, {"forward_batch", "out", "a writeable C-contiguous float64 array", "something else", ""});
  Doubles poses = given ? py::cast<Doubles>(out) : Doubles({q.shape(0), py::ssize_t{4}, py::ssize_t{4}});
  require_shape(poses, {q.shape(0), 4, 4}, "forward_batch", "out");
  if (given && py::module_::import("numpy").attr("may_share_memory")(poses, q).cast<bool>())
    fail(ErrorCode::invalid_argument, {"forward_batch", "out", "memory of its own", "memory that q uses too", ""});
  const std::span<double> target(poses.mutable_data(), static_cast<std::size_t>(poses.size()));
  const py::gil_scoped_release release;
  forward_batch(chain, as_span(q), target);
  return poses;
}

Doubles jacobian_array(const AnyChain& chain, const Doubles& q) {
  Eigen::Matrix<double, 6, Eigen::Dynamic> J(6, chain.dof());
  jacobian(chain, joints(chain, q, "jacobian"), J);
  const Eigen::Matrix<double, 6, Eigen::Dynamic, Eigen::RowMajor> rows = J;
  return bindings::to_array({rows.data(), static_cast<std::size_t>(rows.size())}, {6, chain.dof()});
}

py::dict frames_dict(const AnyChain& chain, const Doubles& q) {
  const auto names = chain.frame_names();
  std::vector<Eigen::Isometry3d> poses(names.size());
  frames(chain, joints(chain, q, "frames"), poses);
  py::dict result;
  for (std::size_t i = 0; i < names.size(); ++i) result[py::str(names[i])] = to_array(poses[i]);
  return result;
}

InverseResult<> inverse_array(const AnyChain& chain, const Doubles& target, const std::optional<Doubles>& seed, double tolerance,
                              std::uint64_t seed_rng, int max_restarts, const std::optional<Doubles>& posture) {
  require_shape(target, {4, 4}, "inverse", "target");
  const JointVector<> start = joints_or_neutral(chain, seed, "inverse", "seed");
  const JointVector<> elbow = joints_or_neutral(chain, posture, "inverse", "posture");
  Eigen::Isometry3d pose;
  pose.matrix() = Eigen::Map<const RowMajor4>(target.data());
  ChainScratch<> scratch;
  const py::gil_scoped_release release;
  return inverse(chain, pose, start, scratch,
                 {.tolerance = tolerance, .max_restarts = max_restarts, .random_seed = seed_rng, .posture = posture ? &elbow : nullptr});
}

py::tuple inverse_batch_arrays(const AnyChain& chain, const Doubles& targets, const std::optional<Doubles>& seeds, double tolerance) {
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
    inverse_batch(chain, as_span(targets), as_span(start), q_out, status_out, scratch, {.tolerance = tolerance});
  }
  return py::make_tuple(q, status);
}

void bind_chain_type(py::module_& m) {
  py::class_<AnyChain>(m, "Chain", "A serial chain between two links of a robot; immutable, safe to share between threads.")
      .def_static(
          "from_urdf",
          [](const py::object& path_or_xml, const std::string& base, const std::string& tip) {
            return AnyChain::from_urdf(py::module_::import("os").attr("fspath")(path_or_xml).cast<std::string>(), base, tip);
          },
          py::arg("path_or_xml"), py::arg("base"), py::arg("tip"),
          "The path from link `base` to link `tip` of a URDF file or text (first character '<'). Mimic joints are honoured.")
      .def_property_readonly("dof", &AnyChain::dof, "Number of independent joints.")
      .def_property_readonly("joint_names", &AnyChain::joint_names, "Names of the independent joints, base to tip, [dof].")
      .def_property_readonly(
          "lower", [](const AnyChain& c) { return to_array(c.lower()); }, "rad or m, float64 [dof]; -inf where endless")
      .def_property_readonly(
          "upper", [](const AnyChain& c) { return to_array(c.upper()); }, "rad or m, float64 [dof]; +inf where endless")
      .def_property_readonly(
          "velocity", [](const AnyChain& c) { return to_array(c.velocity()); }, "rad/s or m/s, float64 [dof]; inf where not stated")
      .def_property_readonly(
          "effort", [](const AnyChain& c) { return to_array(c.effort()); }, "N m or N, float64 [dof]; inf where not stated")
      .def_property_readonly(
          "continuous", [](const AnyChain& c) { return std::vector<bool>(c.continuous().begin(), c.continuous().end()); },
          "True where a joint turns without end, [dof].")
      .def_property_readonly(
          "neutral", [](const AnyChain& c) { return to_array(c.neutral()); }, "0 where the limits allow it, else mid-range; float64 [dof]")
      .def_property_readonly("frame_names", &AnyChain::frame_names, "Links that the chain carries.")
      .def_property_readonly("warnings", &AnyChain::warnings, "What is odd about the description, with joint and line.")
      .def("__repr__", [](const AnyChain& c) {
        return fmt::format("<sinew.kinematics.Chain {} -> {}, {} joints>", c.program().base, c.program().tip, c.dof());
      });
}

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
  m.def("inverse", &inverse_array, py::arg("chain"), py::arg("target"), py::arg("seed") = py::none(), py::kw_only(),
        py::arg("tolerance") = 1e-6, py::arg("seed_rng") = 0, py::arg("max_restarts") = InverseOptions<>().max_restarts,
        py::arg("posture") = py::none(),
        "Joint positions inside the limits for base_from_tip = target [4, 4] (m). seed, posture: [dof], rad or m; None starts at neutral.\n"
        "tolerance: m and rad. posture: where a redundant chain is drawn to. max_restarts = 0 looks only where the seed leads.");
  m.def("inverse_batch", &inverse_batch_arrays, py::arg("chain"), py::arg("targets"), py::arg("seeds") = py::none(), py::kw_only(),
        py::arg("tolerance") = 1e-6,
        "targets [n, 4, 4], seeds [n, dof] -> q [n, dof], status uint8 [n]: 0 converged, 1 stalled, 2 unreachable, 3 bad input.");
}

}  // namespace

void bind_rotation(py::module_& kinematics);
void bind_camera(py::module_& kinematics);

void bind_kinematics(py::module_& top) {
  py::module_ m = top.def_submodule("kinematics", "Poses, Jacobians and joint solutions of serial chains. float64, m, rad.");
  bind_chain_type(m);
  m.def(
      "forward", [](const AnyChain& c, const Doubles& q) { return to_array(forward(c, joints(c, q, "forward"))); }, py::arg("chain"),
      py::arg("q"), "q [dof], rad or m -> base_from_tip [4, 4], m.");
  m.def("forward_batch", &forward_batch_array, py::arg("chain"), py::arg("q"), py::arg("out") = py::none(),
        "q [n, dof] -> base_from_tip [n, 4, 4]; written into `out` (C-contiguous float64) when given.");
  m.def("jacobian", &jacobian_array, py::arg("chain"), py::arg("q"),
        "q [dof] -> [6, dof]: linear rows first, reference point at the tip, base axes.");
  m.def("frames", &frames_dict, py::arg("chain"), py::arg("q"), "q [dof] -> dict of frame name -> base_from_frame [4, 4].");
  bind_inverse(m);
  bind_rotation(m);
  bind_camera(m);
}

}  // namespace sinew
