// SPDX-License-Identifier: Apache-2.0
// Checks of a calibration, the domain of its lens, and the loops over points and pixels.
#include "sinew/kinematics/camera.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "lens_domain.hpp"
#include "sinew/core/error.hpp"
#include "sinew/kinematics/rotation.hpp"

namespace sinew {
namespace {

using Lens = Camera::Lens;

constexpr std::array<std::string_view, 2> kModels = {"brown_conrady", "kannala_brandt"};
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kLargest = std::numeric_limits<double>::max();
constexpr double kLargestCoefficient = 1e6;
/// Points per pass: small enough for the stack and the first-level cache.
constexpr std::size_t kTile = 128;

/// Coordinates of up to kTile points, one array each, so that the compiler can take several points per instruction.
struct Tile {
  alignas(64) double x[kTile];
  alignas(64) double y[kTile];
  alignas(64) double z[kTile];
};

void load(Tile& tile, const double* points, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    tile.x[i] = points[3 * i];
    tile.y[i] = points[3 * i + 1];
    tile.z[i] = points[3 * i + 2];
  }
}

void transform(Tile& tile, const Eigen::Isometry3d& pose, std::size_t count) noexcept {
  const Eigen::Matrix3d R = pose.linear();
  const Eigen::Vector3d t = pose.translation();
  for (std::size_t i = 0; i < count; ++i) {
    const double x = tile.x[i], y = tile.y[i], z = tile.z[i];
    tile.x[i] = R(0, 0) * x + R(0, 1) * y + R(0, 2) * z + t[0];
    tile.y[i] = R(1, 0) * x + R(1, 1) * y + R(1, 2) * z + t[1];
    tile.z[i] = R(2, 0) * x + R(2, 1) * y + R(2, 2) * z + t[2];
  }
}

/// Pixels into tile.x and tile.y. No branch, so that it is compiled to vector instructions.
template <bool kRational>
void brown_conrady(const Lens& lens, Tile& tile, std::size_t count) noexcept {
  const Lens c = lens;
  const double limit2 = c.limit * c.limit;
  for (std::size_t i = 0; i < count; ++i) {
    const double z = tile.z[i];
    const double inverse = 1.0 / z;
    const double x = tile.x[i] * inverse, y = tile.y[i] * inverse;
    const double xx = x * x, yy = y * y, xy2 = 2.0 * x * y, r2 = xx + yy;
    double radial = 1.0 + r2 * (c.k1 + r2 * (c.k2 + r2 * c.k3));
    if constexpr (kRational) radial /= 1.0 + r2 * (c.k4 + r2 * (c.k5 + r2 * c.k6));
    const double u = c.fx * (x * radial + c.p1 * xy2 + c.p2 * (r2 + 2.0 * xx)) + c.cx;
    const double v = c.fy * (y * radial + c.p1 * (r2 + 2.0 * yy) + c.p2 * xy2) + c.cy;
    // NaN fails every comparison; an infinite z would land on the principal point.
    const bool valid = (z > 0) & (z <= kLargest) & (r2 <= limit2);
    const double spoil = valid ? 0.0 : kNan;  // a choice between u and NaN would be compiled to a branch
    tile.x[i] = u + spoil;
    tile.y[i] = v + spoil;
  }
}

void kannala_brandt(const Lens& lens, Tile& tile, std::size_t count) noexcept {
  const double limit2 = lens.limit * lens.limit;
  for (std::size_t i = 0; i < count; ++i) {
    const double z = tile.z[i];
    const double x = tile.x[i] / z, y = tile.y[i] / z;
    const double r2 = x * x + y * y, r = std::sqrt(r2);
    const double theta = std::atan(r), t2 = theta * theta;
    const double distorted = theta * (1.0 + t2 * (lens.k1 + t2 * (lens.k2 + t2 * (lens.k3 + t2 * lens.k4))));
    const double scale = r > 1e-8 ? distorted / r : 1.0;  // below, both are the angle to the last bit
    const bool valid = (z > 0) & (z <= kLargest) & (r2 <= limit2);
    tile.x[i] = valid ? lens.fx * (x * scale) + lens.cx : kNan;
    tile.y[i] = valid ? lens.fy * (y * scale) + lens.cy : kNan;
  }
}

void project_tile(LensModel model, const Lens& lens, Tile& tile, std::size_t count) noexcept {
  if (model == LensModel::kannala_brandt) return kannala_brandt(lens, tile, count);
  const bool rational = lens.k4 != 0 || lens.k5 != 0 || lens.k6 != 0;
  return rational ? brown_conrady<true>(lens, tile, count) : brown_conrady<false>(lens, tile, count);
}

Status project_all(LensModel model, const Lens& lens, const Eigen::Isometry3d* pose, std::span<const double> points,
                   std::span<double> pixels) noexcept {
  const std::size_t count = points.size() / 3;
  if (points.size() != 3 * count || pixels.size() != 2 * count) return Status::bad_shape;
  Tile tile;
  std::uint64_t unseen = 0;
  for (std::size_t first = 0; first < count; first += kTile) {
    const std::size_t size = std::min(kTile, count - first);
    load(tile, points.data() + 3 * first, size);
    if (pose != nullptr) transform(tile, *pose, size);
    project_tile(model, lens, tile, size);
    double* const out = pixels.data() + 2 * first;
    for (std::size_t i = 0; i < size; ++i) {
      out[2 * i] = tile.x[i];
      out[2 * i + 1] = tile.y[i];
    }
    for (std::size_t i = 0; i < size; ++i) {
      unseen += std::isnan(tile.x[i]) ? 1 : 0;
    }
  }
  return unseen == 0 ? Status::ok : Status::out_of_range;
}

/// Distorted coordinates minus `target`, and the (symmetric) derivative.
Eigen::Vector2d brown_conrady_residual(const Lens& c, const Eigen::Vector2d& at, const Eigen::Vector2d& target,
                                       Eigen::Matrix2d& J) noexcept {
  const double x = at.x(), y = at.y(), r2 = x * x + y * y;
  const double over = 1.0 + r2 * (c.k1 + r2 * (c.k2 + r2 * c.k3)), under = 1.0 + r2 * (c.k4 + r2 * (c.k5 + r2 * c.k6));
  const double over_slope = c.k1 + r2 * (2.0 * c.k2 + r2 * 3.0 * c.k3), under_slope = c.k4 + r2 * (2.0 * c.k5 + r2 * 3.0 * c.k6);
  const double radial = over / under, slope = (over_slope - radial * under_slope) / under;
  J(0, 0) = radial + 2.0 * slope * x * x + 2.0 * c.p1 * y + 6.0 * c.p2 * x;
  J(1, 1) = radial + 2.0 * slope * y * y + 6.0 * c.p1 * y + 2.0 * c.p2 * x;
  J(0, 1) = J(1, 0) = 2.0 * slope * x * y + 2.0 * c.p1 * x + 2.0 * c.p2 * y;
  return {x * radial + 2.0 * c.p1 * x * y + c.p2 * (r2 + 2.0 * x * x) - target.x(),
          y * radial + c.p1 * (r2 + 2.0 * y * y) + 2.0 * c.p2 * x * y - target.y()};
}

/// Newton's method with a step that is halved until it stays in the domain and brings the residual down.
bool undistort_brown_conrady(const Lens& lens, const Eigen::Vector2d& target, Eigen::Vector2d& result) noexcept {
  constexpr int kIterations = 50, kHalvings = 40;
  const double size = target.norm(), scale = std::max(1.0, size);
  Eigen::Vector2d x = size > lens.limit ? Eigen::Vector2d(target * (0.999 * lens.limit / size)) : target;
  Eigen::Matrix2d J;
  Eigen::Vector2d residual = brown_conrady_residual(lens, x, target, J);
  double error = residual.norm();
  for (int iteration = 0; iteration < kIterations && error > 1e-15 * scale; ++iteration) {
    const double determinant = J(0, 0) * J(1, 1) - J(0, 1) * J(0, 1);
    Eigen::Vector2d step((J(1, 1) * residual.x() - J(0, 1) * residual.y()) / determinant,
                         (J(0, 0) * residual.y() - J(0, 1) * residual.x()) / determinant);
    bool better = false;
    for (int halving = 0; halving < kHalvings && !better; ++halving, step *= 0.5) {
      const Eigen::Vector2d next = x - step;
      if (!(next.norm() <= lens.limit)) continue;
      Eigen::Matrix2d next_J;
      const Eigen::Vector2d next_residual = brown_conrady_residual(lens, next, target, next_J);
      better = next_residual.norm() < error;
      if (better) {
        x = next;
        J = next_J;
        residual = next_residual;
        error = residual.norm();
      } else if (error <= 1e-12 * scale) {
        break;  // rounding is all that is left
      }
    }
    if (!better) break;
  }
  result = x;
  return error <= 1e-12 * scale;
}

/// Newton's method on the angle, kept between the ends of the domain by bisection.
bool undistort_kannala_brandt(const Lens& lens, const Eigen::Vector2d& target, Eigen::Vector2d& result) noexcept {
  const double distorted = target.norm();
  double low = 0, high = std::atan(lens.limit), theta = std::min(distorted, high), error = 1;
  for (int iteration = 0; iteration < 100 && low < high; ++iteration) {
    const double t2 = theta * theta;
    error = theta * (1.0 + t2 * (lens.k1 + t2 * (lens.k2 + t2 * (lens.k3 + t2 * lens.k4)))) - distorted;
    if (std::abs(error) <= 1e-16 * distorted) break;
    (error > 0 ? high : low) = theta;
    const double slope = 1.0 + t2 * (3.0 * lens.k1 + t2 * (5.0 * lens.k2 + t2 * (7.0 * lens.k3 + t2 * 9.0 * lens.k4)));
    const double newton = theta - error / slope;
    if (newton == theta) break;
    theta = newton > low && newton < high ? newton : 0.5 * (low + high);
  }
  result = distorted > 0 ? Eigen::Vector2d(target * (std::tan(theta) / distorted)) : target;
  return std::abs(error) <= 1e-12 * std::max(1.0, distorted);
}

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
  } else {
    lens_.k1 = k_[0], lens_.k2 = k_[1], lens_.p1 = k_[2], lens_.p2 = k_[3];
    lens_.k3 = k_[4], lens_.k4 = k_[5], lens_.k5 = k_[6], lens_.k6 = k_[7];
  }
  const LensDomain domain = fisheye ? kannala_brandt_domain(k_) : brown_conrady_domain(k_);
  lens_.limit = domain.limit;
  lens_.image_max = domain.image_max;
}

