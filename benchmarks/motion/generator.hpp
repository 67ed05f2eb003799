// SPDX-License-Identifier: Apache-2.0
// Another library's online trajectory generator, as bench_motion uses it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "sinew/core/clock.hpp"
#include "sinew/motion/joint_limits.hpp"

namespace sinew::bench {

/// Seven joints that a generator moves independently of each other, tick by tick.
class Generator {
 public:
  virtual ~Generator() = default;
  [[nodiscard]] virtual std::string name() const = 0;
  /// At rest at `q`.
  virtual void start(std::span<const double> q) = 0;
  /// In force from the next step on.
  virtual void set_limits(const JointLimits& limits) = 0;
  /// One tick towards a target with a velocity; empty ones mean that the last holds. False when the library reports an error.
  virtual bool step(std::span<const double> target, std::span<const double> target_velocity) = 0;
  [[nodiscard]] virtual std::span<const double> position() const = 0;
  [[nodiscard]] virtual std::span<const double> velocity() const = 0;
  /// Keeps the present state and target as a problem to be solved again; how many there are; solves one, without moving.
  virtual void keep_problem() = 0;
  [[nodiscard]] virtual std::size_t problems() const = 0;
  virtual bool solve(std::size_t problem) = 0;
};

/// Nothing when it was not built; then `why` says why. `limits` of seven joints.
[[nodiscard]] std::unique_ptr<Generator> open_ruckig(const JointLimits& limits, Time tick, std::string& why);

}  // namespace sinew::bench
