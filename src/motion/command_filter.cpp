// SPDX-License-Identifier: Apache-2.0
// The filter: desired acceleration from the tracking law, verified or overruled by the safe set.
#include "sinew/motion/command_filter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <vector>

#include "sinew/core/error.hpp"
#include "stop_plan.hpp"
#include "tracking.hpp"

#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "the command filter needs IEEE arithmetic: compile without -ffast-math"
#endif

namespace sinew {

namespace {

using detail::JointBounds;
using detail::JointState;
using detail::StopPlan;
using detail::TrackingGains;

/// By the bits, so that no compiler flag can take the test away.
bool is_finite(double x) noexcept { return (std::bit_cast<std::uint64_t>(x) & 0x7FF0000000000000ULL) != 0x7FF0000000000000ULL; }

bool all_finite(std::span<const double> values) noexcept { return std::all_of(values.begin(), values.end(), is_finite); }

double absolute(double x) noexcept { return x < 0 ? -x : x; }

double clamped(double x, double low, double high) noexcept { return x < low ? low : x > high ? high : x; }

/// The slower of two estimates of one velocity, or 0 when they disagree in sign: a step of the target, or noise, is not
/// a velocity.
double agreed(double a, double b) noexcept {
  if ((a > 0) != (b > 0)) return 0.0;
  return absolute(a) < absolute(b) ? a : b;
}

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

/// The largest number that a limit may be: beyond it is a slip of units, and cubes of it would overflow.
constexpr double kLargest = 1e9;

struct Joint {
  JointBounds bounds;
  StopPlan stop;
  double lower_target = 0;  ///< range of the targets, inside the bounds by kTrackingMargin
  double upper_target = 0;
  double target = 0;
  double target_rate = 0;      ///< finite difference of the last two targets
  double target_velocity = 0;  ///< what tracking uses in this tick
};

JointBounds inner_bounds(const JointLimits& limits, std::size_t i, double margin) noexcept {
  const double lower = limits.lower[i];
  const double upper = limits.upper[i];
  const double edge = margin * (upper - lower) + 1e-13 * std::max(absolute(lower), absolute(upper));
  return {lower + edge, upper - edge, limits.velocity[i] * (1 - margin), limits.acceleration[i] * (1 - margin),
          limits.jerk[i] * (1 - margin)};
}

TrackingGains tracking_gains(const JointBounds& bounds, double seconds) noexcept {
  return {bounds.velocity * (1 - kTrackingMargin), bounds.acceleration * kTrackingAcceleration, bounds.jerk * kTrackingJerk,
          std::max(kSmoothingTicks * seconds, kSmoothingSeconds), 2e-15 * std::max(absolute(bounds.lower), absolute(bounds.upper))};
}

/// One tick of one joint: what is tried, and the stop that comes with it.
class Tick {
 public:
  Tick(const JointState& x, const Joint& joint, Time dt) noexcept
      : x_(x), bounds_(joint.bounds), nanoseconds_(dt.count()), seconds_(to_seconds(dt)) {}

  [[nodiscard]] double seconds() const noexcept { return seconds_; }

  /// Whether the tick that ends with acceleration `end` is legal and a stop was found from there; keeps that stop.
  bool accept(double end) noexcept {
    if (!detail::is_legal(x_, end, seconds_, bounds_)) return false;
    StopPlan stop;
    if (!detail::plan_stop(detail::advance(x_, end, seconds_), nanoseconds_, bounds_, stop)) return false;
    stop_ = stop;
    end_ = end;
    return true;
  }

  /// Moves the accepted acceleration towards `desired`, which was refused, as far as is accepted.
  void approach(double desired) noexcept {
    double refused = desired;
    constexpr int kHalvings = 14;
    for (int i = 0; i < kHalvings; ++i) {
      const double middle = 0.5 * (refused + end_);
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

  [[nodiscard]] JointState state() const noexcept { return detail::advance(x_, end_, seconds_); }
  [[nodiscard]] const StopPlan& stop() const noexcept { return stop_; }

 private:
  JointState x_;
  const JointBounds& bounds_;
  std::int64_t nanoseconds_;
  double seconds_;
  double end_ = 0;
  StopPlan stop_;
};

}  // namespace

struct CommandFilter::Joints {
  JointLimits limits;
  Time dt{};
  std::vector<Joint> joints;
  std::vector<double> q;
  std::vector<double> v;
  std::vector<double> a;
  Time since_target{};  ///< from the last target to the end of the last tick
  Status status = Status::not_ready;
  bool ready = false;
  bool stopping = false;
  std::uint64_t clamped_targets = 0;
  std::uint64_t interventions = 0;
  std::uint64_t split_ticks = 0;

