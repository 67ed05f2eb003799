// SPDX-License-Identifier: Apache-2.0
// One joint: acceleration from the tracking law, verified or overruled by the safe set.
#include "joint_filter.hpp"

#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "the command filter needs IEEE arithmetic: compile without -ffast-math"
#endif

namespace sinew::detail {

namespace {

// Note [Margins]
// The bounds that are enforced lie inside the caller's by 1e-11 of each limit (positions: of the range, and 1e-13 of the
// largest magnitude), which is what following a stop for thousands of ticks can lose to rounding. Tracking stays inside
// of those by 1e-9, so that a joint that rests on a limit never needs the safe set.
constexpr double kMargin = 1e-11;
constexpr double kTrackingMargin = 1e-9;

// Tracking uses a little less than the limits: the stop that must exist beside it then loses nothing to its rounding up
// to whole ticks. Costs 2 % of the time of a long move (cube root of the jerk).
constexpr double kTrackingJerk = 0.95;
constexpr double kTrackingAcceleration = 0.98;

/// Shortest ramp of the acceleration that tracking plans, in ticks and in seconds. The law is stable from one tick up
/// (at one tick it is dead-beat: all poles at zero); two ticks and 5 ms forgive noise in the targets.
constexpr double kSmoothingTicks = 2.0;
constexpr double kSmoothingSeconds = 5e-3;

/// Below this share of the limits the velocity and acceleration of a joint are called zero: otherwise the exponential
/// approach would end in denormals, which are slow, and `at_rest` would never be true.
constexpr double kRest = 1e-13;

/// The slower of two estimates of one velocity, or 0 when they disagree in sign: a step of the target, or noise, is not
/// a velocity.
double agreed(double a, double b) noexcept {
  if ((a > 0) != (b > 0)) return 0.0;
  return absolute(a) < absolute(b) ? a : b;
}

JointBounds inside(const JointLimit& limit, double margin) noexcept {
  const double edge = margin * (limit.upper - limit.lower) + 1e-13 * larger(absolute(limit.lower), absolute(limit.upper));
  return {limit.lower + edge, limit.upper - edge, limit.velocity * (1 - margin), limit.acceleration * (1 - margin),
          limit.jerk * (1 - margin)};
}

/// In each number the looser of two.
JointBounds hull(const JointBounds& a, const JointBounds& b) noexcept {
  return {smaller(a.lower, b.lower), larger(a.upper, b.upper), larger(a.velocity, b.velocity), larger(a.acceleration, b.acceleration),
          larger(a.jerk, b.jerk)};
}

/// One tick of one joint: what is tried, and the stop that comes with it.
class Tick {
 public:
  Tick(const JointState& x, const JointBounds& bounds, const TickRequest& request) noexcept
      : x_(x), bounds_(bounds), nanoseconds_(request.dt.count()), seconds_(request.times.seconds) {}

  /// Whether the tick that ends with acceleration `end` is legal and a stop was found from there; keeps that stop.
  bool accept(double end) noexcept {
    if (!is_legal(x_, end, seconds_, bounds_)) return false;
    const JointState next = advance(x_, end, seconds_);
    StopPlan stop;
    if (!plan_stop(next, nanoseconds_, bounds_, stop)) return false;
    stop_ = stop;
    next_ = next;
    return true;
  }

  /// Moves the accepted acceleration towards `desired`, which was refused, as far as is accepted.
  void approach(double desired) noexcept {
    double refused = desired;
    constexpr int kHalvings = 6;
    for (int i = 0; i < kHalvings; ++i) {
      const double middle = 0.5 * (refused + next_.a);
      if (!accept(middle)) refused = middle;
    }
  }

  /// Looks for any acceptable acceleration on a grid over what the jerk limit can reach, nearest to `wish` first.
  bool search(double wish) noexcept {
    constexpr int kSteps = 16;
    const double reach = 2.0 * bounds_.jerk * seconds_ / kSteps;
    for (int i = 1; i <= kSteps; ++i)
      if (accept(wish - i * reach) || accept(wish + i * reach)) return true;
    return false;
  }

  [[nodiscard]] const JointState& next() const noexcept { return next_; }
  [[nodiscard]] const StopPlan& stop() const noexcept { return stop_; }

