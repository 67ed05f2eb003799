// SPDX-License-Identifier: Apache-2.0
// Stops on the tick grid, verified segment by segment.
#include "stop_plan.hpp"

#include <cmath>

namespace sinew::detail {

namespace {

/// Position `t` seconds into a piece with jerk `jerk`.
double position_at(const JointState& x, double jerk, double t) noexcept { return x.q + t * (x.v + t * (x.a * 0.5 + t * jerk / 6.0)); }

/// Whether the position stays inside at the instants in (0, seconds) where the velocity v + a t + j t^2 / 2 vanishes.
bool turns_inside(const JointState& x, double jerk, double seconds, const JointBounds& bounds) noexcept {
  const double discriminant = x.a * x.a - 2.0 * jerk * x.v;
  if (discriminant < 0) return true;
  // The two roots as c / h and h / (j / 2): no cancellation, and no division by a vanishing jerk.
  const double root = std::sqrt(discriminant);
  const double h = -0.5 * (x.a + (x.a < 0 ? -root : root));
  const auto inside = [&](double numerator, double denominator) {
    if (denominator == 0) return true;
    const double t = numerator / denominator;
    if (!(t > 0 && t < seconds)) return true;
    const double q = position_at(x, jerk, t);
    return q >= bounds.lower && q <= bounds.upper;
  };
  return inside(x.v, h) && inside(h, 0.5 * jerk);
}

void append(StopPlan& plan, std::int64_t ticks, std::int64_t tick, double end) noexcept {
  if (ticks > 0) plan.segments[static_cast<std::size_t>(plan.end++)] = {ticks * tick, end};
}

/// Rounds up; a hair above a whole number counts as that number.
std::int64_t ticks_in(double ticks) noexcept {
  const double exact = ticks - 1e-9;
  const auto whole = static_cast<std::int64_t>(exact);  // towards zero
  return whole + (static_cast<double>(whole) < exact ? 1 : 0);
}

/// Ticks of the three pieces of a stop: to the braking acceleration, holding it, and from it to zero.
struct StopTicks {
  std::int64_t ramp = 0;
  std::int64_t hold = 0;
  std::int64_t release = 0;
};

/// The time-optimal stop in continuous time, rounded up to ticks. `v` and `a` are mirrored so that braking is negative.
StopTicks optimal_ticks(double v, double a, double tick, const JointBounds& bounds) noexcept {
  const double square = bounds.jerk * v + 0.5 * a * a, per_jerk_tick = 1.0 / (bounds.jerk * tick);
  double peak = std::sqrt(square), hold = 0;
  if (peak > bounds.acceleration) {
    peak = bounds.acceleration;
    hold = (square / peak - peak) * per_jerk_tick;
  }
  return {ticks_in((peak + a) * per_jerk_tick), hold > 0 ? ticks_in(hold) : 0, ticks_in(peak * per_jerk_tick)};
}

enum class Found { none, unverified, legal };

/// Whether a stop that begins at `x`, mirrored as `v` and `a`, keeps every bound by a margin that needs no verification: the velocity
/// falls all the way but for the first moments, in which the acceleration is let go.
bool clearly_legal(const JointState& x, double v, double a, double peak, double ramp, double seconds, const JointBounds& bounds) noexcept {
  if (v < 0 || peak < 0) return false;
  const double fastest = a > 0 ? v + 0.5 * a * ramp : v, reach = fastest * seconds;
  return fastest <= bounds.velocity && x.q - reach >= bounds.lower && x.q + reach <= bounds.upper;
}

/// Appends the three pieces whose braking acceleration brings the velocity to zero in exactly these ticks. Rounding up
/// makes the limits on jerk and acceleration slack, except where `a` exceeds the peak; a shorter release or a tick of hold repairs that.
Found append_stop(StopPlan& plan, const JointState& x, std::int64_t tick, const JointBounds& bounds) noexcept {
  if (x.v == 0 && x.a == 0) return Found::legal;
  const double sign = bounds.jerk * x.v + 0.5 * x.a * absolute(x.a) < 0 ? -1.0 : 1.0;
  const double v = sign * x.v;
  const double a = sign * x.a;
  const double seconds = static_cast<double>(tick) * 1e-9;
  StopTicks ticks = optimal_ticks(v, a, seconds, bounds);
  if (ticks.release < 1) ticks.release = 1;
  if (ticks.ramp == 0) {
    // Already on the last ramp: no freedom is left, so the velocity must fit, or one tick of ramp makes it fit.
    const double release = static_cast<double>(ticks.release) * seconds;
    if (ticks.hold == 0 && absolute(v + 0.5 * a * release) <= 1e-15 * bounds.velocity && -a <= bounds.jerk * release) {
      append(plan, ticks.release, tick, 0.0);
      return Found::unverified;
    }
    ticks.ramp = 1;
  }
  constexpr int kTries = 6;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const std::int64_t shorter = attempt % 2, longer = attempt / 2;
    if (ticks.release - shorter < 1) continue;
    const double ramp = static_cast<double>(ticks.ramp) * seconds;
    const double release = static_cast<double>(ticks.release - shorter) * seconds;
    const double hold = static_cast<double>(ticks.hold + longer) * seconds;
    const double peak = (v + 0.5 * ramp * a) / (0.5 * (ramp + release) + hold);
    if (absolute(peak + a) > bounds.jerk * ramp || absolute(peak) > bounds.jerk * release || absolute(peak) > bounds.acceleration) continue;
    append(plan, ticks.ramp, tick, -sign * peak);
    append(plan, ticks.hold + longer, tick, -sign * peak);
    append(plan, ticks.release - shorter, tick, 0.0);
    return clearly_legal(x, v, a, peak, ramp, ramp + hold + release, bounds) ? Found::legal : Found::unverified;
  }
  return Found::none;
}

bool is_legal(const JointState& x, const StopPlan& plan, const JointBounds& bounds) noexcept {
  JointState state = x;
  for (int i = plan.begin; i < plan.end; ++i) {
    const StopSegment& segment = plan.segments[static_cast<std::size_t>(i)];
    const double seconds = static_cast<double>(segment.nanoseconds) * 1e-9;
    if (!is_legal(state, segment.end, seconds, bounds)) return false;
    state = advance(state, segment.end, seconds);
  }
  return true;
}

}  // namespace