  void take_target(std::span<const double> target, Time tick) noexcept;
  void step_joint(std::size_t i, Time tick) noexcept;
  bool track(std::size_t i, Time tick) noexcept;
  void move(std::size_t i, const JointState& next, const StopPlan& stop) noexcept;
};

void CommandFilter::Joints::move(std::size_t i, const JointState& next, const StopPlan& stop) noexcept {
  Joint& joint = joints[i];
  const bool rests = absolute(next.v) <= kRest * joint.bounds.velocity && absolute(next.a) <= kRest * joint.bounds.acceleration;
  joint.stop = rests ? StopPlan{} : stop;
  q[i] = next.q;
  v[i] = rests ? 0.0 : next.v;
  a[i] = rests ? 0.0 : next.a;
}

void CommandFilter::Joints::take_target(std::span<const double> target, Time tick) noexcept {
  since_target += tick;
  bool outside = false;
  for (std::size_t i = 0; i < joints.size(); ++i) {
    Joint& joint = joints[i];
    joint.target_velocity = 0;
    if (target.empty()) continue;
    outside = outside || target[i] < limits.lower[i] || target[i] > limits.upper[i];
    const double next = clamped(target[i], joint.lower_target, joint.upper_target);
    const double rate = clamped((next - joint.target) / to_seconds(since_target), -joint.bounds.velocity, joint.bounds.velocity);
    joint.target_velocity = agreed(rate, joint.target_rate);
    joint.target_rate = rate;
    joint.target = next;
  }
  if (outside) ++clamped_targets;
  if (!target.empty()) since_target = Time{};
}

/// True when the tracking law's wish, or what the safe set leaves of it, was taken.
bool CommandFilter::Joints::track(std::size_t i, Time tick_length) noexcept {
  Joint& joint = joints[i];
  const JointState x{q[i], v[i], a[i]};
  Tick tick(x, joint, tick_length);
  StopPlan stop = joint.stop;
  int pieces = 0;
  const JointState braked = detail::follow(x, stop, tick_length.count(), pieces);
  bool accepted = false;
  if (stopping) {
    // The stop itself is best; only when the tick does not fit its grid is a single jerk tried instead.
    if (pieces <= 1) return false;
    accepted = tick.accept(braked.a) || tick.search(braked.a);
  } else {
    const TrackingGains gains = tracking_gains(joint.bounds, tick.seconds());
    const double wish = detail::tracking_acceleration(x, joint.target, joint.target_velocity, tick.seconds(), gains);
    accepted = tick.accept(wish);
    if (!accepted) {
      ++interventions;
      accepted = tick.accept(braked.a) || (pieces > 1 && tick.search(wish));
      if (accepted) tick.approach(wish);
    }
  }
  if (!accepted) return false;
  move(i, tick.state(), tick.stop());
  return true;
}

void CommandFilter::Joints::step_joint(std::size_t i, Time tick) noexcept {
  if (track(i, tick)) return;
  int pieces = 0;
  StopPlan stop = joints[i].stop;
  const JointState next = detail::follow({q[i], v[i], a[i]}, stop, tick.count(), pieces);
  if (pieces > 1) ++split_ticks;
  move(i, next, stop);
}

CommandFilter::CommandFilter(const JointLimits& limits, Time dt) : joints_(std::make_unique<Joints>()) {
  const std::string where = "CommandFilter";
  validate(limits, where);
  if (dt < kMinTick || dt > kMaxTick)
    fail(ErrorCode::invalid_argument,
         {where, "tick", fmt::format("{} to {} s", to_seconds(kMinTick), to_seconds(kMaxTick)), fmt::format("{} s", to_seconds(dt)), ""});
  Joints& joints = *joints_;
  joints.limits = limits;
  joints.dt = dt;
  const auto dof = static_cast<std::size_t>(limits.dof());
  joints.joints.resize(dof);
  for (auto* values : {&joints.q, &joints.v, &joints.a}) values->resize(dof);
  for (std::size_t i = 0; i < dof; ++i) {
    for (const double value : {-limits.lower[i], limits.upper[i], limits.velocity[i], limits.acceleration[i], limits.jerk[i]})
      if (absolute(value) > kLargest)
        fail(ErrorCode::invalid_argument,
             {where, fmt::format("limit of joint {}", i), fmt::format("at most {}", kLargest), fmt::format("{}", value), "SI units?"});
    joints.joints[i].bounds = inner_bounds(limits, i, kMargin);
    const JointBounds targets = inner_bounds(limits, i, kTrackingMargin);
    joints.joints[i].lower_target = targets.lower;
    joints.joints[i].upper_target = targets.upper;
    if (!(targets.lower < targets.upper))
      fail(ErrorCode::invalid_argument, {where, fmt::format("range of joint {}", i), "a range above rounding",
                                         fmt::format("[{}, {}]", limits.lower[i], limits.upper[i]), ""});
  }
}

CommandFilter::CommandFilter(const CommandFilter& other) : joints_(std::make_unique<Joints>(*other.joints_)) {}
CommandFilter& CommandFilter::operator=(const CommandFilter& other) {
  *joints_ = *other.joints_;
  return *this;
}
CommandFilter::CommandFilter(CommandFilter&&) noexcept = default;
CommandFilter& CommandFilter::operator=(CommandFilter&&) noexcept = default;
CommandFilter::~CommandFilter() = default;

Status CommandFilter::reset(std::span<const double> q, std::span<const double> dq, std::span<const double> ddq) noexcept {
  Joints& joints = *joints_;
  const std::size_t dof = joints.joints.size();
  if (q.size() != dof || (!dq.empty() && dq.size() != dof) || (!ddq.empty() && ddq.size() != dof)) return Status::bad_shape;
  if (!all_finite(q) || !all_finite(dq) || !all_finite(ddq)) return Status::not_finite;
  const auto state = [&](std::size_t i) { return JointState{q[i], dq.empty() ? 0.0 : dq[i], ddq.empty() ? 0.0 : ddq[i]}; };
  // A robot may rest exactly on a limit: for this run the margin there is given up.
  const auto bounds_for = [&](std::size_t i) {
    JointBounds bounds = inner_bounds(joints.limits, i, kMargin);
    if (q[i] >= joints.limits.lower[i] && q[i] < bounds.lower) bounds.lower = q[i];
    if (q[i] <= joints.limits.upper[i] && q[i] > bounds.upper) bounds.upper = q[i];
    return bounds;
  };
  StopPlan stop;
  for (std::size_t i = 0; i < dof; ++i) {
    const JointBounds bounds = bounds_for(i);
    const JointState x = state(i);
    if (absolute(x.v) > bounds.velocity || absolute(x.a) > bounds.acceleration) return Status::out_of_range;
    if (!detail::plan_stop(x, joints.dt.count(), bounds, stop)) return Status::out_of_range;
  }
  for (std::size_t i = 0; i < dof; ++i) {
    Joint& joint = joints.joints[i];
    joint.bounds = bounds_for(i);
    const JointState x = state(i);
    (void)detail::plan_stop(x, joints.dt.count(), joint.bounds, joint.stop);
    joint.target = clamped(x.q, joint.lower_target, joint.upper_target);
    joint.target_rate = joint.target_velocity = 0;
    joints.q[i] = x.q;
    joints.v[i] = x.v;
    joints.a[i] = x.a;
  }
  joints.since_target = Time{};
  joints.ready = true;
  joints.stopping = false;
  return joints.status = Status::ok;
}

Status CommandFilter::step(std::span<const double> target, std::span<double> q) noexcept { return step(target, joints_->dt, q); }

Status CommandFilter::step(std::span<const double> target, Time dt, std::span<double> q) noexcept {
  Joints& joints = *joints_;
  if (!joints.ready) return joints.status = Status::not_ready;
  if (q.size() != joints.q.size()) return joints.status = Status::bad_shape;
  Status status = joints.stopping ? Status::stopped : Status::ok;
  if (dt < kMinTick || dt > kMaxTick) {
    status = Status::out_of_range;
  } else {
    if (joints.stopping) {
      target = {};
    } else if (!target.empty() && target.size() != joints.q.size()) {
      status = Status::bad_shape;
      target = {};
    } else if (!all_finite(target)) {
      status = Status::not_finite;
      target = {};
    }
    joints.take_target(target, dt);
    for (std::size_t i = 0; i < joints.q.size(); ++i) joints.step_joint(i, dt);
  }
  std::copy(joints.q.begin(), joints.q.end(), q.begin());
  return joints.status = status;
}

void CommandFilter::stop() noexcept { joints_->stopping = true; }

std::span<const double> CommandFilter::position() const noexcept { return joints_->q; }
std::span<const double> CommandFilter::velocity() const noexcept { return joints_->v; }
std::span<const double> CommandFilter::acceleration() const noexcept { return joints_->a; }
int CommandFilter::dof() const noexcept { return joints_->limits.dof(); }
Time CommandFilter::dt() const noexcept { return joints_->dt; }
const JointLimits& CommandFilter::limits() const noexcept { return joints_->limits; }
Status CommandFilter::status() const noexcept { return joints_->status; }
std::uint64_t CommandFilter::clamped_targets() const noexcept { return joints_->clamped_targets; }
std::uint64_t CommandFilter::interventions() const noexcept { return joints_->interventions; }
std::uint64_t CommandFilter::split_ticks() const noexcept { return joints_->split_ticks; }

bool CommandFilter::at_rest() const noexcept {
  const auto zero = [](double x) { return x == 0; };
  return std::all_of(joints_->v.begin(), joints_->v.end(), zero) && std::all_of(joints_->a.begin(), joints_->a.end(), zero);
}

}  // namespace sinew
