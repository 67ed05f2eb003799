// SPDX-License-Identifier: Apache-2.0
// The loops over points and pixels.
#include "lens.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

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

bool is_rational(const Lens& lens) noexcept { return lens.k4 != 0 || lens.k5 != 0 || lens.k6 != 0; }

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
  return is_rational(lens) ? brown_conrady<true>(lens, tile, count) : brown_conrady<false>(lens, tile, count);
}

/// Distorted coordinates minus the target, and the derivative, which is symmetric: [[xx, xy], [xy, yy]].
struct Linearized {
  double x, y, xx, xy, yy;
};

template <bool kRational>
inline Linearized linearize(const Lens& c, double x, double y, double target_x, double target_y) noexcept {
  const double r2 = x * x + y * y, xy2 = 2.0 * x * y;
  double radial = 1.0 + r2 * (c.k1 + r2 * (c.k2 + r2 * c.k3)), slope = c.k1 + r2 * (2.0 * c.k2 + r2 * 3.0 * c.k3);
  if constexpr (kRational) {
    const double inverse = 1.0 / (1.0 + r2 * (c.k4 + r2 * (c.k5 + r2 * c.k6)));
    radial *= inverse;
    slope = (slope - radial * (c.k4 + r2 * (2.0 * c.k5 + r2 * 3.0 * c.k6))) * inverse;
  }
  return {.x = x * radial + c.p1 * xy2 + c.p2 * (r2 + 2.0 * x * x) - target_x,
          .y = y * radial + c.p1 * (r2 + 2.0 * y * y) + c.p2 * xy2 - target_y,
          .xx = radial + 2.0 * slope * x * x + 2.0 * c.p1 * y + 6.0 * c.p2 * x,
          .xy = slope * xy2 + 2.0 * c.p1 * x + 2.0 * c.p2 * y,
          .yy = radial + 2.0 * slope * y * y + 6.0 * c.p1 * y + 2.0 * c.p2 * x};
}

/// x in [0, high] where the increasing function reaches `target`: Newton's method kept in a bracket. `at(x)` gives value and slope.
template <typename At>
double solve_increasing(const At& at, double target, double high) noexcept {
  double low = 0, x = std::min(target, high);
  for (int iteration = 0; iteration < 200 && low < high; ++iteration) {
    const auto [value, slope] = at(x);
    if (std::abs(value - target) <= 4e-16 * target) break;
    (value > target ? high : low) = x;
    const double newton = x - (value - target) / slope;
    if (newton == x) break;
    x = newton > low && newton < high ? newton : 0.5 * (low + high);
  }
  return x;
}

/// From the solution without tangential terms, Newton's method with a step that is halved until it stays in the domain and brings the
/// residual down.
bool undistort_with_care(const Lens& lens, const Eigen::Vector2d& target, Eigen::Vector2d& result) noexcept {
  constexpr int kIterations = 50, kHalvings = 40;
  const double limit2 = lens.limit * lens.limit, size = target.norm(), scale2 = std::max(1.0, size * size);
  Lens straight = lens;
  straight.p1 = straight.p2 = 0;
  const auto along_x = [&](double r) {
    const Linearized at = linearize<true>(straight, r, 0, 0, 0);
    return std::pair(at.x, at.xx);
  };
  const double radius = solve_increasing(along_x, size, lens.limit);
  Eigen::Vector2d at = size > 0 ? Eigen::Vector2d(target * (std::min(radius, 0.99999 * lens.limit) / size)) : target;
  Linearized residual = linearize<true>(lens, at.x(), at.y(), target.x(), target.y());
  double error2 = residual.x * residual.x + residual.y * residual.y;
  for (int iteration = 0; iteration < kIterations && error2 > 1e-30 * scale2; ++iteration) {
    const double inverse = 1.0 / (residual.xx * residual.yy - residual.xy * residual.xy);
    Eigen::Vector2d step((residual.yy * residual.x - residual.xy * residual.y) * inverse,
                         (residual.xx * residual.y - residual.xy * residual.x) * inverse);
    bool better = false;
    for (int halving = 0; halving < kHalvings && !better; ++halving, step *= 0.5) {
      const Eigen::Vector2d next = at - step;
      if (!(next.squaredNorm() <= limit2)) continue;
      const Linearized there = linearize<true>(lens, next.x(), next.y(), target.x(), target.y());
      const double there2 = there.x * there.x + there.y * there.y;
      better = there2 < error2;
      if (better) {
        at = next;
        residual = there;
        error2 = there2;
      } else if (error2 <= 1e-24 * scale2) {
        break;  // rounding is all that is left
      }
    }
    if (!better) break;
  }
  result = at;
  return error2 <= 1e-24 * scale2;
}

