// SPDX-License-Identifier: Apache-2.0
// Counts the ticks in which the filter had to change what a plan asks for, and those in which the plan gave no reason for that.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "sinew/motion/chunk_timeline.hpp"
#include "sinew/motion/command_filter.hpp"

namespace sinew::testing {

/// Timeline and filters at 1 kHz, a filter for each joint so that each is counted by itself.
class PassCounter {
 public:
  static constexpr Time kTick = std::chrono::milliseconds(1);

  PassCounter(const JointLimits& limits, ChunkTimelineOptions options)
      : limits_(limits), timeline_(limits.dof(), std::move(options)), target_(limits.lower.size()), joints_(target_.size()) {
    for (std::size_t i = 0; i < target_.size(); ++i)
      filters_.emplace_back(
          JointLimits{{}, {limits.lower[i]}, {limits.upper[i]}, {limits.velocity[i]}, {limits.acceleration[i]}, {limits.jerk[i]}}, kTick);
  }

  [[nodiscard]] bool start(std::span<const double> q, Time now) {
    now_ = now;
    timeline_.clear();
    bool good = true;
    for (std::size_t i = 0; i < q.size(); ++i) {
      joints_[i] = {.target = q[i]};
      good = filters_[i].reset(q.subspan(i, 1)) == Status::ok && good;
    }
    return good;
  }
  [[nodiscard]] Status push(const ActionChunk& chunk) { return timeline_.push(chunk, now_); }

  /// Ticks until `end`; the command of each is due at its end.
  void run_until(Time end) {
    while (now_ < end) {
      now_ += kTick;
      if (timeline_.at(now_, target_) != Status::ok) ++refused;
      bool any = false, any_alarm = false;
      for (std::size_t i = 0; i < target_.size(); ++i) {
        const bool overruled = step(i);
        any = any || overruled;
        any_alarm = any_alarm || (overruled && joints_[i].legal_ticks > kMemory);
      }
      ++ticks;
      changed += any ? 1 : 0;
      false_alarms += any_alarm ? 1 : 0;
    }
  }

  [[nodiscard]] Time now() const { return now_; }

  std::uint64_t ticks = 0;
  std::uint64_t changed = 0;  ///< with a joint that the safe set overruled, or a target beyond the limits
  /// Of those, with such a joint whose targets had asked for no more than its velocity, acceleration and jerk limits for a while.
  std::uint64_t false_alarms = 0;
  std::uint64_t refused = 0;
  double farthest = 0;  ///< rad or m, of a command from its target

 private:
  static constexpr int kMemory = 100;        // ticks after a joint has caught up with what an illegal target started
  static constexpr double kCaughtUp = 1e-3;  // rad or m
  struct Joint {
    double target = 0;
    double velocity = 0;
    double acceleration = 0;
    int legal_ticks = 0;
  };

  bool step(std::size_t i) {
    CommandFilter& filter = filters_[i];
    Joint& joint = joints_[i];
    const double velocity = (target_[i] - joint.target) / to_seconds(kTick);
    const double acceleration = (velocity - joint.velocity) / to_seconds(kTick);
    const double jerk = (acceleration - joint.acceleration) / to_seconds(kTick);
    const bool legal =
        std::abs(velocity) <= limits_.velocity[i] && std::abs(acceleration) <= limits_.acceleration[i] && std::abs(jerk) <= limits_.jerk[i];
    const bool catching_up = joint.legal_ticks <= kMemory && std::abs(filter.position()[0] - target_[i]) > kCaughtUp;
    joint = {target_[i], velocity, acceleration, legal && !catching_up ? joint.legal_ticks + 1 : 0};
    const std::uint64_t before = filter.interventions() + filter.clamped_targets();
    double q = 0;
    if (filter.step({&target_[i], 1}, {&q, 1}) != Status::ok) ++refused;
    farthest = std::max(farthest, std::abs(q - target_[i]));
    return filter.interventions() + filter.clamped_targets() != before;
  }

  JointLimits limits_;
  ChunkTimeline timeline_;
  std::vector<CommandFilter> filters_;
  std::vector<double> target_;
  std::vector<Joint> joints_;
  Time now_{};
};

}  // namespace sinew::testing
