// SPDX-License-Identifier: Apache-2.0
#include "sinew/motion/path_governor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sinew/core/error.hpp"

namespace sinew {

namespace {

/// How fast the rate of time may fall, 1/s: a joint at its velocity limit decelerates by V times as much.
double rate_deceleration(const JointLimits& limits, double lookahead) {
  double least = 1 / lookahead;
  for (std::size_t i = 0; i < limits.velocity.size(); ++i) least = std::min(least, 0.5 * limits.acceleration[i] / limits.velocity[i]);
  return std::max(least, 1.2 / lookahead);  // from 1 to 0 within what is seen
}

VelocityLimits rate_limits(double deceleration) { return {{}, {1.0 + 1e-9}, {deceleration}, {deceleration / 0.04}}; }

}  // namespace

PathGovernor::PathGovernor(const JointLimits& limits, Time dt, const PathGovernorOptions& options)
    : share_(options.share),
      step_(options.samples > 0 ? options.lookahead / options.samples : Time{}),
      count_(options.samples),
      deceleration_(rate_deceleration(limits, std::max(1e-3, to_seconds(options.lookahead)))),
      smooth_(rate_limits(deceleration_), dt) {
  const std::string where = "PathGovernor";
  validate(limits, where);
  if (options.samples < 3 || options.samples > 1000)
    fail(ErrorCode::invalid_argument, {where, "samples", "3 to 1000", fmt::format("{}", options.samples), ""});
  if (options.lookahead < std::chrono::milliseconds(10) || options.lookahead > std::chrono::seconds(10))
    fail(ErrorCode::invalid_argument, {where, "lookahead", "0.01 to 10 s", fmt::format("{} s", to_seconds(options.lookahead)), ""});
  if (!(options.share > 0 && options.share <= 1))
    fail(ErrorCode::invalid_argument, {where, "share", "above 0, at most 1", fmt::format("{}", options.share), ""});
  for (std::size_t i = 0; i < limits.velocity.size(); ++i) {
    velocity_.push_back(limits.velocity[i] * options.share);
    acceleration_.push_back(limits.acceleration[i] * options.share);
  }
  samples_.resize((static_cast<std::size_t>(count_) + 2) * velocity_.size());
  reset();
}

void PathGovernor::set_limits(const JointLimits& limits) noexcept {
  for (std::size_t i = 0; i < std::min(velocity_.size(), limits.velocity.size()); ++i) {
    velocity_[i] = limits.velocity[i] * share_;
    acceleration_[i] = limits.acceleration[i] * share_;
  }
}

void PathGovernor::reset() noexcept {
  const double full[] = {1.0};
  (void)smooth_.reset(full);
  rate_ = 1;
}

// At a rate r, velocities along the path are r times, accelerations r^2 times as large.
double PathGovernor::rate_between(const double* before, const double* here, const double* after) const noexcept {
  const double per_second = 1 / to_seconds(step_);
  double rate = 1, square = 1;
  for (std::size_t i = 0; i < velocity_.size(); ++i) {
    const double velocity = std::abs(after[i] - here[i]) * per_second;
    const double acceleration = std::abs(after[i] - 2 * here[i] + before[i]) * per_second * per_second;
    if (velocity * rate > velocity_[i]) rate = velocity_[i] / velocity;
    if (acceleration * square > acceleration_[i]) square = acceleration_[i] / acceleration;
  }
  return std::min(rate, std::sqrt(square));
}

double PathGovernor::feasible_rate(const ChunkTimeline& timeline, Time end) noexcept {
  const std::size_t dof = velocity_.size();
  for (int k = 0; k < count_ + 2; ++k) (void)timeline.at(end + (k - 1) * step_, {samples_.data() + static_cast<std::size_t>(k) * dof, dof});
  double feasible = 1;
  for (int k = 0; k < count_; ++k) {
    const double* here = samples_.data() + static_cast<std::size_t>(k + 1) * dof;
    const double rate = rate_between(here - dof, here, here + dof);
    // To be that slow when the time comes, a falling rate may still be so high now; the time until then passes at the rate itself.
    const double ahead = static_cast<double>(std::max(0, k - 1)) * to_seconds(step_);
    feasible = std::min(feasible, std::sqrt(rate * rate + 1.2 * deceleration_ * ahead));
  }
  return feasible;
}

double PathGovernor::apply(ChunkTimeline& timeline, Time end, Time dt) noexcept {
  if (timeline.empty() || timeline.dof() != static_cast<int>(velocity_.size())) {
    reset();
    return rate_;
  }
  const double wanted[] = {feasible_rate(timeline, end)};
  double next[] = {rate_};
  (void)smooth_.step(wanted, dt, next);
  rate_ = std::clamp(next[0], 0.0, 1.0);
  timeline.delay(Time(static_cast<Time::rep>((1 - rate_) * static_cast<double>(dt.count()))));
  return rate_;
}

}  // namespace sinew
