// SPDX-License-Identifier: Apache-2.0
// Target streams that try to drive a command filter out of its limits.
#pragma once

#include <cfloat>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "sinew/motion/joint_limits.hpp"
#include "test_seed.hpp"

namespace sinew::testing {

/// What an adversary may look at: everything.
struct Victim {
  const JointLimits& limits;
  std::size_t joint;
  long tick;
  double dt;    ///< s
  double time;  ///< s
  double q;
  double v;
  double a;
  double last;  ///< the adversary's own last target
  Random& random;

  [[nodiscard]] double lower() const { return limits.lower[joint]; }
  [[nodiscard]] double upper() const { return limits.upper[joint]; }
  [[nodiscard]] double middle() const { return 0.5 * (lower() + upper()); }
  [[nodiscard]] double range() const { return upper() - lower(); }
  [[nodiscard]] double anywhere() { return random.uniform(lower(), upper()); }
  [[nodiscard]] double wave(double hertz) const { return std::sin(6.283185307179586 * hertz * time); }
};

struct Adversary {
  std::string name;
  std::function<double(Victim&)> target;
};

inline std::vector<Adversary> adversaries() {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInf = std::numeric_limits<double>::infinity();
  return {
      {"upper limit", [](Victim& x) { return x.upper(); }},
      {"lower limit", [](Victim& x) { return x.lower(); }},
      {"an ulp around the limit", [](Victim& x) { return std::nextafter(x.upper(), x.random.below(2) != 0 ? kInf : -kInf); }},
      {"always NaN", [](Victim&) { return kNan; }},
      {"sometimes NaN", [](Victim& x) { return x.random.below(7) == 0 ? kNan : x.anywhere(); }},
      {"signalling NaN", [](Victim& x) { return x.tick % 3 == 0 ? std::numeric_limits<double>::signaling_NaN() : x.upper(); }},
      {"infinities", [](Victim& x) { return x.tick % 2 == 0 ? kInf : -kInf; }},
      {"largest doubles", [](Victim& x) { return x.random.below(2) != 0 ? DBL_MAX : -DBL_MAX; }},
      {"denormals and minus zero", [](Victim& x) { return x.tick % 2 == 0 ? DBL_TRUE_MIN : -0.0; }},
      {"bang-bang at Nyquist", [](Victim& x) { return x.tick % 2 == 0 ? x.upper() : x.lower(); }},
      {"bang-bang at random times",
       [](Victim& x) { return x.random.below(60) != 0 ? x.last
                              : x.last > x.middle()   ? x.lower()
                                                      : x.upper(); }},
      {"random steps", [](Victim& x) { return x.random.below(100) != 0 ? x.last : x.anywhere(); }},
      {"white noise", [](Victim& x) { return x.anywhere(); }},
      {"small noise", [](Victim& x) { return x.middle() + 1e-3 * x.random.uniform(-1, 1) * x.range(); }},
      {"random walk", [](Victim& x) { return x.last + 0.05 * x.random.uniform(-1, 1) * x.range(); }},
      {"chirp", [](Victim& x) { return x.middle() + 0.6 * x.range() * x.wave(0.1 + 0.5 * x.time); }},
      {"sine beyond the range", [](Victim& x) { return x.middle() + 2 * x.range() * x.wave(0.7); }},
      {"slow drift to the limit", [](Victim& x) { return x.middle() + 0.02 * x.time * x.range(); }},
      {"degrees for radians", [](Victim& x) { return 57.29577951308232 * x.wave(0.3); }},
      {"10 Hz staircase", [](Victim& x) { return x.middle() + 0.45 * x.range() * std::sin(std::floor(10 * x.time)); }},
      {"sawtooth", [](Victim& x) { return x.lower() + x.range() * (0.8 * x.time - std::floor(0.8 * x.time)); }},
      {"against the motion", [](Victim& x) { return x.v > 0 ? x.lower() : x.upper(); }},
      {"with the motion", [](Victim& x) { return x.v >= 0 ? x.upper() : x.lower(); }},
      {"against the acceleration", [](Victim& x) { return x.a > 0 ? x.lower() : x.upper(); }},
      {"fast into the limit, then back", [](Victim& x) { return x.upper() - x.q > 0.02 * x.range() ? x.upper() : x.lower(); }},
      {"just behind the joint", [](Victim& x) { return x.q - 1e-3 * x.v; }},
      {"ramp that ends in a jump",
       [](Victim& x) { return x.tick % 300 == 299 ? x.lower() : x.lower() + x.range() * static_cast<double>(x.tick % 300) / 300; }},
      {"seek the largest velocity",
       [](Victim& x) { return std::fabs(x.v) < 0.99 * x.limits.velocity[x.joint] ? x.q + (x.v >= 0 ? 1 : -1) * x.range() : x.q; }},
      {"seek the largest acceleration", [](Victim& x) { return x.tick / 40 % 2 == 0 ? x.q + x.range() : x.q - x.range(); }},
  };
}

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
