// SPDX-License-Identifier: Apache-2.0
// What the lens models compute, on plain coordinates.
#pragma once

#include "sinew/kinematics/camera.hpp"

namespace sinew::detail {

/// `points` [n, 3], in the axes that `camera_from_axes` turns to camera axes or, when null, in camera axes, to `pixels` [n, 2].
[[nodiscard]] Status project(LensModel model, const Lens& lens, const Eigen::Isometry3d* camera_from_axes, std::span<const double> points,
                             std::span<double> pixels) noexcept;

/// The rays (x / z, y / z) [n, 2] that land on `pixels` [n, 2].
[[nodiscard]] Status undistort(LensModel model, const Lens& lens, std::span<const double> pixels, std::span<double> normalized) noexcept;

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
