// SPDX-License-Identifier: Apache-2.0
// What those who choose targets for a command filter may know, and random joints for them.
#pragma once

#include <cmath>
#include <span>

#include "sinew/motion/joint_limits.hpp"
#include "test_seed.hpp"

namespace sinew::testing {

/// What an adversary may look at: everything.
struct Victim {
  const JointLimits& limits;
  std::size_t joint;
  long tick;
  double dt;  ///< s, of the tick that comes
  double usual_dt;
  double time;  ///< s
  double q;
  double v;
  double a;
  double last;  ///< the adversary's own last target
  Random& random;
  std::span<const double> all_q;  ///< of every joint
  std::span<const double> all_v;

  [[nodiscard]] double lower() const { return limits.lower[joint]; }
  [[nodiscard]] double upper() const { return limits.upper[joint]; }
  [[nodiscard]] double middle() const { return 0.5 * (lower() + upper()); }
  [[nodiscard]] double range() const { return upper() - lower(); }
  [[nodiscard]] double anywhere() { return random.uniform(lower(), upper()); }
  [[nodiscard]] double velocity() const { return limits.velocity[joint]; }
  [[nodiscard]] double acceleration() const { return limits.acceleration[joint]; }
  [[nodiscard]] double jerk() const { return limits.jerk[joint]; }
  [[nodiscard]] double direction() const { return v >= 0 ? 1 : -1; }
  /// About what a stop takes, and a little more than it needs.
  [[nodiscard]] double stopping_distance() const {
    const double speed = std::fabs(v) + 0.5 * std::fabs(a) * acceleration() / jerk();
    return speed * (speed / acceleration() + acceleration() / jerk()) / 2;
  }
  [[nodiscard]] double wave(double hertz) const { return std::sin(6.283185307179586 * hertz * time); }
};

/// Limits of `dof` random joints, from grippers to fast arms.
inline JointLimits random_limits(std::size_t dof, Random& random) {
  const auto between = [&](double low, double high) { return low * std::pow(high / low, random.uniform()); };
  JointLimits limits;
  for (std::size_t i = 0; i < dof; ++i) {
    const double range = between(0.04, 6);
    const double lower = random.uniform(-range, 0.3);
    limits.lower.push_back(lower);
    limits.upper.push_back(lower + range);
    limits.velocity.push_back(between(0.05, 5));
    limits.acceleration.push_back(between(0.5, 30));
    limits.jerk.push_back(between(5, 3000));
  }
  return limits;
}

}  // namespace sinew::testing
