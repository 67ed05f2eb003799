// SPDX-License-Identifier: Apache-2.0
// Our filter and another library's generator behind one face, so that both get the same targets and are judged alike.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <vector>

#include "motion/generator.hpp"
#include "sinew/motion/command_filter.hpp"

namespace sinew::bench {

/// Seven joints that follow targets tick by tick.
class Follower {
 public:
  virtual ~Follower() = default;
  /// At rest at `q`. False when refused, as below.
  virtual bool start(std::span<const double> q) = 0;
  /// Empty: the last target holds.
  virtual bool step(std::span<const double> target, std::span<const double> target_velocity) = 0;
  /// Chooses the limits that were given first (false) or second.
  virtual void use_second_limits(bool second) = 0;
  [[nodiscard]] virtual std::span<const double> position() const = 0;
  [[nodiscard]] virtual std::span<const double> velocity() const = 0;
};

/// Ours. When limits shrink, each joint slows down into the new ones, and keeps them as soon as it can.
class FilterFollower final : public Follower {
 public:
  FilterFollower(JointLimits first, JointLimits second, Time tick)
      : filter_(first, tick), limits_{std::move(first), std::move(second)}, q_(limits_[0].lower.size()) {}

  bool start(std::span<const double> q) override { return filter_.reset(q) == Status::ok; }
  bool step(std::span<const double> target, std::span<const double>) override { return filter_.step(target, q_) == Status::ok; }
  void use_second_limits(bool second) override {
    if (second != second_) (void)filter_.change_limits(limits_[second ? 1 : 0]);
    second_ = second;
  }
  std::span<const double> position() const override { return filter_.position(); }
  std::span<const double> velocity() const override { return filter_.velocity(); }

 private:
  CommandFilter filter_;
  JointLimits limits_[2];
  std::vector<double> q_;
  bool second_ = false;
};

class GeneratorFollower final : public Follower {
 public:
  GeneratorFollower(std::unique_ptr<Generator> generator, JointLimits first, JointLimits second)
      : generator_(std::move(generator)), limits_{std::move(first), std::move(second)} {}

  bool start(std::span<const double> q) override {
    generator_->start(q);
    return true;
  }
  bool step(std::span<const double> target, std::span<const double> target_velocity) override {
    return generator_->step(target, target_velocity);
  }
  void use_second_limits(bool second) override { generator_->set_limits(limits_[second ? 1 : 0]); }
  std::span<const double> position() const override { return generator_->position(); }
  std::span<const double> velocity() const override { return generator_->velocity(); }

 private:
  std::unique_ptr<Generator> generator_;
  JointLimits limits_[2];
};

}  // namespace sinew::bench
