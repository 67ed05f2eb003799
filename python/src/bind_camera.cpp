// SPDX-License-Identifier: Apache-2.0
// Binds kinematics/camera.hpp: points to pixels and back, in batches.
#include "kinematics_arrays.hpp"
#include "sinew/kinematics/camera.hpp"

namespace sinew {

namespace py = pybind11;
using namespace bindings;

namespace {

Eigen::Isometry3d pose_of(const Doubles& array, std::string_view where, std::string_view what) {
  require_shape(array, {4, 4}, where, what);
  Eigen::Isometry3d pose;
  pose.matrix() = Eigen::Map<const RowMajor4>(array.data());
  return pose;
}

Camera make_camera(double fx, double fy, double cx, double cy, const std::vector<double>& distortion, const std::string& model,
                   const std::optional<Doubles>& base_from_camera) {
  CameraOptions options{.fx = fx, .fy = fy, .cx = cx, .cy = cy, .distortion = distortion, .model = lens_model(model)};
  if (base_from_camera) options.base_from_camera = pose_of(*base_from_camera, "Camera", "base_from_camera");
  return Camera(options);
}

/// [n, columns] in, [n, width] out, by one of the camera's batch calls. A row without an answer is NaN, which is no misuse.
template <Status (Camera::*kCall)(std::span<const double>, std::span<double>) const noexcept>
Doubles rows(const Camera& camera, const Doubles& in, py::ssize_t columns, py::ssize_t width, std::string_view where,
             std::string_view what) {
  require_shape(in, {-1, columns}, where, what);
  Doubles out({in.shape(0), width});
  const std::span<double> target(out.mutable_data(), static_cast<std::size_t>(out.size()));
  const std::span<const double> source = as_span(in);
  const py::gil_scoped_release release;
  std::ignore = (camera.*kCall)(source, target);
  return out;
}

template <Status (Camera::*kCall)(std::span<const double>, std::span<const double>, std::span<double>) const noexcept>
Doubles points(const Camera& camera, const Doubles& pixels, const Doubles& depth, std::string_view where) {
  require_shape(pixels, {-1, 2}, where, "pixels");
  Doubles depths = depth;
  if (depth.ndim() == 0) {
    depths = Doubles(pixels.shape(0));
    std::fill_n(depths.mutable_data(), depths.size(), *depth.data());
  }
  require_shape(depths, {pixels.shape(0)}, where, "depth");
  Doubles out({pixels.shape(0), py::ssize_t{3}});
  const std::span<double> target(out.mutable_data(), static_cast<std::size_t>(out.size()));
  const std::span<const double> source = as_span(pixels), along_z = as_span(depths);
  const py::gil_scoped_release release;
  std::ignore = (camera.*kCall)(source, along_z, target);
  return out;
}

void bind_calls(py::class_<Camera>& type) {
  using Rows = Status (Camera::*)(std::span<const double>, std::span<double>) const noexcept;
  using Points = Status (Camera::*)(std::span<const double>, std::span<const double>, std::span<double>) const noexcept;
  type.def(
          "project", [](const Camera& c, const Doubles& p) { return rows<Rows(&Camera::project)>(c, p, 3, 2, "Camera.project", "points"); },
          py::arg("points"), "points [n, 3] in camera axes, m -> pixels [n, 2]; NaN where a point has no pixel.")
      .def(
          "project_from_base",
          [](const Camera& c, const Doubles& p) {
            return rows<Rows(&Camera::project_from_base)>(c, p, 3, 2, "Camera.project_from_base", "points");
          },
          py::arg("points"), "points [n, 3] in base axes, m -> pixels [n, 2]; NaN where a point has no pixel.")
      .def(
          "undistort",
          [](const Camera& c, const Doubles& p) { return rows<Rows(&Camera::undistort)>(c, p, 2, 2, "Camera.undistort", "pixels"); },
          py::arg("pixels"), "pixels [n, 2] -> (x / z, y / z) of their rays, [n, 2], as cv2.undistortPoints; NaN where there is no ray.")
      .def(
          "unproject",
          [](const Camera& c, const Doubles& p, const Doubles& d) {
            return points<Points(&Camera::unproject)>(c, p, d, "Camera.unproject");
          },
          py::arg("pixels"), py::arg("depth"),
          "pixels [n, 2], depth along z, m, [n] or one number -> points [n, 3] in camera axes, m; NaN where there is no ray.")
      .def(
          "unproject_to_base",
          [](const Camera& c, const Doubles& p, const Doubles& d) {
            return points<Points(&Camera::unproject_to_base)>(c, p, d, "Camera.unproject_to_base");
          },
          py::arg("pixels"), py::arg("depth"), "The same in base axes.");
}

}  // namespace

void bind_camera(py::module_& m) {
  py::class_<Camera> type(m, "Camera",
                          "A calibrated camera. Axes as in OpenCV: x right, y down, z forward; pixel (0, 0) is the centre of the first.\n"
                          "Immutable, safe to share between threads.");
  type.def(py::init(&make_camera), py::arg("fx"), py::arg("fy"), py::arg("cx"), py::arg("cy"),
           py::arg("distortion") = std::vector<double>(), py::arg("model") = "brown_conrady", py::kw_only(),
           py::arg("base_from_camera") = py::none(),
           "fx, fy, cx, cy: pixels. distortion: 0, 4, 5 or 8 numbers k1 k2 p1 p2 [k3 [k4 k5 k6]] for model \"brown_conrady\",\n"
           "0 or 4 for \"kannala_brandt\" (cv2.fisheye). base_from_camera: [4, 4], m; None is the identity.");
  bind_calls(type);
  type.def_property_readonly(
          "matrix",
          [](const Camera& c) {
            const Eigen::Matrix<double, 3, 3, Eigen::RowMajor> K = c.matrix();
            return to_array(std::span<const double>(K.data(), 9), {3, 3});
          },
          "[[fx, 0, cx], [0, fy, cy], [0, 0, 1]], pixels")
      .def_property_readonly("model", [](const Camera& c) { return std::string(to_string(c.model())); })
      .def_property_readonly("distortion", [](const Camera& c) { return to_array(c.distortion()); })
      .def_property_readonly(
          "base_from_camera", [](const Camera& c) { return to_array(c.base_from_camera()); }, "[4, 4], m, camera in OpenCV axes")
      .def_property_readonly("max_angle", &Camera::max_angle,
                             "rad from the optical axis; beyond it the lens folds back and a point has no pixel")
      .def("__repr__", [](const Camera& c) {
        const Eigen::Matrix3d K = c.matrix();
        return fmt::format("<sinew.kinematics.Camera {} fx {} fy {} cx {} cy {}, {} coefficients>", to_string(c.model()), K(0, 0), K(1, 1),
                           K(0, 2), K(1, 2), c.distortion().size());
      });
  m.def(
      "base_from_opencv_camera",
      [](const Doubles& pose) { return to_array(base_from_opencv_camera(pose_of(pose, "base_from_opencv_camera", "pose"))); },
      py::arg("base_from_opengl_camera"), "[4, 4] of a camera with OpenGL axes (y up, z backward) -> [4, 4] of the same with OpenCV axes.");
  m.def(
      "base_from_opengl_camera",
      [](const Doubles& pose) { return to_array(base_from_opengl_camera(pose_of(pose, "base_from_opengl_camera", "pose"))); },
      py::arg("base_from_opencv_camera"),
      "[4, 4] of a camera with OpenCV axes (y down, z forward) -> [4, 4] of the same with OpenGL axes.");
}

}  // namespace sinew