/// Rays of the targets in tile.x and tile.y by five plain Newton steps, with no branch, into `rays`; rays.z is the squared residual
/// that is left. Inside the domain the lens is one-to-one, so a small residual there proves the ray; the rest needs more care.
template <bool kRational>
void undistort_tile(const Lens& lens, const Tile& targets, Tile& rays, std::size_t count) noexcept {
  const Lens c = lens;
  std::copy_n(targets.x, count, rays.x);
  std::copy_n(targets.y, count, rays.y);
  for (int step = 0; step < 5; ++step) {
    for (std::size_t i = 0; i < count; ++i) {
      const Linearized at = linearize<kRational>(c, rays.x[i], rays.y[i], targets.x[i], targets.y[i]);
      const double inverse = 1.0 / (at.xx * at.yy - at.xy * at.xy);
      rays.x[i] -= (at.yy * at.x - at.xy * at.y) * inverse;
      rays.y[i] -= (at.xx * at.y - at.xy * at.x) * inverse;
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    const Linearized end = linearize<kRational>(c, rays.x[i], rays.y[i], targets.x[i], targets.y[i]);
    rays.z[i] = end.x * end.x + end.y * end.y;
  }
}

/// The lens bends the angle alone.
bool undistort_angle(const Lens& lens, const Eigen::Vector2d& target, Eigen::Vector2d& result) noexcept {
  const auto distorted = [&](double theta) {
    const double t2 = theta * theta;
    return std::pair(theta * (1.0 + t2 * (lens.k1 + t2 * (lens.k2 + t2 * (lens.k3 + t2 * lens.k4)))),
                     1.0 + t2 * (3.0 * lens.k1 + t2 * (5.0 * lens.k2 + t2 * (7.0 * lens.k3 + t2 * 9.0 * lens.k4))));
  };
  const double size = target.norm(), theta = solve_increasing(distorted, size, std::atan(lens.limit));
  result = size > 0 ? Eigen::Vector2d(target * (std::tan(theta) / size)) : target;
  return std::abs(distorted(theta).first - size) <= 1e-12 * std::max(1.0, size);
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

Status undistort(LensModel model, const Lens& lens, std::span<const double> pixels, std::span<double> normalized) noexcept {
  const std::size_t count = pixels.size() / 2;
  if (pixels.size() != 2 * count || normalized.size() != pixels.size()) return Status::bad_shape;
  const bool fisheye = model == LensModel::kannala_brandt;
  const double limit2 = lens.limit * lens.limit;
  bool all = true;
  Tile targets, rays;
  for (std::size_t first = 0; first < count; first += kTile) {
    const std::size_t size = std::min(kTile, count - first);
    for (std::size_t i = 0; i < size; ++i) {
      targets.x[i] = (pixels[2 * (first + i)] - lens.cx) / lens.fx;
      targets.y[i] = (pixels[2 * (first + i) + 1] - lens.cy) / lens.fy;
    }
    if (!fisheye) is_rational(lens) ? undistort_tile<true>(lens, targets, rays, size) : undistort_tile<false>(lens, targets, rays, size);
    for (std::size_t i = 0; i < size; ++i) {
      const Eigen::Vector2d target(targets.x[i], targets.y[i]);
      Eigen::Vector2d ray = target;
      if (!fisheye) ray = Eigen::Vector2d(rays.x[i], rays.y[i]);
      const bool proven = !fisheye && rays.z[i] <= 1e-29 * std::max(1.0, target.squaredNorm()) && ray.squaredNorm() <= limit2;
      // NaN and infinity fail the comparison.
      const bool found = proven || (target.norm() <= lens.image_max &&
                                    (fisheye ? undistort_angle(lens, target, ray) : undistort_with_care(lens, target, ray)));
      normalized[2 * (first + i)] = found ? ray.x() : kNan;
      normalized[2 * (first + i) + 1] = found ? ray.y() : kNan;
      all &= found;
    }
  }
  return all ? Status::ok : Status::out_of_range;
}

}  // namespace sinew::detail
