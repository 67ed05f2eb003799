// SPDX-License-Identifier: Apache-2.0
// Binds the rotations of kinematics/: layouts by name, one at a time or in batches, sequences, and the detector.
#include "bindings.hpp"
#include "sinew/kinematics/detect_rotation.hpp"
#include "sinew/kinematics/rotation.hpp"
#include "sinew/kinematics/rotation_sequence.hpp"

namespace sinew {

namespace py = pybind11;
using namespace bindings;

namespace {

using RowMajor3 = Eigen::Matrix<double, 3, 3, Eigen::RowMajor>;

/// [..., tail] of a single item or of a batch [n]; the error says which shapes there are.
std::vector<py::ssize_t> batch_shape(const Doubles& array, std::initializer_list<py::ssize_t> item, std::string_view where,
                                     std::string_view what) {
  const auto rank = static_cast<py::ssize_t>(item.size());
  const bool batch = array.ndim() == rank + 1;
  std::vector<py::ssize_t> expected(item);
  if (batch) expected.insert(expected.begin(), array.shape(0));
  std::string names;
  for (const py::ssize_t size : item) names += (names.empty() ? "" : ", ") + std::to_string(size);
  if (!std::equal(expected.begin(), expected.end(), array.shape(), array.shape() + array.ndim()))
    fail(ErrorCode::invalid_argument, {where, what, fmt::format("shape [{0}] or [n, {0}]", names), shape_text(array), ""});
  return batch ? std::vector<py::ssize_t>{array.shape(0)} : std::vector<py::ssize_t>{};
}

std::vector<py::ssize_t> append(std::vector<py::ssize_t> shape, std::initializer_list<py::ssize_t> tail) {
  shape.insert(shape.end(), tail);
  return shape;
}

/// "row 3" of a batch, else nothing; for error texts.
std::string row_text(const std::vector<py::ssize_t>& batch, std::size_t row) { return batch.empty() ? "" : fmt::format(" row {}", row); }

/// Calls `one(i)` for each item without the GIL; the first that returns false is refused with `expected`.
template <typename One>
void for_items(const std::vector<py::ssize_t>& batch, std::string_view where, std::string_view what, const std::string& expected,
               One&& one) {
  const auto count = static_cast<std::size_t>(batch.empty() ? 1 : batch.front());
  const py::gil_scoped_release release;
  for (std::size_t i = 0; i < count; ++i) {
    if (!one(i)) fail(ErrorCode::invalid_argument, {where, std::string(what) + row_text(batch, i), expected, "something else", ""});
  }
}

Doubles to_matrix_array(const Doubles& value, const std::string& convention) {
  const RotationLayout layout = rotation_layout(convention);
  const auto size = static_cast<std::size_t>(rotation_size(layout));
  const auto batch = batch_shape(value, {rotation_size(layout)}, "rotation.to_matrix", convention);
  Doubles result(append(batch, {3, 3}));
  const double* const in = value.data();
  double* const out = result.mutable_data();
  for_items(batch, "rotation.to_matrix", "value", fmt::format("a finite rotation as {}", convention), [&](std::size_t i) {
    const auto R = to_matrix({in + size * i, size}, layout);
    if (R) Eigen::Map<RowMajor3>(out + 9 * i) = *R;
    return R.has_value();
  });
  return result;
}

Doubles from_matrix_array(const Doubles& R, const std::string& convention) {
  const RotationLayout layout = rotation_layout(convention);
  const auto size = static_cast<std::size_t>(rotation_size(layout));
  const auto batch = batch_shape(R, {3, 3}, "rotation.from_matrix", "R");
  Doubles result(append(batch, {rotation_size(layout)}));
  const double* const in = R.data();
  double* const out = result.mutable_data();
  for_items(batch, "rotation.from_matrix", "R", "a rotation to 1e-6 per entry of R^T R",
            [&](std::size_t i) { return from_matrix(Eigen::Map<const RowMajor3>(in + 9 * i), layout, {out + size * i, size}); });
  return result;
}

Doubles nearest_array(const Doubles& M) {
  const auto batch = batch_shape(M, {3, 3}, "rotation.nearest", "M");
  Doubles result(append(batch, {3, 3}));
  const double* const in = M.data();
  double* const out = result.mutable_data();
  for_items(batch, "rotation.nearest", "M", "a finite matrix with one nearest rotation", [&](std::size_t i) {
    const auto R = nearest_rotation(Eigen::Map<const RowMajor3>(in + 9 * i));
    if (R) Eigen::Map<RowMajor3>(out + 9 * i) = *R;
    return R.has_value();
  });
  return result;
}

Eigen::Matrix3d rotation_argument(const Doubles& R, std::string_view what) {
  require_shape(R, {3, 3}, "rotation.slerp", what);
  const Eigen::Matrix3d matrix = Eigen::Map<const RowMajor3>(R.data());
  if (!is_rotation(matrix)) fail(ErrorCode::invalid_argument, {"rotation.slerp", what, "a rotation matrix", "something else", ""});
  return matrix;
}

Doubles slerp_array(const Doubles& start, const Doubles& end, const Doubles& t) {
  const Eigen::Matrix3d from = rotation_argument(start, "start"), to = rotation_argument(end, "end");
  const auto batch = batch_shape(t, {}, "rotation.slerp", "t");
  Doubles result(append(batch, {3, 3}));
  const double* const in = t.data();
  double* const out = result.mutable_data();
  for_items(batch, "rotation.slerp", "t", "a finite number", [&](std::size_t i) {
    Eigen::Map<RowMajor3>(out + 9 * i) = slerp(from, to, in[i]);
    return std::isfinite(in[i]);
  });
  return result;
}

Doubles unwrap_array(const Doubles& values, const std::string& convention) {
  const RotationLayout layout = rotation_layout(convention);
  require_shape(values, {-1, rotation_size(layout)}, "rotation.unwrap", convention);
  Doubles result = to_array(as_span(values), {values.shape(0), values.shape(1)});
  raise_unless_ok(unwrap_rotations({result.mutable_data(), static_cast<std::size_t>(result.size())}, layout), "rotation.unwrap", "values");
  return result;
}

RotationDetection detect_array(const Doubles& values, const Doubles& rotations) {
  require_shape(rotations, {-1, 3, 3}, "rotation.detect", "rotations");
  require_shape(values, {rotations.shape(0), -1}, "rotation.detect", "values");
  std::vector<Eigen::Matrix3d> known(static_cast<std::size_t>(rotations.shape(0)));
  for (std::size_t i = 0; i < known.size(); ++i) known[i] = Eigen::Map<const RowMajor3>(rotations.data() + 9 * i);
  const py::gil_scoped_release release;
  return detect_rotation(as_span(values), known);
}

void bind_detection(py::module_& m) {
  py::class_<RotationFit>(m, "Fit", "How well one reading of the values agrees with the known rotations.")
      .def_property_readonly("convention", [](const RotationFit& fit) { return std::string(to_string(fit.layout)); })
      .def_readonly("inverse", &RotationFit::inverse, "True: the values hold the inverse rotation.")
      .def_readonly("median_angle", &RotationFit::median_angle, "rad; a row that is no rotation counts as pi")
      .def_readonly("mean_angle", &RotationFit::mean_angle, "rad")
      .def_readonly("max_angle", &RotationFit::max_angle, "rad")
      .def_readonly("refused", &RotationFit::refused, "Rows that are no rotation in this convention.")
      .def_readonly("indistinct", &RotationFit::indistinct, "True: these data do not tell it from the best.")
      .def("__repr__", [](const RotationFit& fit) {
        return fmt::format("<sinew.kinematics.rotation.Fit {}{}: median {:.3g} rad, max {:.3g} rad{}>", to_string(fit.layout),
                           fit.inverse ? " (inverse)" : "", fit.median_angle, fit.max_angle, fit.indistinct ? ", indistinct" : "");
      });
  py::class_<RotationDetection>(m, "Detection", "What detect() found.")
      .def_readonly("ranked", &RotationDetection::ranked, "Every reading of that width, best first.")
      .def_readonly("ambiguous", &RotationDetection::ambiguous, "True: another reading agrees as well as the best does.");
  m.def("detect", &detect_array, py::arg("values"), py::arg("rotations"),
        "values [n, 3, 4 or 6], rotations [n, 3, 3] (what they should say, e.g. from forward kinematics) -> Detection.");
}

}  // namespace

void bind_rotation(py::module_& kinematics) {
  py::module_ m = kinematics.def_submodule("rotation", "Rotations, every convention by name.");
  constexpr const char* kConventions =
      "\nconvention: xyzw, wxyz, rotvec (rad), rpy (rad, fixed axes: Rz Ry Rx), xyz_intrinsic (rad, turning axes: Rx Ry Rz), "
      "rot6d_columns,\nrot6d_rows or rot6d_interleaved.";
  m.def("to_matrix", &to_matrix_array, py::arg("value"), py::arg("convention"),
        (std::string("value [k] -> R [3, 3], or [n, k] -> [n, 3, 3]; k is 3, 4 or 6.") + kConventions).c_str());
  m.def("from_matrix", &from_matrix_array, py::arg("R"), py::arg("convention"),
        (std::string("R [3, 3] -> value [k], or [n, 3, 3] -> [n, k]; k is 3, 4 or 6.") + kConventions).c_str());
  m.def("nearest", &nearest_array, py::arg("M"), "M [3, 3] or [n, 3, 3] -> the rotation nearest in the Frobenius norm, same shape.");
  m.def("slerp", &slerp_array, py::arg("start"), py::arg("end"), py::arg("t"),
        "Rotations start, end [3, 3], t in 0 .. 1, a number or [n] -> [3, 3] or [n, 3, 3] along the shorter way at a constant rate.");
  m.def("unwrap", &unwrap_array, py::arg("values"), py::arg("convention") = "rotvec",
        "values [n, k] in time order -> the same rotations, each row the representative nearest to the row before: rotation vectors\n"
        "and angles run through pi, quaternions keep their hemisphere.");
  bind_detection(m);
}

}  // namespace sinew