bool is_legal(const JointState& x, double end, double seconds, const JointBounds& bounds) noexcept {
  if (!(absolute(end) <= bounds.acceleration && absolute(end - x.a) <= bounds.jerk * seconds)) return false;
  const JointState next = advance(x, end, seconds);
  if (!(absolute(next.v) <= bounds.velocity && next.q >= bounds.lower && next.q <= bounds.upper)) return false;
  double peak = x.v;
  if ((x.a < 0) != (end < 0) && x.a != end) {
    peak = x.v + 0.5 * x.a * (seconds * x.a / (x.a - end));
    if (absolute(peak) > bounds.velocity) return false;
  }
  const double least = smaller(peak, smaller(x.v, next.v)), most = larger(peak, larger(x.v, next.v));
  if (least >= 0 || most <= 0) return true;  // the position does not turn within
  if (x.q + least * seconds >= bounds.lower && x.q + most * seconds <= bounds.upper) return true;
  return turns_inside(x, (end - x.a) / seconds, seconds, bounds);
}

bool plan_stop(const JointState& x, std::int64_t tick, const JointBounds& bounds, StopPlan& plan) noexcept {
  if (!(x.q >= bounds.lower && x.q <= bounds.upper)) return false;
  plan.begin = plan.end = 0;
  const Found found = append_stop(plan, x, tick, bounds);
  if (found == Found::legal || (found == Found::unverified && is_legal(x, plan, bounds))) return true;
  if (x.a == 0) return false;
  // The rounded ramp is too slow, close to the velocity limit, or misses, where the velocity turns: let the acceleration go at full jerk
  // first.
  plan.begin = plan.end = 0;
  const double seconds = static_cast<double>(tick) * 1e-9;
  const std::int64_t needed = ticks_in(absolute(x.a) / (bounds.jerk * seconds)), ticks = needed < 1 ? 1 : needed;
  append(plan, ticks, tick, 0.0);
  const JointState coasting = advance(x, 0.0, static_cast<double>(ticks) * seconds);
  return append_stop(plan, coasting, tick, bounds) != Found::none && is_legal(x, plan, bounds);
}

JointState follow(const JointState& x, StopPlan& plan, std::int64_t nanoseconds, int& pieces) noexcept {
  JointState state = x;
  pieces = 0;
  while (nanoseconds > 0 && !plan.done()) {
    StopSegment& segment = plan.segments[static_cast<std::size_t>(plan.begin)];
    ++pieces;
    if (nanoseconds < segment.nanoseconds) {
      const double share = static_cast<double>(nanoseconds) / static_cast<double>(segment.nanoseconds);
      state = advance(state, state.a + (segment.end - state.a) * share, static_cast<double>(nanoseconds) * 1e-9);
      segment.nanoseconds -= nanoseconds;
      return state;
    }
    state = advance(state, segment.end, static_cast<double>(segment.nanoseconds) * 1e-9);
    nanoseconds -= segment.nanoseconds;
    ++plan.begin;
  }
  // Rest is exact: what rounding left of the velocity (1e-16 of its limit per tick) would drift for ever.
  if (plan.done()) state.v = state.a = 0.0;
  if (nanoseconds > 0 && pieces > 0) ++pieces;
  return state;
}

}  // namespace sinew::detail
