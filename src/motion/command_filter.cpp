// SPDX-License-Identifier: Apache-2.0
// A filter is one JointFilter for each joint, and the checks of what comes from outside.
#include "sinew/motion/command_filter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "../core/all_finite.hpp"
#include "joint_filter.hpp"
#include "sinew/core/error.hpp"

namespace sinew {

namespace {

using detail::all_finite;
using detail::Braking;
using detail::is_finite;
using detail::JointFilter;
using detail::JointLimit;
using detail::JointState;

/// The largest number that a limit may be: beyond it is a slip of units, and cubes of it would overflow.
constexpr double kLargest = 1e9;

/// How long a joint may take into changed limits before it is made to brake.
constexpr Time kPatience = std::chrono::seconds(1);

JointLimit limit_of(const JointLimits& limits, std::size_t i) noexcept {
  return {limits.lower[i], limits.upper[i], limits.velocity[i], limits.acceleration[i], limits.jerk[i]};
}

bool too_large(const JointLimit& limit) noexcept {
  return limit.lower < -kLargest || limit.upper > kLargest || limit.velocity > kLargest || limit.acceleration > kLargest ||
         limit.jerk > kLargest;
}

bool acceptable(const JointLimit& limit) noexcept {
  const std::array numbers = {limit.lower, limit.upper, limit.velocity, limit.acceleration, limit.jerk};
  JointFilter trial;
  return all_finite(numbers) && limit.lower < limit.upper && limit.velocity > 0 && limit.acceleration > 0 && limit.jerk > 0 &&
         !too_large(limit) && trial.set_limits(limit);
}

}  // namespace

struct CommandFilter::Joints {
  JointLimits limits;
  Time dt{};
  std::vector<JointFilter> joints;
  std::vector<double> q;
  std::vector<double> v;
  std::vector<double> a;
  Time since_target{};  ///< from the last target to the end of the last tick
  Status status = Status::not_ready;
  bool ready = false;
  bool stopping = false;
  double speed_scale = 1;
  std::uint64_t clamped_targets = 0;
  detail::FilterCounts counts;

