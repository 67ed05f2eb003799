// SPDX-License-Identifier: Apache-2.0
// Waypoints of a mobile base: (x, y, heading) in the plane, their scale, and their way between body and world.
#pragma once

#include <cmath>
#include <cstddef>
#include <numbers>
#include <span>

#include "sinew/core/status.hpp"

namespace sinew {

/// A pose in the plane: metres, and radians counted from x towards y. Body axes: x forward, y left (REP 103).
template <class Scalar>
struct Waypoint {
  Scalar x = 0;
  Scalar y = 0;
  Scalar heading = 0;
};

/// `heading` in (-pi, pi].
template <class Scalar>
[[nodiscard]] Scalar wrap_heading(Scalar heading) noexcept {
  constexpr Scalar kPi = std::numbers::pi_v<Scalar>;
  const Scalar wrapped = std::remainder(heading, 2 * kPi);
  return wrapped <= -kPi ? kPi : wrapped;
}

/// `a_from_c = a_from_b * b_from_c`; the heading is wrapped.
template <class Scalar>
[[nodiscard]] Waypoint<Scalar> compose(const Waypoint<Scalar>& a_from_b, const Waypoint<Scalar>& b_from_c) noexcept {
  const Scalar c = std::cos(a_from_b.heading), s = std::sin(a_from_b.heading);
  return {a_from_b.x + c * b_from_c.x - s * b_from_c.y, a_from_b.y + s * b_from_c.x + c * b_from_c.y,
          wrap_heading(a_from_b.heading + b_from_c.heading)};
}

/// `b_from_a` of `a_from_b`.
template <class Scalar>
[[nodiscard]] Waypoint<Scalar> inverse(const Waypoint<Scalar>& a_from_b) noexcept {
  const Scalar c = std::cos(a_from_b.heading), s = std::sin(a_from_b.heading);
  return {-(c * a_from_b.x + s * a_from_b.y), s * a_from_b.x - c * a_from_b.y, wrap_heading(-a_from_b.heading)};
}

/// The 99th percentile of |x|, |y| and |heading| over a data set: waypoints are divided by it and clipped to [-1, 1] on the way in
/// (Qwen-RobotNav, arXiv 2606.18112, output scale), multiplied on the way out.
struct WaypointScale {
  double x = 1;        ///< m
  double y = 1;        ///< m
  double heading = 1;  ///< rad

  [[nodiscard]] bool valid() const noexcept {
    return x > 0 && y > 0 && heading > 0 && std::isfinite(x) && std::isfinite(y) && std::isfinite(heading);
  }
};

/// `rows` `[n, 3]` to and from the policy's scale, in place. `bad_shape`: not rows of three; `out_of_range`: a scale that is not
/// positive; `not_finite`: nothing is written.
[[nodiscard]] Status scale_waypoints(const WaypointScale& scale, std::span<double> rows) noexcept;
[[nodiscard]] Status unscale_waypoints(const WaypointScale& scale, std::span<double> rows) noexcept;

/// Rows `[n, 3]` that each start at the row before (dx, dy, dheading in the axes of that row; Qwen-VLA's navigation data) become
/// waypoints in the axes of the first, in place. Statuses as above.
[[nodiscard]] Status chain_waypoints(std::span<double> rows) noexcept;
/// The other way.
[[nodiscard]] Status unchain_waypoints(std::span<double> rows) noexcept;

/// Waypoints in the body frame of the observation become waypoints in the world, in place; headings are wrapped. Statuses as above.
[[nodiscard]] Status waypoints_to_world(const Waypoint<double>& world_from_body, std::span<double> rows) noexcept;
[[nodiscard]] Status waypoints_to_body(const Waypoint<double>& world_from_body, std::span<double> rows) noexcept;

}  // namespace sinew
