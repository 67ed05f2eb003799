// SPDX-License-Identifier: Apache-2.0
// Cameras: points to pixels and back through a pinhole with Brown–Conrady or Kannala–Brandt distortion, as OpenCV defines them.
//
// Axes are OpenCV's unless a name says otherwise: x right, y down, z forward. Pixel coordinates are OpenCV's: (0, 0) is the centre of
// the first pixel, so an image of width w spans -0.5 .. w - 0.5. Where (0, 0) is a corner (OpenGL, COLMAP), subtract 0.5 from cx and cy.
#pragma once

#include <Eigen/Geometry>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "sinew/core/status.hpp"

namespace sinew {

/// How a lens bends a ray.
enum class LensModel : std::uint8_t {
  brown_conrady,  ///< 0, 4, 5 or 8 coefficients in OpenCV's order k1 k2 p1 p2 [k3 [k4 k5 k6]]; k4 k5 k6 make the radial term rational
  kannala_brandt  ///< 0 or 4 coefficients k1 k2 k3 k4 of the angle, OpenCV's fisheye; with none, equidistant
};

/// Name of the enumerator.
[[nodiscard]] std::string_view to_string(LensModel model) noexcept;

/// The model of that name; throws Error that lists the names.
[[nodiscard]] LensModel lens_model(std::string_view name);

/// What a calibration gives.
struct CameraOptions {
  double fx = 0, fy = 0;           ///< focal lengths, pixels, > 0
  double cx = 0, cy = 0;           ///< principal point, pixels
  std::vector<double> distortion;  ///< count by model, see LensModel
  LensModel model = LensModel::brown_conrady;
  Eigen::Isometry3d base_from_camera = Eigen::Isometry3d::Identity();  ///< m, camera in OpenCV axes
};

namespace detail {

/// The numbers of one lens, for the loops over points.
struct Lens {
  double fx, fy, cx, cy;
  double k1 = 0, k2 = 0, p1 = 0, p2 = 0, k3 = 0, k4 = 0, k5 = 0, k6 = 0;  ///< Kannala–Brandt uses k1 .. k4
  double limit = 0;      ///< largest sqrt(x² + y²) / z at which the lens is one-to-one, at most 1e6
  double image_max = 0;  ///< no ray within the limit lands farther from the principal point, focal lengths
};

}  // namespace detail

/// A calibrated camera; immutable, safe to share between threads. No call but the constructor throws or allocates.
///
/// A point has a pixel when it is finite, in front (z > 0) and within `max_angle()` of the optical axis. What has none becomes NaN,
/// with false for one and Status::out_of_range for a batch, whose other rows are right. Batches give the bits of single calls.
class Camera {
 public:
  /// Throws Error for a focal length that is not positive, a number that is not finite, a count of coefficients that the model does
  /// not have, a coefficient beyond 1e6, or a pose that is none.
  explicit Camera(const CameraOptions& options);

  /// Pixel (u right, v down) of a point in camera axes (m).
  [[nodiscard]] bool project(const Eigen::Vector3d& point, Eigen::Vector2d& pixel) const noexcept;
  /// `points` [n, 3] (m) to `pixels` [n, 2]; bad_shape when the sizes do not fit.
  [[nodiscard]] Status project(std::span<const double> points, std::span<double> pixels) const noexcept;
  /// The same for a point in base axes (m).
  [[nodiscard]] bool project_from_base(const Eigen::Vector3d& point, Eigen::Vector2d& pixel) const noexcept;
  [[nodiscard]] Status project_from_base(std::span<const double> points, std::span<double> pixels) const noexcept;

  /// The point in camera axes (m) that is seen at `pixel` with this depth along z (m, > 0; not the distance to the camera).
  [[nodiscard]] bool unproject(const Eigen::Vector2d& pixel, double depth, Eigen::Vector3d& point) const noexcept;
  /// `pixels` [n, 2] and `depths` [n] (m) to `points` [n, 3]; bad_shape when the sizes do not fit.
  [[nodiscard]] Status unproject(std::span<const double> pixels, std::span<const double> depths, std::span<double> points) const noexcept;
  /// The same in base axes.
  [[nodiscard]] bool unproject_to_base(const Eigen::Vector2d& pixel, double depth, Eigen::Vector3d& point) const noexcept;
  [[nodiscard]] Status unproject_to_base(std::span<const double> pixels, std::span<const double> depths,
                                         std::span<double> points) const noexcept;

  /// Where the ray of `pixel` meets the plane z = 1: (x / z, y / z) without distortion. Newton's method, run until distorting the
  /// result gives the pixel back to 1e-12 focal lengths; false when there is no such ray or it does not get there.
  [[nodiscard]] bool undistort(const Eigen::Vector2d& pixel, Eigen::Vector2d& normalized) const noexcept;
  /// `pixels` [n, 2] to `normalized` [n, 2]; bad_shape when the sizes do not fit.
  [[nodiscard]] Status undistort(std::span<const double> pixels, std::span<double> normalized) const noexcept;

  /// Largest angle (rad, below pi/2) from the optical axis at which different rays are sure to have different pixels. Beyond it a
  /// fitted polynomial folds back, and points far outside the image would get pixels inside it.
  [[nodiscard]] double max_angle() const noexcept;
  /// [[fx, 0, cx], [0, fy, cy], [0, 0, 1]], pixels.
  [[nodiscard]] Eigen::Matrix3d matrix() const noexcept;
  [[nodiscard]] LensModel model() const noexcept { return model_; }
  /// As given.
  [[nodiscard]] std::span<const double> distortion() const noexcept { return {k_.data(), count_}; }
  /// m, camera in OpenCV axes.
  [[nodiscard]] const Eigen::Isometry3d& base_from_camera() const noexcept { return base_from_camera_; }

 private:
  LensModel model_;
  std::size_t count_;
  std::array<double, 8> k_ = {};
  detail::Lens lens_;
  Eigen::Isometry3d base_from_camera_;
  Eigen::Isometry3d camera_from_base_;
};

/// Turns OpenGL camera axes (x right, y up, z backward; MuJoCo, Blender, NeRF data) into OpenCV's: diag(1, -1, -1), its own inverse.
[[nodiscard]] Eigen::Matrix3d opencv_from_opengl() noexcept;
/// The pose of the same camera with its axes in OpenCV's convention, given the one in OpenGL's.
[[nodiscard]] Eigen::Isometry3d base_from_opencv_camera(const Eigen::Isometry3d& base_from_opengl_camera) noexcept;
/// The pose of the same camera with its axes in OpenGL's convention, given the one in OpenCV's.
[[nodiscard]] Eigen::Isometry3d base_from_opengl_camera(const Eigen::Isometry3d& base_from_opencv_camera) noexcept;

}  // namespace sinew