  [[nodiscard]] JointState state(std::size_t i) const noexcept { return {q[i], v[i], a[i]}; }
  void take_target(std::span<const double> target, Time tick) noexcept;
  void advance(Time tick, Braking braking) noexcept;
  Status tick(std::span<const double> target, Time length, Braking braking, std::span<double> command) noexcept;
};

void CommandFilter::Joints::take_target(std::span<const double> target, Time tick) noexcept {
  since_target += tick;
  const double rate = 1.0 / to_seconds(since_target);
  bool outside = false;
  for (std::size_t i = 0; i < target.size(); ++i) {
    outside = outside || target[i] < limits.lower[i] || target[i] > limits.upper[i];
    joints[i].set_target(target[i], rate);
  }
  if (outside) ++clamped_targets;
  if (target.empty())
    for (JointFilter& joint : joints) joint.keep_target();
  else
    since_target = Time{};
}

void CommandFilter::Joints::advance(Time tick, Braking braking) noexcept {
  const detail::TickRequest request{tick, detail::tick_times(tick), braking, speed_scale};
  for (std::size_t i = 0; i < joints.size(); ++i) {
    const JointState next = joints[i].step(state(i), request, counts);
    q[i] = next.q;
    v[i] = next.v;
    a[i] = next.a;
  }
}

/// One tick towards a target that was checked, or none.
Status CommandFilter::Joints::tick(std::span<const double> target, Time length, Braking braking, std::span<double> command) noexcept {
  if (!ready) return status = Status::not_ready;
  if (command.size() != q.size()) return status = Status::bad_shape;
  status = stopping ? Status::stopped : Status::ok;
  if (length < kMinTick || length > kMaxTick) {
    status = Status::out_of_range;
  } else {
    take_target(target, length);
    advance(length, braking);
  }
  std::copy(q.begin(), q.end(), command.begin());
  return status;
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
    const JointLimit limit = limit_of(limits, i);
    if (too_large(limit))
      fail(ErrorCode::invalid_argument, {where, fmt::format("limits of joint {}", i), fmt::format("at most {}", kLargest),
                                         fmt::format("[{}, {}], velocity {}, acceleration {}, jerk {}", limit.lower, limit.upper,
                                                     limit.velocity, limit.acceleration, limit.jerk),
                                         "SI units?"});
    if (!joints.joints[i].set_limits(limit))
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
  for (std::size_t i = 0; i < dof; ++i) {
    JointFilter trial = joints.joints[i];
    if (!trial.start(state(i), joints.dt)) return Status::out_of_range;
  }
  for (std::size_t i = 0; i < dof; ++i) {
    const JointState x = state(i);
    (void)joints.joints[i].start(x, joints.dt);
    joints.q[i] = x.q;
    joints.v[i] = x.v;
    joints.a[i] = x.a;
  }
  joints.since_target = Time{};
  joints.ready = true;
  joints.stopping = false;
  return joints.status = Status::ok;
}

Status CommandFilter::change_limits(const JointLimits& limits) noexcept {
  Joints& joints = *joints_;
  const std::size_t dof = joints.joints.size();
  for (const auto* values : {&limits.lower, &limits.upper, &limits.velocity, &limits.acceleration, &limits.jerk})
    if (values->size() != dof) return Status::bad_shape;
  for (std::size_t i = 0; i < dof; ++i)
    if (!acceptable(limit_of(limits, i))) return Status::out_of_range;
  for (std::size_t i = 0; i < dof; ++i) {
    const JointLimit limit = limit_of(limits, i);
    if (joints.ready)
      joints.joints[i].change_limits(limit, kPatience);
    else
      (void)joints.joints[i].set_limits(limit);
    joints.limits.lower[i] = limit.lower;
    joints.limits.upper[i] = limit.upper;
    joints.limits.velocity[i] = limit.velocity;
    joints.limits.acceleration[i] = limit.acceleration;
    joints.limits.jerk[i] = limit.jerk;
  }
  return Status::ok;
}

Status CommandFilter::set_speed_scale(double scale) noexcept {
  if (!is_finite(scale)) return Status::not_finite;
  if (!(scale >= kMinSpeedScale && scale <= 1)) return Status::out_of_range;
  joints_->speed_scale = scale;
  return Status::ok;
}

Status CommandFilter::step(std::span<const double> target, std::span<double> q) noexcept { return step(target, joints_->dt, q); }

Status CommandFilter::step(std::span<const double> target, Time dt, std::span<double> q) noexcept {
  Joints& joints = *joints_;
  if (joints.stopping || target.empty()) return joints.tick({}, dt, joints.stopping ? Braking::to_a_stop : Braking::none, q);
  const Status wrong = target.size() != joints.q.size() ? Status::bad_shape : all_finite(target) ? Status::ok : Status::not_finite;
  const Status status = joints.tick(wrong == Status::ok ? target : std::span<const double>(), dt, Braking::none, q);
  return joints.status = status == Status::ok ? wrong : status;
}

Status CommandFilter::brake(Time dt, std::span<double> q) noexcept { return joints_->tick({}, dt, Braking::along_the_stop, q); }

void CommandFilter::stand_still() noexcept {
  Joints& joints = *joints_;
  for (std::size_t i = 0; i < joints.joints.size(); ++i) {
    joints.joints[i].stand_still(joints.q[i]);
    joints.v[i] = joints.a[i] = 0;
  }
  joints.since_target = Time{};
}

Time CommandFilter::stop_time() const noexcept {
  Time longest{};
  for (const JointFilter& joint : joints_->joints) longest = std::max(longest, joint.stop_time());
  return longest;
}

Status CommandFilter::along_stop(Time after, std::span<double> q, std::span<double> dq) const noexcept {
  const Joints& joints = *joints_;
  if (!joints.ready) return Status::not_ready;
  if (q.size() != joints.q.size() || dq.size() != joints.q.size()) return Status::bad_shape;
  for (std::size_t i = 0; i < joints.q.size(); ++i) {
    const JointState x = joints.joints[i].along_stop(joints.state(i), std::max(after, Time{}));
    q[i] = x.q;
    dq[i] = x.v;
  }
  return Status::ok;
}

void CommandFilter::stop() noexcept { joints_->stopping = true; }

bool CommandFilter::in_transition(int joint) const noexcept {
  return joint >= 0 && joint < dof() && joints_->joints[static_cast<std::size_t>(joint)].in_transition();
}
bool CommandFilter::in_transition() const noexcept {
  return std::any_of(joints_->joints.begin(), joints_->joints.end(), [](const JointFilter& joint) { return joint.in_transition(); });
}

std::span<const double> CommandFilter::position() const noexcept { return joints_->q; }
std::span<const double> CommandFilter::velocity() const noexcept { return joints_->v; }
std::span<const double> CommandFilter::acceleration() const noexcept { return joints_->a; }
int CommandFilter::dof() const noexcept { return joints_->limits.dof(); }
Time CommandFilter::dt() const noexcept { return joints_->dt; }
const JointLimits& CommandFilter::limits() const noexcept { return joints_->limits; }
Status CommandFilter::status() const noexcept { return joints_->status; }
std::uint64_t CommandFilter::clamped_targets() const noexcept { return joints_->clamped_targets; }
std::uint64_t CommandFilter::interventions() const noexcept { return joints_->counts.interventions; }
std::uint64_t CommandFilter::split_ticks() const noexcept { return joints_->counts.split_ticks; }

bool CommandFilter::at_rest() const noexcept {
  const auto zero = [](double x) { return x == 0; };
  return std::all_of(joints_->v.begin(), joints_->v.end(), zero) && std::all_of(joints_->a.begin(), joints_->a.end(), zero);
}

}  // namespace sinew
