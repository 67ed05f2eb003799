// SPDX-License-Identifier: Apache-2.0
// A robot chosen at run time: shares any type meeting the Robot concept.
#pragma once

#include <memory>
#include <utility>

#include "sinew/runtime/robot.hpp"

namespace sinew {

/// Shares one robot (a robot has identity, so copies mean the same machine). Itself a Robot.
class AnyRobot {
 public:
  /// To drive a robot that is owned elsewhere, pass `std::shared_ptr<R>(std::shared_ptr<R>{}, &robot)`.
  template <Robot R>
    requires(!std::same_as<R, AnyRobot>)
  explicit AnyRobot(std::shared_ptr<R> robot) : self_(std::make_shared<Model<R>>(std::move(robot))) {}

  [[nodiscard]] Time now() const noexcept { return self_->now(); }
  [[nodiscard]] Status wait_until(Time time) noexcept { return self_->wait_until(time); }
  [[nodiscard]] Status observe(std::string_view instruction, Observation& observation) noexcept {
    return self_->observe(instruction, observation);
  }
  [[nodiscard]] Status positions(std::span<double> q) const noexcept { return self_->positions(q); }
  [[nodiscard]] Status command(std::span<const double> target) noexcept { return self_->command(target); }
  void stop() noexcept { self_->stop(); }
  [[nodiscard]] const JointLimits& limits() const noexcept { return self_->limits(); }

 private:
  struct Interface {
    virtual ~Interface() = default;
    virtual Time now() const noexcept = 0;
    virtual Status wait_until(Time time) noexcept = 0;
    virtual Status observe(std::string_view instruction, Observation& observation) noexcept = 0;
    virtual Status positions(std::span<double> q) const noexcept = 0;
    virtual Status command(std::span<const double> target) noexcept = 0;
    virtual void stop() noexcept = 0;
    virtual const JointLimits& limits() const noexcept = 0;
  };
  template <Robot R>
  struct Model final : Interface {
    explicit Model(std::shared_ptr<R> r) : robot(std::move(r)) {}
    Time now() const noexcept override { return robot->now(); }
    Status wait_until(Time time) noexcept override { return robot->wait_until(time); }
    Status observe(std::string_view instruction, Observation& observation) noexcept override {
      return robot->observe(instruction, observation);
    }
    Status positions(std::span<double> q) const noexcept override { return std::as_const(*robot).positions(q); }
    Status command(std::span<const double> target) noexcept override { return robot->command(target); }
    void stop() noexcept override { robot->stop(); }
    const JointLimits& limits() const noexcept override { return std::as_const(*robot).limits(); }
    std::shared_ptr<R> robot;
  };
  std::shared_ptr<Interface> self_;
};

static_assert(Robot<AnyRobot>);

}  // namespace sinew
