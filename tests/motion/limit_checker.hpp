// SPDX-License-Identifier: Apache-2.0
// An independent judge of commands: the rule, in long double, knowing nothing of how the filter works.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "sinew/motion/joint_limits.hpp"

namespace sinew::testing {

/// The rule: between two ticks that are `dt` apart the jerk is constant, so that the emitted position, velocity and
/// acceleration at both ends determine a cubic. Along it, ends and extrema, every limit holds.
/// All results are excesses relative to the limit (positions: to the range); at most 0 when the rule is kept exactly.
class LimitChecker {
 public:
  using Real = long double;
  struct Excess {
    Real position = -1;
    Real velocity = -1;
    Real acceleration = -1;
    Real jerk = -1;
    Real mismatch = 0;  ///< of the end from the cubic that starts at the beginning

    [[nodiscard]] Real worst() const { return std::max(std::max(position, velocity), std::max(acceleration, jerk)); }
  };

  explicit LimitChecker(const JointLimits& limits) : limits_(limits) {}

  /// Adds one tick of joint `i`. A tick with `one_jerk` false may change its jerk within: then the ends and the mean jerk
  /// are judged, and that some motion within the jerk limit joins the ends.
  void add(std::size_t i, const double (&from)[3], const double (&to)[3], double dt, bool one_jerk = true) {
    const Real q0 = from[0], v0 = from[1], a0 = from[2], q1 = to[0], v1 = to[1], a1 = to[2], t = dt;
    const Real jerk = (a1 - a0) / t;
    const Real V = limits_.velocity[i], A = limits_.acceleration[i], J = limits_.jerk[i];
    const Real range = Real(limits_.upper[i]) - limits_.lower[i];
    finite_ = finite_ && std::isfinite(to[0]) && std::isfinite(to[1]) && std::isfinite(to[2]);
    note(excess_.jerk, std::fabs(jerk) / J - 1);
    note(excess_.acceleration, std::fabs(a1) / A - 1);
    velocity(i, v1);
    position(i, q1);
    const Real v_miss = v1 - (v0 + a0 * t + jerk * t * t / 2);
    const Real q_miss = q1 - (q0 + v0 * t + a0 * t * t / 2 + jerk * t * t * t / 6);
    if (!one_jerk) {
      note(excess_.jerk, std::fabs(v_miss) / (J * t * t / 2) - 1);
      note(excess_.jerk, std::fabs(q_miss) / (J * t * t * t / 3) - 1);
      return;
    }
    // In slow joints with long ticks, what an acceleration is rounded by may be more than that share of the velocity limit.
    note(excess_.mismatch, std::fabs(v_miss) / std::max(V, A * t));
    note(excess_.mismatch, std::fabs(q_miss) / range);
    if (jerk != 0) {
      const Real turn = -a0 / jerk;
      if (turn > 0 && turn < t) velocity(i, v0 + a0 * turn / 2);
    }
    // Velocity vanishes: v0 + a0 s + jerk s^2 / 2 = 0.
    const Real square = a0 * a0 - 2 * jerk * v0;
    const auto turning_point = [&](Real s) {
      if (s > 0 && s < t) position(i, q0 + s * (v0 + s * (a0 / 2 + s * jerk / 6)));
    };
    if (jerk == 0) {
      if (a0 != 0) turning_point(-v0 / a0);
    } else if (square >= 0) {
      turning_point((-a0 + std::sqrt(square)) / jerk);
      turning_point((-a0 - std::sqrt(square)) / jerk);
    }
  }

  [[nodiscard]] const Excess& excess() const { return excess_; }
  [[nodiscard]] bool finite() const { return finite_; }

 private:
  static void note(Real& worst, Real value) { worst = value > worst ? value : worst; }
  void velocity(std::size_t i, Real v) { note(excess_.velocity, std::fabs(v) / limits_.velocity[i] - 1); }
  void position(std::size_t i, Real q) {
    const Real range = Real(limits_.upper[i]) - limits_.lower[i];
    note(excess_.position, std::max(q - limits_.upper[i], limits_.lower[i] - q) / range);
  }

  JointLimits limits_;
  Excess excess_;
  bool finite_ = true;
};

}  // namespace sinew::testing
