// SPDX-License-Identifier: Apache-2.0
// Up to which angle a fitted lens polynomial is one-to-one.
#pragma once

#include <array>

namespace sinew {

/// The disc of rays on which a lens is one-to-one.
struct LensDomain {
  double limit;      ///< largest sqrt(x² + y²) / z, at most 1e6
  double image_max;  ///< no ray of the disc lands farther from the principal point, focal lengths
};

/// Of k1 k2 p1 p2 k3 k4 k5 k6.
///
/// The distortion is the gradient of a potential, so its derivative J is symmetric; where J is positive definite on a disc, the map
/// is one-to-one there. With f(r) = r ρ(r) the radial part of J has the eigenvalues f' and ρ, and the tangential part, with
/// |p| = hypot(p1, p2), at most 6 |p| r in size. Hence the disc up to the first r where f' or ρ no longer exceeds 6 |p| r or the
/// denominator reaches 0. Where f' gives the limit, as it does for every barrel, it is sharp: one ray folds there.
[[nodiscard]] LensDomain brown_conrady_domain(const std::array<double, 8>& k);

/// Of k1 k2 k3 k4: up to the first angle where the polynomial's slope reaches 0.
[[nodiscard]] LensDomain kannala_brandt_domain(const std::array<double, 8>& k);

}  // namespace sinew
