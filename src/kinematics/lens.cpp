// SPDX-License-Identifier: Apache-2.0
// The loops over points and pixels.
#include "lens.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sinew::detail {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kLargest = std::numeric_limits<double>::max();
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

/// Distorted coordinates minus `target`, and the (symmetric) derivative.
Eigen::Vector2d brown_conrady_residual(const Lens& c, const Eigen::Vector2d& at, const Eigen::Vector2d& target,
                                       Eigen::Matrix2d& J) noexcept {
  const double x = at.x(), y = at.y(), r2 = x * x + y * y;
  const double over = 1.0 + r2 * (c.k1 + r2 * (c.k2 + r2 * c.k3)), under = 1.0 + r2 * (c.k4 + r2 * (c.k5 + r2 * c.k6));
  const double over_slope = c.k1 + r2 * (2.0 * c.k2 + r2 * 3.0 * c.k3), under_slope = c.k4 + r2 * (2.0 * c.k5 + r2 * 3.0 * c.k6);
  const double inverse = 1.0 / under, radial = over * inverse, slope = (over_slope - radial * under_slope) * inverse;
  J(0, 0) = radial + 2.0 * slope * x * x + 2.0 * c.p1 * y + 6.0 * c.p2 * x;
  J(1, 1) = radial + 2.0 * slope * y * y + 6.0 * c.p1 * y + 2.0 * c.p2 * x;
  J(0, 1) = J(1, 0) = 2.0 * slope * x * y + 2.0 * c.p1 * x + 2.0 * c.p2 * y;
  return {x * radial + 2.0 * c.p1 * x * y + c.p2 * (r2 + 2.0 * x * x) - target.x(),
          y * radial + c.p1 * (r2 + 2.0 * y * y) + 2.0 * c.p2 * x * y - target.y()};
}

}  // namespace

Status project(LensModel model, const Lens& lens, const Eigen::Isometry3d* pose, std::span<const double> points,
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
    for (std::size_t i = 0; i < size; ++i) unseen += std::isnan(tile.x[i]) ? 1 : 0;
  }
  return unseen == 0 ? Status::ok : Status::out_of_range;
}

bool undistort_brown_conrady(const Lens& lens, const Eigen::Vector2d& target, Eigen::Vector2d& result) noexcept {
  constexpr int kIterations = 50, kHalvings = 40;
  // Squares throughout: a root per step would cost a quarter of the time.
  const double limit2 = lens.limit * lens.limit, size2 = target.squaredNorm(), scale2 = std::max(1.0, size2);
  Eigen::Vector2d x = size2 > limit2 ? Eigen::Vector2d(target * (0.999 * lens.limit / std::sqrt(size2))) : target;
  Eigen::Matrix2d J, next_J;
  Eigen::Vector2d residual = brown_conrady_residual(lens, x, target, J);
  double error2 = residual.squaredNorm();
  for (int iteration = 0; iteration < kIterations && error2 > 1e-30 * scale2; ++iteration) {
    const double inverse = 1.0 / (J(0, 0) * J(1, 1) - J(0, 1) * J(0, 1));
    Eigen::Vector2d step((J(1, 1) * residual.x() - J(0, 1) * residual.y()) * inverse,
                         (J(0, 0) * residual.y() - J(0, 1) * residual.x()) * inverse);
    bool better = false;
    for (int halving = 0; halving < kHalvings && !better; ++halving, step *= 0.5) {
      const Eigen::Vector2d next = x - step;
      if (!(next.squaredNorm() <= limit2)) continue;
      const Eigen::Vector2d next_residual = brown_conrady_residual(lens, next, target, next_J);
      const double next_error2 = next_residual.squaredNorm();
      better = next_error2 < error2;
      if (better) {
        x = next;
        J = next_J;
        residual = next_residual;
        error2 = next_error2;
      } else if (error2 <= 1e-24 * scale2) {
        break;  // rounding is all that is left
      }
    }
    if (!better) break;
  }
  result = x;
  return error2 <= 1e-24 * scale2;
}

bool undistort_kannala_brandt(const Lens& lens, const Eigen::Vector2d& target, Eigen::Vector2d& result) noexcept {
  const double distorted = target.norm();
  double low = 0, high = std::atan(lens.limit), theta = std::min(distorted, high), error = 1;
  for (int iteration = 0; iteration < 100 && low < high; ++iteration) {
    const double t2 = theta * theta;
    error = theta * (1.0 + t2 * (lens.k1 + t2 * (lens.k2 + t2 * (lens.k3 + t2 * lens.k4)))) - distorted;
    if (std::abs(error) <= 4e-16 * distorted) break;
    (error > 0 ? high : low) = theta;
    const double slope = 1.0 + t2 * (3.0 * lens.k1 + t2 * (5.0 * lens.k2 + t2 * (7.0 * lens.k3 + t2 * 9.0 * lens.k4)));
    const double newton = theta - error / slope;
    if (newton == theta) break;
    theta = newton > low && newton < high ? newton : 0.5 * (low + high);
  }
  result = distorted > 0 ? Eigen::Vector2d(target * (std::tan(theta) / distorted)) : target;
  return std::abs(error) <= 1e-12 * std::max(1.0, distorted);
}

}  // namespace sinew::detail
