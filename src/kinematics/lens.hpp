// SPDX-License-Identifier: Apache-2.0
// What the lens models compute, on plain coordinates.
#pragma once

#include "sinew/kinematics/camera.hpp"

namespace sinew::detail {

/// `points` [n, 3], in the axes that `camera_from_axes` turns to camera axes or, when null, in camera axes, to `pixels` [n, 2].
[[nodiscard]] Status project(LensModel model, const Lens& lens, const Eigen::Isometry3d* camera_from_axes, std::span<const double> points,
                             std::span<double> pixels) noexcept;

/// The ray (x / z, y / z) that is distorted to `target` (focal lengths from the principal point). Newton's method with a step that is
/// halved until it stays in the domain and brings the residual down.
[[nodiscard]] bool undistort_brown_conrady(const Lens& lens, const Eigen::Vector2d& target, Eigen::Vector2d& result) noexcept;

/// The same; Newton's method on the angle, kept between the ends of the domain by bisection.
[[nodiscard]] bool undistort_kannala_brandt(const Lens& lens, const Eigen::Vector2d& target, Eigen::Vector2d& result) noexcept;

/// Sets `limit` and `image_max` from the coefficients.
///
/// The distortion is the gradient of a potential, so its derivative J is symmetric; where J is positive definite on a disc, the map
/// is one-to-one there. With f(r) = r ρ(r) the radial part of J has the eigenvalues f' and ρ, and the tangential part, with
/// |p| = hypot(p1, p2), at most 6 |p| r in size. Hence the disc up to the first r where f' or ρ no longer exceeds 6 |p| r or the
/// denominator reaches 0. Where f' gives the limit, as it does for every barrel, it is sharp: one ray folds there.
void bound_brown_conrady(Lens& lens);

/// The same: up to the first angle where the polynomial's slope reaches 0.
void bound_kannala_brandt(Lens& lens);

}  // namespace sinew::detail