bool Camera::project(const Eigen::Vector3d& point, Eigen::Vector2d& pixel) const noexcept {
  return project({point.data(), 3}, std::span<double>(pixel.data(), 2)) == Status::ok;
}

bool Camera::project_from_base(const Eigen::Vector3d& point, Eigen::Vector2d& pixel) const noexcept {
  return project_from_base({point.data(), 3}, std::span<double>(pixel.data(), 2)) == Status::ok;
}

Status Camera::project(std::span<const double> points, std::span<double> pixels) const noexcept {
  return project_all(model_, lens_, nullptr, points, pixels);
}

Status Camera::project_from_base(std::span<const double> points, std::span<double> pixels) const noexcept {
  return project_all(model_, lens_, &camera_from_base_, points, pixels);
}

bool Camera::undistort(const Eigen::Vector2d& pixel, Eigen::Vector2d& normalized) const noexcept {
  const Eigen::Vector2d target((pixel.x() - lens_.cx) / lens_.fx, (pixel.y() - lens_.cy) / lens_.fy);
  // Written so that NaN is refused too.
  const bool possible = target.norm() <= lens_.image_max;
  const bool found = possible && (model_ == LensModel::kannala_brandt ? undistort_kannala_brandt(lens_, target, normalized)
                                                                      : undistort_brown_conrady(lens_, target, normalized));
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
  const bool found = depth > 0 && depth <= kLargest && undistort(pixel, normalized);
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
