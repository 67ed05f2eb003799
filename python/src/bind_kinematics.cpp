// SPDX-License-Identifier: Apache-2.0
// Binds kinematics/: Chain, forward, jacobian, frames, batches; inverse, rotations and cameras have files of their own.
#include <variant>

#include "kinematics_arrays.hpp"
#include "sinew/kinematics/jacobian.hpp"

namespace sinew {

void bind_inverse(pybind11::module_& m);
void bind_rotation(pybind11::module_& m);
void bind_camera(pybind11::module_& m);

namespace py = pybind11;
using namespace bindings;

namespace {

Doubles forward_array(const AnyChain& chain, const Doubles& q, const TipArgument& tip) {
  return to_array(forward(chain, joints(chain, q, "forward"), checked_tip(chain, tip, "forward")));
}

Doubles forward_batch_array(const AnyChain& chain, const Doubles& q, const py::object& out, const TipArgument& tip) {
  const int index = checked_tip(chain, tip, "forward_batch");
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
  forward_batch(chain, as_span(q), target, index);
  return poses;
}

Doubles jacobian_array(const AnyChain& chain, const Doubles& q, const std::string& frame, const TipArgument& tip) {
  Eigen::Matrix<double, 6, Eigen::Dynamic> J(6, chain.dof());
  jacobian(chain, joints(chain, q, "jacobian"), J, {.frame = twist_frame(frame), .tip = checked_tip(chain, tip, "jacobian")});
  const Eigen::Matrix<double, 6, Eigen::Dynamic, Eigen::RowMajor> rows = J;
  return bindings::to_array({rows.data(), static_cast<std::size_t>(rows.size())}, {6, chain.dof()});
}

py::tuple jacobian_batch_arrays(const AnyChain& chain, const Doubles& q, const TipArgument& tip) {
  require_shape(q, {-1, chain.dof()}, "jacobian_batch", "q");
  const int index = checked_tip(chain, tip, "jacobian_batch");
  Doubles poses({q.shape(0), py::ssize_t{4}, py::ssize_t{4}}), J({q.shape(0), py::ssize_t{6}, py::ssize_t{chain.dof()}});
  const std::span<double> poses_out(poses.mutable_data(), static_cast<std::size_t>(poses.size()));
  const std::span<double> J_out(J.mutable_data(), static_cast<std::size_t>(J.size()));
  {
    const py::gil_scoped_release release;
    jacobian_batch(chain, as_span(q), poses_out, J_out, index);
  }
  return py::make_tuple(poses, J);
}

py::dict frames_dict(const AnyChain& chain, const Doubles& q) {
  const auto& names = chain.frame_names();
  std::vector<Eigen::Isometry3d> poses(names.size());
  frames(chain, joints(chain, q, "frames"), poses);
  py::dict result;
  for (std::size_t i = 0; i < names.size(); ++i) result[py::str(names[i])] = to_array(poses[i]);
  return result;
}

void bind_chain_type(py::module_& m) {
  py::class_<AnyChain>(m, "Chain", "A serial chain between two links of a robot; immutable, safe to share between threads.")
      .def_static(
          "from_urdf",
          [](const py::object& path_or_xml, const std::string& base, const std::variant<std::string, std::vector<std::string>>& tip,
             bool treat_as_continuous, bool soft_limits) {
            const auto text = py::module_::import("os").attr("fspath")(path_or_xml).cast<std::string>();
            const auto* one = std::get_if<std::string>(&tip);
            return AnyChain::from_urdf(text, base, one != nullptr ? std::vector{*one} : std::get<1>(tip),
                                       {.treat_as_continuous = treat_as_continuous, .soft_limits = soft_limits});
          },
          py::arg("path_or_xml"), py::arg("base"), py::arg("tip"), py::kw_only(), py::arg("treat_as_continuous") = false,
          py::arg("soft_limits") = false,
          "The joints from link `base` to link `tip`, or to several, of a URDF file or text (first character '<'). Mimic joints are "
          "honoured.\ntreat_as_continuous: revolute joints without limits turn without end. soft_limits: those of the safety controller "
          "count as well.")
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
      .def_property_readonly(
          "tips", [](const AnyChain& c) { return c.description().tips; },
          "Names of the tips; `tip` of the functions is one of them or its index.")
      .def_property_readonly(
          "limit_sources", [](const AnyChain& c) { return c.description().limit_sources; },
          "Where each position limit comes from: \"stated\", \"defaulted\", \"soft\", \"endless\" or \"follower '…'\", [dof].")
      .def_property_readonly("frame_names", &AnyChain::frame_names, "Links that the chain carries.")
      .def_property_readonly("warnings", &AnyChain::warnings, "What is odd about the description, with joint and line.")
      .def("__repr__", [](const AnyChain& c) {
        return fmt::format("<sinew.kinematics.Chain {} -> {}, {} joints>", c.description().base, fmt::join(c.description().tips, ", "),
                           c.dof());
      });
}

}  // namespace

void bind_kinematics(py::module_& top) {
  py::module_ m = top.def_submodule("kinematics", "Poses, Jacobians and joint solutions of serial chains. float64, m, rad.");
  bind_chain_type(m);
  m.def("forward", &forward_array, py::arg("chain"), py::arg("q"), py::kw_only(), py::arg("tip") = 0,
        "q [dof], rad or m -> base_from_tip [4, 4], m.");
  m.def("forward_batch", &forward_batch_array, py::arg("chain"), py::arg("q"), py::arg("out") = py::none(), py::kw_only(),
        py::arg("tip") = 0, "q [n, dof] -> base_from_tip [n, 4, 4]; written into `out` (C-contiguous float64) when given.");
  m.def("jacobian", &jacobian_array, py::arg("chain"), py::arg("q"), py::kw_only(), py::arg("frame") = "tip_base_axes", py::arg("tip") = 0,
        "q [dof] -> [6, dof]: linear rows first, reference point at the tip, base axes.\n"
        "frame: \"tip_base_axes\", \"tip\" (axes of the tip) or \"base\" (reference point at the base).");
  m.def("jacobian_batch", &jacobian_batch_arrays, py::arg("chain"), py::arg("q"), py::kw_only(), py::arg("tip") = 0,
        "q [n, dof] -> base_from_tip [n, 4, 4] and J [n, 6, dof], as jacobian() gives it.");
  m.def("frames", &frames_dict, py::arg("chain"), py::arg("q"), "q [dof] -> dict of frame name -> base_from_frame [4, 4].");
  bind_inverse(m);
  bind_rotation(m);
  bind_camera(m);
}

}  // namespace sinew
