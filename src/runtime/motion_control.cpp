// SPDX-License-Identifier: Apache-2.0
#include "sinew/runtime/motion_control.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "sinew/core/error.hpp"
#include "sinew/kinematics/differential.hpp"
#include "sinew/motion/stopping.hpp"

namespace sinew {

namespace {

/// Share of a joint's range that a measurement may lie beyond its limit; the first command may step by as much.
constexpr double kMeasurementSlack = 0.002;
/// Beyond this share of its range a joint is not where it says, or not under control.
constexpr double kLostShare = 0.1;

constexpr int kPoseColumns = 7;

int columns_of(const JointLimits& limits, const MotionControlOptions& options) {
  if (options.timeline.space == ActionSpace::joint_position) return limits.dof();
  if (options.timeline.space != ActionSpace::tool_pose)
    fail(ErrorCode::unsupported, {"MotionControl", "space of the chunks", "joint positions or tool poses",
                                  std::string(to_string(options.timeline.space)), "a base takes a VelocityFilter"});
  if (!options.chain)
    fail(ErrorCode::invalid_argument, {"MotionControl", "chain", "the kinematic chain from base to tool", "none", "chunks are tool poses"});
  if (options.chain->dof() > limits.dof())
    fail(ErrorCode::invalid_argument, {"MotionControl", "joints of the chain", fmt::format("at most {}", limits.dof()),
                                       fmt::format("{}", options.chain->dof()), "the chain's joints are the first ones"});
  return kPoseColumns + limits.dof() - options.chain->dof();
}

ChunkTimelineOptions timeline_of(const MotionControlOptions& options) {
  ChunkTimelineOptions timeline = options.timeline;
  if (timeline.space == ActionSpace::tool_pose) timeline.quaternion_columns = {3};
  return timeline;
}

Time longest_stop(const JointLimits& limits, Time tick) noexcept {
  Time longest{};
  for (std::size_t i = 0; i < limits.velocity.size(); ++i)
    longest = std::max(longest, from_seconds(stop_bound(limits.velocity[i], limits.acceleration[i], limits.jerk[i], tick).seconds));
  return longest;
}

/// Of the chain's joints, the first ones of `q`.
Eigen::Isometry3d tool_pose(const Chain<>& chain, std::span<const double> q) noexcept {
  return forward(chain, JointRef<Eigen::Dynamic>(Eigen::Map<const Eigen::VectorXd>(q.data(), chain.dof())));
}

}  // namespace

MotionControl::MotionControl(const JointLimits& limits, const MotionControlOptions& options)
    : options_(options),
      timeline_(columns_of(limits, options), timeline_of(options)),
      filter_(limits, options.period),
      journal_(options.log, options.recorder, limits.dof()),
      row_(static_cast<std::size_t>(timeline_.dof())),
      target_(static_cast<std::size_t>(limits.dof())),
      measured_(target_) {
  const std::string where = "MotionControl";
  longest_stop_ = longest_stop(limits, options.period);
  constexpr double kFarthestStart = 3, kFarthestPose = 1;
  if (!(options.start_tolerance > 0 && options.start_tolerance <= kFarthestStart) ||
      !(options.pose_tolerance > 0 && options.pose_tolerance <= kFarthestPose))
    fail(ErrorCode::invalid_argument,
         {where, "tolerances", fmt::format("above 0, start at most {}, pose at most {}", kFarthestStart, kFarthestPose),
          fmt::format("start {}, pose {}", options.start_tolerance, options.pose_tolerance), "there is no \"off\""});
  if (options.measurement_age < Time{} || options.measurement_age > std::chrono::seconds(1))
    fail(ErrorCode::invalid_argument,
         {where, "measurement_age", "0 to 1 s", fmt::format("{} s", to_seconds(options.measurement_age)), "there is no \"off\""});
  if (options.on_path) {
    if (timeline_.dof() != limits.dof())
      fail(ErrorCode::unsupported, {where, "on_path", "chunks of joint positions", "tool poses", "resolve them first: JointResolver"});
    governor_.emplace(limits, options.period, options.governor);
  }
  if (options.tool_box) {
    if (!options.chain)
      fail(ErrorCode::invalid_argument, {where, "chain", "the kinematic chain from base to tool", "none", "there is a tool box"});
    guard_.emplace(*options.chain, *options.tool_box, filter_);
  }
}

Status MotionControl::arm(std::span<const double> measured, Time now) noexcept {
  journal_.arm(measured, now);
  if (!filter_.at_rest()) return Status::not_ready;
  if (measured.size() != target_.size()) return Status::bad_shape;
  const JointLimits& limits = filter_.limits();
  for (std::size_t i = 0; i < target_.size(); ++i) {
    const double slack = kMeasurementSlack * (limits.upper[i] - limits.lower[i]), q = measured[i];
    target_[i] = q < limits.lower[i] && q >= limits.lower[i] - slack   ? limits.lower[i]
                 : q > limits.upper[i] && q <= limits.upper[i] + slack ? limits.upper[i]
                                                                       : q;
  }
  if (const Status status = filter_.reset(target_); status != Status::ok) return status;
  if (guard_ && !guard_->stop_is_inside(filter_)) return Status::out_of_range;
  std::copy(target_.begin(), target_.end(), measured_.begin());
  timeline_.clear();
  if (governor_) governor_->reset();
  measurement_missing_ = Time{};
  safety_.apply(SafetyEvent::arm);
  return Status::ok;
}

/// Grippers may jump.
bool MotionControl::near(std::size_t column, double a, double b) const noexcept {
  const auto& holds = timeline_.options().hold_columns;
  const bool held = std::find(holds.begin(), holds.end(), static_cast<int>(column)) != holds.end();
  return held || std::abs(a - b) <= options_.start_tolerance;
}

bool MotionControl::begins_near(const ActionChunk& chunk, Time now) noexcept {
  const auto due = now <= chunk.t0 ? 0 : std::min<std::int64_t>((now - chunk.t0) / chunk.dt, chunk.horizon - 1);
  const std::span<const double> row = chunk.step(static_cast<int>(due));
  const bool joints = timeline_.options().space == ActionSpace::joint_position;
  const std::size_t behind = joints ? 0 : kPoseColumns, arm = joints ? 0 : static_cast<std::size_t>(options_.chain->dof());
  bool result = true;
  for (std::size_t i = 0; i < target_.size(); ++i)
    result = near(i < arm ? 0 : behind + i - arm, measured_[i], filter_.position()[i]) && result;
  if (joints) {
    for (std::size_t i = 0; i < row.size(); ++i) result = near(i, row[i], filter_.position()[i]) && result;
    return result;
  }
  const Eigen::Isometry3d here = tool_pose(*options_.chain, filter_.position());
  for (std::size_t i = 0; i < 3; ++i) result = near(i, row[i], here.translation()[static_cast<Eigen::Index>(i)]) && result;
  const double turn = Eigen::Quaterniond(here.linear()).angularDistance(Eigen::Quaterniond(row[3], row[4], row[5], row[6]).normalized());
  return result && turn <= options_.start_tolerance;
}

Status MotionControl::deliver(const ActionChunk& chunk, Time now) noexcept {
  const Status status = take(chunk, now);
  journal_.chunk(chunk, status, now);
  return status;
}

Status MotionControl::take(const ActionChunk& chunk, Time now) noexcept {
  if (!safety_.follows_plan() && timeline_.check(chunk, now) == Status::ok && !begins_near(chunk, now)) {
    safety_.apply(SafetyEvent::far_target);
    return Status::out_of_range;
  }
  const Status status = timeline_.push(chunk, now);
  safety_.apply(status == Status::ok ? SafetyEvent::near_target : SafetyEvent::chunk_refused);
  if (status == Status::ok) path_delay_ = Time{};
  return status;
}

/// Without a way along the path: every joint brakes.
void MotionControl::end_plan() noexcept {
  safety_.apply(SafetyEvent::plan_over);
  along_path_ = Time{};
}

void MotionControl::raise(SafetyEvent event, Time now) noexcept {
  journal_.event(event, now);
  if (event == SafetyEvent::arm || event == SafetyEvent::near_target || event == SafetyEvent::rest) return;  // these are found here
  if (event == SafetyEvent::plan_over)
    end_plan();
  else
    safety_.apply(event);
}

Status MotionControl::change_limits(const JointLimits& limits, Time now) noexcept {
  journal_.limits(limits, now);
  const Status status = filter_.change_limits(limits);
  if (status != Status::ok) return status;
  if (governor_) governor_->set_limits(limits);
  longest_stop_ = std::max(longest_stop_, longest_stop(limits, options_.period));
  if (filter_.in_transition()) safety_.apply(SafetyEvent::limits_changing);
  return status;
}

void MotionControl::skip(Time now, Time missed) noexcept {
  journal_.skip(missed, now);
  safety_.apply(SafetyEvent::tick_missed);
  if (missed > options_.measurement_age) safety_.apply(SafetyEvent::measurement_stale);
  filter_.stand_still();
  std::copy(filter_.position().begin(), filter_.position().end(), target_.begin());
}

void MotionControl::check_measurement(Time dt, std::span<const double> measured) noexcept {
  if (measured.empty()) {
    measurement_missing_ += dt;
    if (measurement_missing_ > options_.measurement_age) safety_.apply(SafetyEvent::measurement_stale);
    return;
  }
  measurement_missing_ = Time{};
  const JointLimits& limits = filter_.limits();
  bool good = measured.size() == target_.size();
  for (std::size_t i = 0; good && i < measured.size(); ++i) {
    const double slack = kLostShare * (limits.upper[i] - limits.lower[i]);
    good = std::isfinite(measured[i]) && (filter_.in_transition(static_cast<int>(i)) ||
                                          (measured[i] >= limits.lower[i] - slack && measured[i] <= limits.upper[i] + slack));
  }
  if (good)
    std::copy(measured.begin(), measured.end(), measured_.begin());
  else
    safety_.apply(SafetyEvent::measurement_bad);
}

Status MotionControl::plan_target(Time start, Time end) noexcept {
  if (governor_) {
    const Time before = timeline_.end();
    governor_->apply(timeline_, end, end - start);
    path_delay_ += timeline_.end() - before;
    if (path_delay_ > timeline_.options().max_age) end_plan();  // too old to be followed any longer
  }
  const Status status = timeline_.at(end, row_);
  if (status == Status::not_ready) return status;
  const Time ending = timeline_.end() - 2 * timeline_.options().validity;
  if (status == Status::stopped && safety_.follows_plan()) {
    safety_.apply(SafetyEvent::plan_over);
    along_path_ = longest_stop_;
  } else if (end > ending) {
    safety_.apply(SafetyEvent::plan_ending);
  }
  if (timeline_.options().space == ActionSpace::joint_position) {
    std::copy(row_.begin(), row_.end(), target_.begin());
  } else if (!follow_pose(end - start)) {
    safety_.apply(SafetyEvent::pose_unreachable);
  }
  return status;
}

/// Joints for the pose in row_, one step of differential kinematics from the target before; false where the commanded tool falls behind.
bool MotionControl::follow_pose(Time dt) noexcept {
  const Chain<>& chain = *options_.chain;
  const Eigen::Index arm = chain.dof();
  const Eigen::Quaterniond wanted(row_[3], row_[4], row_[5], row_[6]);
  const Eigen::Vector3d place(row_[0], row_[1], row_[2]);
  const Eigen::Isometry3d commanded = tool_pose(chain, filter_.position()), from = tool_pose(chain, target_);
  const Eigen::AngleAxisd turn(wanted * Eigen::Quaterniond(from.linear()).conjugate());
  constexpr double kPi = std::numbers::pi;
  const double angle = turn.angle() > kPi ? turn.angle() - 2 * kPi : turn.angle(), rate = 1 / to_seconds(dt);
  Twist twist;
  twist << (place - from.translation()) * rate, turn.axis() * (angle * rate);
  bool close = true;  // a target that ran ahead waits for the joints
  for (Eigen::Index i = 0; i < arm; ++i)
    close = close &&
            std::abs(target_[static_cast<std::size_t>(i)] - filter_.position()[static_cast<std::size_t>(i)]) <= options_.start_tolerance;
  const JointVector<> q = Eigen::Map<const Eigen::VectorXd>(target_.data(), arm);
  const auto step = differential_step(chain, JointRef<Eigen::Dynamic>(q), twist, to_seconds(dt), scratch_);
  if (close && step.status == Status::ok) std::copy_n(step.q.data(), arm, target_.begin());
  std::copy(row_.begin() + kPoseColumns, row_.end(), target_.begin() + arm);
  return step.status == Status::ok && (place - commanded.translation()).norm() <= options_.pose_tolerance &&
         wanted.angularDistance(Eigen::Quaterniond(commanded.linear())) <= options_.start_tolerance;
}

Status MotionControl::move(Time dt, std::span<double> command) noexcept {
  // The end of a plan is approached along its path, at its own pace, for as long as a stop may take; every other stop is as fast as the
  // limits allow, and what was planned is forgotten.
  const bool measured = measurement_missing_ <= options_.measurement_age;
  const bool along_path = safety_.mode() == SafetyMode::stopping && along_path_ > Time{} && measured && !safety_.latched();
  along_path_ -= std::min(along_path_, dt);
  if (!safety_.follows_plan() && !along_path) {
    timeline_.drop_plans();
    const Status status = filter_.brake(dt, command);  // and stays where it is at rest
    std::copy(filter_.position().begin(), filter_.position().end(), target_.begin());
    return status;
  }
  return guard_ ? guard_->step(filter_, target_, dt, command) : filter_.step(target_, dt, command);
}

TickOutcome MotionControl::tick(Time start, Time dt, std::span<const double> measured, std::span<double> command) noexcept {
  TickOutcome outcome{.status = Status::not_ready, .mode = safety_.mode()};
  if (safety_.mode() == SafetyMode::init || command.size() != target_.size()) return outcome;
  check_measurement(dt, measured);
  const bool planned = safety_.follows_plan() || safety_.mode() == SafetyMode::stopping;
  outcome.status = planned && !timeline_.empty() ? plan_target(start, start + dt) : Status::stopped;
  const Status moved = move(dt, command);
  if (filter_.in_transition()) safety_.apply(SafetyEvent::limits_changing);
  if (safety_.mode() == SafetyMode::stopping && filter_.at_rest()) safety_.apply(SafetyEvent::rest);
  if (!safety_.follows_plan() && outcome.status == Status::ok) outcome.status = Status::stopped;
  if (moved != Status::ok) outcome.status = moved;
  outcome.mode = safety_.mode();
  journal_.tick({.time = start, .dt = dt, .measured = measured, .command = command});
  journal_.look(safety_, filter_, target_, start);
  return outcome;
}

}  // namespace sinew
