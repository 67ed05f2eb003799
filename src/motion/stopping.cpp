// SPDX-License-Identifier: Apache-2.0
#include "sinew/motion/stopping.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace sinew {

StopBound stop_bound(double velocity, double acceleration, double jerk, Time tick) noexcept {
  constexpr double kTicks = 4;
  const double V = velocity, A = acceleration, J = jerk;
  // Letting go: from the acceleration `a` to none at jerk J, while the velocity rises from V - a^2 / (2 J) to V.
  const double a = std::min(A, std::sqrt(2 * J * V)), release = a / J;
  const double released = V * release - J * release * release * release / 6;
  // Braking from V: at constant deceleration in between, or two ramps that meet. The velocity is symmetric in time: half of V in the mean.
  const double braking = V >= A * A / J ? V / A + A / J : 2 * std::sqrt(V / J);
  const double rounding = kTicks * to_seconds(tick);
  return {release + braking + rounding, released + 0.5 * V * braking + V * rounding};
}

std::vector<StopBound> stop_bounds(const JointLimits& limits, Time tick) {
  validate(limits, "stop_bounds");
  std::vector<StopBound> bounds;
  for (std::size_t i = 0; i < limits.lower.size(); ++i)
    bounds.push_back(stop_bound(limits.velocity[i], limits.acceleration[i], limits.jerk[i], tick));
  return bounds;
}

std::string describe_stops(const JointLimits& limits, Time tick, Time reaction) {
  std::string text;
  const std::vector<StopBound> bounds = stop_bounds(limits, tick);
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    const double late = to_seconds(reaction), way = limits.velocity[i] * late;
    text += fmt::format("{}: stop within {:.3f} s and {:.4f}, with a reaction of {:.3f} s within {:.3f} s and {:.4f}\n",
                        limits.names.empty() ? fmt::format("joint {}", i) : limits.names[i], bounds[i].seconds, bounds[i].distance, late,
                        bounds[i].seconds + late, bounds[i].distance + way);
  }
  return text;
}

}  // namespace sinew
