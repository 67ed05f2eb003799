// SPDX-License-Identifier: Apache-2.0
// Checks of a calibration, the domain of its lens, and the loops over points and pixels.
#include "sinew/kinematics/camera.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "checks.hpp"
#include "lens.hpp"
#include "sinew/core/error.hpp"
#include "sinew/kinematics/rotation.hpp"

namespace sinew {
namespace {

constexpr std::array<std::string_view, 2> kModels = {"brown_conrady", "kannala_brandt"};
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kLargestCoefficient = 1e6;
[[noreturn]] void refuse(std::string_view what, std::string_view expected, const std::string& got) {
  fail(ErrorCode::invalid_argument, {"Camera", what, expected, got, ""});
}

}  // namespace

std::string_view to_string(LensModel model) noexcept { return kModels[static_cast<std::size_t>(model)]; }

LensModel lens_model(std::string_view name) { return detail::enumerator<LensModel>(kModels, name, "Camera", "model"); }

Camera::Camera(const CameraOptions& options)
    : model_(options.model),
      count_(options.distortion.size()),
      lens_{options.fx, options.fy, options.cx, options.cy},
      base_from_camera_(options.base_from_camera) {
  for (const auto& [name, value] : {std::pair("fx", options.fx), std::pair("fy", options.fy)}) {
    if (!(value > 0 && std::isfinite(value))) refuse(name, "a finite number of pixels above 0", fmt::format("{}", value));
  }
  for (const auto& [name, value] : {std::pair("cx", options.cx), std::pair("cy", options.cy)}) {
    if (!std::isfinite(value)) refuse(name, "a finite number of pixels", fmt::format("{}", value));
  }
  const bool fisheye = model_ == LensModel::kannala_brandt;
  const bool known = count_ == 0 || count_ == 4 || (!fisheye && (count_ == 5 || count_ == 8));
  if (!known)
    refuse("distortion", fisheye ? "0 or 4 coefficients for kannala_brandt" : "0, 4, 5 or 8 coefficients for brown_conrady",
           fmt::format("{}", count_));
  for (const double value : options.distortion) {
    if (!(std::abs(value) <= kLargestCoefficient)) refuse("distortion", "finite coefficients up to 1e6", fmt::format("{}", value));
  }
  if (!detail::is_pose(base_from_camera_.matrix()))
    refuse("base_from_camera", "a rotation to 1e-6 and a finite translation", "something else");
  camera_from_base_ = base_from_camera_.inverse();

  std::ranges::copy(options.distortion, k_.begin());
  if (fisheye) {
    lens_.k1 = k_[0], lens_.k2 = k_[1], lens_.k3 = k_[2], lens_.k4 = k_[3];
    detail::bound_kannala_brandt(lens_);
  } else {
    lens_.k1 = k_[0], lens_.k2 = k_[1], lens_.p1 = k_[2], lens_.p2 = k_[3];
    lens_.k3 = k_[4], lens_.k4 = k_[5], lens_.k5 = k_[6], lens_.k6 = k_[7];
    detail::bound_brown_conrady(lens_);
  }
}

bool Camera::project(const Eigen::Vector3d& point, Eigen::Vector2d& pixel) const noexcept {
  return project({point.data(), 3}, std::span<double>(pixel.data(), 2)) == Status::ok;
}

bool Camera::project_from_base(const Eigen::Vector3d& point, Eigen::Vector2d& pixel) const noexcept {
  return project_from_base({point.data(), 3}, std::span<double>(pixel.data(), 2)) == Status::ok;
}

Status Camera::project(std::span<const double> points, std::span<double> pixels) const noexcept {
  return detail::project(model_, lens_, nullptr, points, pixels);
}

Status Camera::project_from_base(std::span<const double> points, std::span<double> pixels) const noexcept {
  return detail::project(model_, lens_, &camera_from_base_, points, pixels);
}

bool Camera::undistort(const Eigen::Vector2d& pixel, Eigen::Vector2d& normalized) const noexcept {
  return undistort({pixel.data(), 2}, std::span<double>(normalized.data(), 2)) == Status::ok;
}

Status Camera::undistort(std::span<const double> pixels, std::span<double> normalized) const noexcept {
  return detail::undistort(model_, lens_, pixels, normalized);
}

bool Camera::unproject(const Eigen::Vector2d& pixel, double depth, Eigen::Vector3d& point) const noexcept {
  return unproject({pixel.data(), 2}, {&depth, 1}, std::span<double>(point.data(), 3)) == Status::ok;
}

bool Camera::unproject_to_base(const Eigen::Vector2d& pixel, double depth, Eigen::Vector3d& point) const noexcept {
  return unproject_to_base({pixel.data(), 2}, {&depth, 1}, std::span<double>(point.data(), 3)) == Status::ok;
}

Status Camera::unproject(std::span<const double> pixels, std::span<const double> depths, std::span<double> points) const noexcept {
  constexpr std::size_t kRays = 128;
  if (pixels.size() != 2 * depths.size() || points.size() != 3 * depths.size()) return Status::bad_shape;
  std::array<double, 2 * kRays> rays;
  bool all = true;
  for (std::size_t first = 0; first < depths.size(); first += kRays) {
    const std::size_t size = std::min(kRays, depths.size() - first);
    all &= undistort(pixels.subspan(2 * first, 2 * size), std::span(rays).first(2 * size)) == Status::ok;
    for (std::size_t i = 0; i < size; ++i) {
      const double z = depths[first + i];
      const bool good = z > 0 && std::isfinite(z) && !std::isnan(rays[2 * i]);
      const Eigen::Vector3d point = good ? Eigen::Vector3d(rays[2 * i] * z, rays[2 * i + 1] * z, z) : Eigen::Vector3d::Constant(kNan);
      std::ranges::copy(point, &points[3 * (first + i)]);
      all &= good;
    }
  }
  return all ? Status::ok : Status::out_of_range;
}

Status Camera::unproject_to_base(std::span<const double> pixels, std::span<const double> depths, std::span<double> points) const noexcept {
  const Status status = unproject(pixels, depths, points);
  if (status == Status::bad_shape) return status;
  for (std::size_t i = 0; i < depths.size(); ++i) {
    Eigen::Map<Eigen::Vector3d> point(&points[3 * i]);
    point = base_from_camera_ * Eigen::Vector3d(point);  // NaN stays NaN
  }
  return status;
}

double Camera::max_angle() const noexcept { return std::atan(lens_.limit); }

Eigen::Matrix3d Camera::matrix() const noexcept {
  Eigen::Matrix3d K;
  K << lens_.fx, 0, lens_.cx, 0, lens_.fy, lens_.cy, 0, 0, 1;
  return K;
}

Eigen::Matrix3d opencv_from_opengl() noexcept { return Eigen::Vector3d(1, -1, -1).asDiagonal(); }

Eigen::Isometry3d base_from_opencv_camera(const Eigen::Isometry3d& base_from_opengl_camera) noexcept {
  Eigen::Isometry3d pose = base_from_opengl_camera;
  pose.matrix().middleCols<2>(1) *= -1.0;
  return pose;
}

Eigen::Isometry3d base_from_opengl_camera(const Eigen::Isometry3d& base_from_opencv_camera) noexcept {
  return sinew::base_from_opencv_camera(base_from_opencv_camera);  // half a turn about x: its own inverse
}

}  // namespace sinew
