// SPDX-License-Identifier: Apache-2.0
// Checks of a calibration, the domain of its lens, and the loops over points and pixels.
#include "sinew/kinematics/camera.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "lens.hpp"
#include "sinew/core/error.hpp"
#include "sinew/kinematics/rotation.hpp"

namespace sinew {
namespace {

constexpr std::array<std::string_view, 2> kModels = {"brown_conrady", "kannala_brandt"};
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kLargestCoefficient = 1e6;
/// Calls `one(i)` for every row and says whether all of them succeeded.
template <typename One>
Status for_rows(std::size_t count, One&& one) noexcept {
  bool all = true;
  for (std::size_t i = 0; i < count; ++i) all &= one(i);
  return all ? Status::ok : Status::out_of_range;
}

[[noreturn]] void refuse(std::string_view what, std::string_view expected, const std::string& got) {
  fail(ErrorCode::invalid_argument, {"Camera", what, expected, got, ""});
}

}  // namespace

std::string_view to_string(LensModel model) noexcept { return kModels[static_cast<std::size_t>(model)]; }

LensModel lens_model(std::string_view name) {
  for (std::size_t i = 0; i < kModels.size(); ++i) {
    if (kModels[i] == name) return static_cast<LensModel>(i);
  }
  fail(ErrorCode::invalid_argument, {"Camera", "model", "one of " + join_names(kModels), name, ""});
}

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
  const Eigen::Isometry3d& pose = base_from_camera_;
  if (!is_rotation(pose.linear()) || !pose.translation().allFinite() || pose.matrix().row(3) != Eigen::RowVector4d(0, 0, 0, 1))
    refuse("base_from_camera", "a rotation to 1e-6 and a finite translation", "something else");
  camera_from_base_ = pose.inverse();

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
  const Eigen::Vector2d target((pixel.x() - lens_.cx) / lens_.fx, (pixel.y() - lens_.cy) / lens_.fy);
  // Written so that NaN is refused too.
  const bool possible = target.norm() <= lens_.image_max;
  const bool found = possible && (model_ == LensModel::kannala_brandt ? detail::undistort_kannala_brandt(lens_, target, normalized)
                                                                      : detail::undistort_brown_conrady(lens_, target, normalized));
  if (!found) normalized.setConstant(kNan);
  return found;
}

Status Camera::undistort(std::span<const double> pixels, std::span<double> normalized) const noexcept {
  if (pixels.size() % 2 != 0 || normalized.size() != pixels.size()) return Status::bad_shape;
  return for_rows(pixels.size() / 2, [&](std::size_t i) {
    Eigen::Vector2d result;
    const bool found = undistort({pixels[2 * i], pixels[2 * i + 1]}, result);
    std::ranges::copy(result, &normalized[2 * i]);
    return found;
  });
}

bool Camera::unproject(const Eigen::Vector2d& pixel, double depth, Eigen::Vector3d& point) const noexcept {
  Eigen::Vector2d normalized;
  const bool found = depth > 0 && std::isfinite(depth) && undistort(pixel, normalized);
  point = found ? Eigen::Vector3d(normalized.x() * depth, normalized.y() * depth, depth) : Eigen::Vector3d::Constant(kNan);
  return found;
}

bool Camera::unproject_to_base(const Eigen::Vector2d& pixel, double depth, Eigen::Vector3d& point) const noexcept {
  const bool found = unproject(pixel, depth, point);
  point = base_from_camera_ * point;  // NaN stays NaN
  return found;
}

Status Camera::unproject(std::span<const double> pixels, std::span<const double> depths, std::span<double> points) const noexcept {
  if (pixels.size() != 2 * depths.size() || points.size() != 3 * depths.size()) return Status::bad_shape;
  return for_rows(depths.size(), [&](std::size_t i) {
    Eigen::Vector3d point;
    const bool found = unproject({pixels[2 * i], pixels[2 * i + 1]}, depths[i], point);
    std::ranges::copy(point, &points[3 * i]);
    return found;
  });
}

Status Camera::unproject_to_base(std::span<const double> pixels, std::span<const double> depths, std::span<double> points) const noexcept {
  const Status status = unproject(pixels, depths, points);
  if (status == Status::bad_shape) return status;
  for (std::size_t i = 0; i < depths.size(); ++i) {
    Eigen::Map<Eigen::Vector3d> point(&points[3 * i]);
    point = base_from_camera_ * Eigen::Vector3d(point);
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
