// SPDX-License-Identifier: Apache-2.0
#include "motion/panda.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace sinew::bench {

JointLimits panda_limits() {
  return {{},
          {-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973},
          {2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973},
          {2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61},
          {15, 7.5, 10, 12.5, 15, 20, 20},
          {7500, 3750, 5000, 6250, 7500, 10000, 10000}};
}

SmoothMotion::SmoothMotion(const JointLimits& limits, double range_share, double velocity_share) {
  for (std::size_t i = 0; i < limits.lower.size(); ++i) {
    const double rate = 2 * std::numbers::pi * (0.15 + 0.03 * static_cast<double>(i));
    middle_.push_back(0.5 * (limits.lower[i] + limits.upper[i]));
    amplitude_.push_back(std::min(0.5 * range_share * (limits.upper[i] - limits.lower[i]), velocity_share * limits.velocity[i] / rate));
    rate_.push_back(rate);
  }
}

double SmoothMotion::position(std::size_t joint, double seconds) const {
  return middle_[joint] + amplitude_[joint] * std::sin(rate_[joint] * seconds);
}

double SmoothMotion::velocity(std::size_t joint, double seconds) const {
  return amplitude_[joint] * rate_[joint] * std::cos(rate_[joint] * seconds);
}

}  // namespace sinew::bench
