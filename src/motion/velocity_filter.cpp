// SPDX-License-Identifier: Apache-2.0
#include "sinew/motion/velocity_filter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "../core/all_finite.hpp"
#include "sinew/core/error.hpp"
#include "sinew/motion/command_filter.hpp"
#include "stop_plan.hpp"

namespace sinew {

namespace {

using detail::absolute;
using detail::all_finite;
using detail::clamped;

// Note [Margins] of joint_filter.cpp: the bounds that are enforced lie inside the caller's.
constexpr double kMargin = 1e-11;
constexpr double kRest = 1e-13;

void require_limits(std::string_view what, const std::vector<double>& values, std::size_t axes) {
  constexpr double kLargest = 1e9;
  const std::string where = "VelocityFilter";
  if (values.size() != axes || axes == 0)
    fail(ErrorCode::invalid_argument, {where, fmt::format("{} limits", what), fmt::format("{} values, one per axis, at least one", axes),
                                       fmt::format("{}", values.size()), "there is no \"off\""});
  for (std::size_t i = 0; i < axes; ++i)
    if (!(values[i] > 0 && values[i] <= kLargest))
      fail(ErrorCode::invalid_argument, {where, fmt::format("{} limit of axis {}", what, i), fmt::format("above 0, at most {}", kLargest),
                                         fmt::format("{}", values[i]), ""});
}

/// Seconds, in whole ticks, of the shortest straight ramp from `a` to zero within the jerk limit.
double release_seconds(double a, double jerk, double tick) noexcept {
  return a == 0 ? 0.0 : std::max(1.0, std::ceil(absolute(a) / (jerk * tick) - 1e-9)) * tick;
}

/// Whether the velocity keeps its limit while `a` falls to zero in a straight line.
bool release_is_legal(double v, double a, double seconds, double most) noexcept {
  return absolute(v) <= most && absolute(v + 0.5 * a * seconds) <= most;
}

/// The acceleration at the end of a tick after which the velocity, with the acceleration let go at once, ends at `target`: the root of
/// v + (a + x) T / 2 + x |x| / (2 J) + x T / 2 = target. The last term stands for the rounding up of the release to whole ticks.
double wished_acceleration(double v, double a, double target, double jerk, double tick) noexcept {
  const double room = target - v - 0.5 * a * tick, size = absolute(room);
  const double x = jerk * (std::sqrt(tick * tick + 2.0 * size / jerk) - tick);
  return room < 0 ? -x : x;
}

}  // namespace

VelocityFilter::VelocityFilter(const VelocityLimits& limits, Time dt) : limits_(limits), dt_(dt) {
  const std::size_t axes = limits.velocity.size();
  require_limits("velocity", limits.velocity, axes);
  require_limits("acceleration", limits.acceleration, axes);
  require_limits("jerk", limits.jerk, axes);
  if (!limits.names.empty() && limits.names.size() != axes)
    fail(ErrorCode::invalid_argument,
         {"VelocityFilter", "names", fmt::format("{} or none", axes), fmt::format("{}", limits.names.size()), ""});
  if (dt < CommandFilter::kMinTick || dt > CommandFilter::kMaxTick)
    fail(ErrorCode::invalid_argument, {"VelocityFilter", "tick", "50e-6 to 0.1 s", fmt::format("{} s", to_seconds(dt)), ""});
  for (auto* values : {&velocity_, &acceleration_, &release_}) values->resize(axes);
}

Status VelocityFilter::reset(std::span<const double> velocity, std::span<const double> acceleration) noexcept {
  const std::size_t axes = velocity_.size();
  if ((!velocity.empty() && velocity.size() != axes) || (!acceleration.empty() && acceleration.size() != axes)) return Status::bad_shape;
  if (!all_finite(velocity) || !all_finite(acceleration)) return Status::not_finite;
  const double tick = to_seconds(dt_);
  const auto at = [](std::span<const double> values, std::size_t i) { return values.empty() ? 0.0 : values[i]; };
  for (std::size_t i = 0; i < axes; ++i) {
    const double a = at(acceleration, i), most = limits_.velocity[i] * (1 - kMargin);
    if (absolute(a) > limits_.acceleration[i] ||
        !release_is_legal(at(velocity, i), a, release_seconds(a, limits_.jerk[i] * (1 - kMargin), tick), most))
      return Status::out_of_range;
  }
  for (std::size_t i = 0; i < axes; ++i) {
    velocity_[i] = at(velocity, i);
    acceleration_[i] = at(acceleration, i);
    release_[i] = release_seconds(acceleration_[i], limits_.jerk[i] * (1 - kMargin), tick);
  }
  ready_ = true;
  stopping_ = false;
  return status_ = Status::ok;
}

void VelocityFilter::step_axis(std::size_t i, double target, double seconds) noexcept {
  const double most = limits_.velocity[i] * (1 - kMargin), steepest = limits_.jerk[i] * (1 - kMargin);
  const double v = velocity_[i], a = acceleration_[i], goal = clamped(target, -most, most);
  const double top = limits_.acceleration[i] * (1 - kMargin), reach = steepest * seconds;
  double end = clamped(clamped(wished_acceleration(v, a, goal, 0.95 * steepest, seconds), a - reach, a + reach), -top, top);
  double next = v + 0.5 * (a + end) * seconds, release = release_seconds(end, steepest, seconds);
  // Where the acceleration changes its sign the velocity peaks within the tick; it stays below what letting go would reach.
  const bool turns = (a < 0) != (end < 0) && a != end;
  const double peak = turns ? v + 0.5 * a * (seconds * a / (a - end)) : next;
  if (absolute(peak) > most || !release_is_legal(next, end, release, most)) {
    ++interventions_;
    const double length = std::min(seconds, release_[i]);
    end = length < release_[i] ? a * (1 - length / release_[i]) : 0.0;
    next = v + 0.5 * (a + end) * length;
    release = release_[i] - length;
  }
  const bool rests = absolute(end) <= kRest * top && absolute(next - goal) <= kRest * most;
  velocity_[i] = rests ? goal : next;
  acceleration_[i] = rests ? 0.0 : end;
  release_[i] = rests ? 0.0 : release;
}

Status VelocityFilter::step(std::span<const double> target, Time dt, std::span<double> velocity) noexcept {
  if (!ready_) return status_ = Status::not_ready;
  if (velocity.size() != velocity_.size()) return status_ = Status::bad_shape;
  Status status = stopping_ ? Status::stopped : Status::ok;
  if (dt < CommandFilter::kMinTick || dt > CommandFilter::kMaxTick) {
    status = Status::out_of_range;
  } else {
    if (stopping_) {
      target = {};
    } else if (!target.empty() && target.size() != velocity_.size()) {
      status = Status::bad_shape;
      target = {};
    } else if (!all_finite(target)) {
      status = Status::not_finite;
      target = {};
    }
    bool beyond = false;
    for (std::size_t i = 0; i < velocity_.size(); ++i) {
      const double wanted = target.empty() ? 0.0 : target[i];
      beyond = beyond || absolute(wanted) > limits_.velocity[i];
      step_axis(i, wanted, to_seconds(dt));
    }
    if (beyond) ++clamped_targets_;
  }
  std::copy(velocity_.begin(), velocity_.end(), velocity.begin());
  return status_ = status;
}

bool VelocityFilter::at_rest() const noexcept {
  const auto zero = [](double x) { return x == 0; };
  return std::all_of(velocity_.begin(), velocity_.end(), zero) && std::all_of(acceleration_.begin(), acceleration_.end(), zero);
}

}  // namespace sinew
