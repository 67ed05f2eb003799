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

/// Ours. When limits shrink, the old ones hold and the joints brake until the new ones can take over: a filter cannot be told to keep
/// limits that its state is beyond of.
class FilterFollower final : public Follower {
 public:
  FilterFollower(const JointLimits& first, const JointLimits& second, Time tick)
      : filters_{{first, tick}, {second, tick}}, q_(first.lower.size()) {}

  bool start(std::span<const double> q) override { return active().reset(q) == Status::ok; }
  bool step(std::span<const double> target, std::span<const double>) override {
    if (wanted_ != active_ && filters_[wanted_].reset(active().position(), active().velocity(), active().acceleration()) == Status::ok)
      active_ = wanted_;
    if (!target.empty()) target_.assign(target.begin(), target.end());
    if (wanted_ != active_) active().stop();
    const Status status = active().step(target_, q_);
    return status == Status::ok || status == Status::stopped;
  }
  void use_second_limits(bool second) override { wanted_ = second ? 1 : 0; }
  std::span<const double> position() const override { return filters_[active_].position(); }
  std::span<const double> velocity() const override { return filters_[active_].velocity(); }

 private:
  CommandFilter& active() { return filters_[active_]; }

  CommandFilter filters_[2];
  std::vector<double> target_;
  std::vector<double> q_;
  std::size_t active_ = 0;
  std::size_t wanted_ = 0;
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