 private:
  const JointState x_;
  const JointBounds& bounds_;
  std::int64_t nanoseconds_;
  double seconds_;
  JointState next_;
  StopPlan stop_;
};

}  // namespace

TickTimes tick_times(Time dt) noexcept {
  const double seconds = to_seconds(dt);
  return TickTimes(seconds, larger(kSmoothingTicks * seconds, kSmoothingSeconds));
}

bool JointFilter::set_limits(const JointLimit& limit) noexcept {
  limit_ = limit;
  inner_ = bounds_ = inside(limit, kMargin);
  transition_ = false;
  const JointBounds targets = inside(limit, kTrackingMargin);
  lower_target_ = targets.lower;
  upper_target_ = targets.upper;
  gains_ = {inner_.velocity * (1 - kTrackingMargin), inner_.acceleration * kTrackingAcceleration, inner_.jerk * kTrackingJerk,
            2e-15 * larger(absolute(limit.lower), absolute(limit.upper))};
  return lower_target_ < upper_target_;
}

void JointFilter::change_limits(const JointLimit& limit, Time patience) noexcept {
  const JointBounds before = bounds_;
  set_limits(limit);
  bounds_ = hull(before, inner_);  // the stop that is kept stays legal
  target_ = clamped(target_, lower_target_, upper_target_);
  target_rate_ = target_velocity_ = 0;
  transition_ = true;
  patience_ = patience;
}

JointBounds JointFilter::bounds_from(double q) const noexcept {
  JointBounds bounds = inner_;
  if (q >= limit_.lower && q < bounds.lower) bounds.lower = q;
  if (q <= limit_.upper && q > bounds.upper) bounds.upper = q;
  return bounds;
}

bool JointFilter::take(const JointBounds& bounds, const JointState& x, Time tick) noexcept {
  if (absolute(x.v) > bounds.velocity || absolute(x.a) > bounds.acceleration) return false;
  StopPlan stop;
  if (!plan_stop(x, tick.count(), bounds, stop)) return false;
  stop_ = stop;
  bounds_ = bounds;
  return true;
}

bool JointFilter::start(const JointState& x, Time tick) noexcept {
  if (!take(bounds_from(x.q), x, tick)) return false;
  transition_ = false;
  target_ = clamped(x.q, lower_target_, upper_target_);
  target_rate_ = target_velocity_ = 0;
  return true;
}

void JointFilter::set_target(double target, double rate) noexcept {
  const double next = clamped(target, lower_target_, upper_target_);
  const double velocity = clamped((next - target_) * rate, -bounds_.velocity, bounds_.velocity);
  target_velocity_ = agreed(velocity, target_rate_);
  target_rate_ = velocity;
  target_ = next;
}

// Note [Changing limits]
// The new limits hold for a joint as soon as a stop within them exists from its state. Until then those hold that held before, where
// they are looser, so that the stop which is kept stays legal; tracking already uses the new ones, letting go of a larger acceleration
// at full jerk. A joint whose position alone is outside comes back with the new velocity, acceleration and jerk. Where a target keeps
// the joint from settling, patience ends, and it brakes: at rest every change is possible.
void JointFilter::adopt_limits(const JointState& x, const TickRequest& request) noexcept {
  if (patience_ != Time::max()) patience_ -= request.dt;
  if (take(bounds_from(x.q), x, request.dt)) {
    transition_ = false;
    return;
  }
  JointBounds wider = inner_;
  wider.lower = smaller(wider.lower, bounds_.lower);
  wider.upper = larger(wider.upper, bounds_.upper);
  if (take(wider, x, request.dt)) patience_ = Time::max();  // on its way back
}

TrackingGains JointFilter::gains(const JointState& x, const TickRequest& request) const noexcept {
  TrackingGains gains = gains_;
  gains.velocity *= request.speed_scale;
  if (transition_) {
    gains.jerk = bounds_.jerk * kTrackingJerk;
    gains.acceleration = larger(gains.acceleration, absolute(x.a) - gains.jerk * request.times.seconds);
  }
  return gains;
}

/// True when the tracking law's wish, or what the safe set leaves of it, was taken.
bool JointFilter::track(JointState& x, const TickRequest& request, FilterCounts& counts) noexcept {
  Tick tick(x, bounds_, request);
  if (request.braking == Braking::along_the_stop) return false;
  const bool brake = request.braking != Braking::none || (transition_ && patience_ <= Time{});
  double wish = 0;
  if (!brake) {
    wish = tracking_acceleration(x, {target_, target_velocity_}, gains(x, request), request.times);
    if (tick.accept(wish)) {
      x = settle(tick.next(), tick.stop(), request.times.per_second);
      return true;
    }
    ++counts.interventions;
  }
  StopPlan stop = stop_;
  int pieces = 0;
  const JointState braked = follow(x, stop, request.dt.count(), pieces);
  if (brake) {
    // The stop itself is best; only when the tick does not fit its grid is a single jerk tried instead.
    if (pieces <= 1 || !(tick.accept(braked.a) || tick.search(braked.a))) return false;
  } else {
    if (!(tick.accept(braked.a) || (pieces > 1 && tick.search(wish)))) return false;
    tick.approach(wish);
  }
  x = settle(tick.next(), tick.stop(), request.times.per_second);
  return true;
}

void JointFilter::stand_still(double q) noexcept {
  stop_ = StopPlan{};
  target_ = clamped(q, lower_target_, upper_target_);
  target_rate_ = target_velocity_ = 0;
}

JointState JointFilter::along_stop(const JointState& x, Time after) const noexcept {
  StopPlan stop = stop_;
  int pieces = 0;
  return follow(x, stop, after.count(), pieces);
}

Time JointFilter::stop_time() const noexcept {
  Time length{};
  for (int i = stop_.begin; i < stop_.end; ++i) length += Time(stop_.segments[static_cast<std::size_t>(i)].nanoseconds);
  return length;
}

JointState JointFilter::step(const JointState& x, const TickRequest& request, FilterCounts& counts) noexcept {
  // Who asks for the very stop that is kept may have checked it for more than limits: it stays as it is until rest.
  if (transition_ && (request.braking != Braking::along_the_stop || (x.v == 0 && x.a == 0))) adopt_limits(x, request);
  if (request.braking == Braking::along_the_stop) {  // where it comes to rest it stays, until a new target comes
    target_ = clamped(x.q, lower_target_, upper_target_);
    target_rate_ = target_velocity_ = 0;
  }
  JointState next = x;
  if (track(next, request, counts)) return next;
  int pieces = 0;
  StopPlan stop = stop_;
  next = follow(x, stop, request.dt.count(), pieces);
  if (pieces > 1) ++counts.split_ticks;
  return settle(next, stop, request.times.per_second);
}

JointState JointFilter::settle(const JointState& next, const StopPlan& stop, double per_second) noexcept {
  const double still = kRest * smaller(bounds_.acceleration, bounds_.velocity * per_second);  // that moves the velocity by no more
  const bool rests = absolute(next.v) <= kRest * bounds_.velocity && absolute(next.a) <= still;
  if (!rests) {
    stop_ = stop;
    return next;
  }
  stop_ = StopPlan{};
  return {next.q, 0.0, 0.0};
}

}  // namespace sinew::detail
