// SPDX-License-Identifier: Apache-2.0
// Closes the loop: observation -> policy -> chunk -> joints -> timeline -> filter -> robot, on the robot's own clock.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sinew/motion/chunk_timeline.hpp"
#include "sinew/motion/command_filter.hpp"
#include "sinew/record/recorder.hpp"
#include "sinew/runtime/any_robot.hpp"
#include "sinew/runtime/control_trace.hpp"
#include "sinew/runtime/joint_resolver.hpp"
#include "sinew/runtime/policy.hpp"

namespace sinew {

/// Rates and parts of a control loop.
struct ControlLoopOptions {
  double control_rate = 200;      ///< Hz of the commands
  double inference_rate = 10;     ///< Hz of the policy, at most control_rate
  std::optional<Chain<>> chain;   ///< base to tool; needed when the policy emits tool poses
  JointResolverOptions resolver;  ///< of tool poses
  double trace_seconds = 60;      ///< room of the trace
  Recorder* recorder = nullptr;   ///< gets every observation, chunk and command; must outlive the loop
};

/// Drives one robot with one policy, inference and control in one thread: between two ticks the policy runs to its end. That is
/// right for simulators, replay and policies that are faster than a tick. One thread at a time; robot and policy must outlive it.
///
/// Every command is within the tighter of the robot's and the card's limits in position, velocity, acceleration and jerk. When
/// chunks stay away the motion ends at the last target that is still valid and comes to rest there.
template <Robot R>
class ControlLoop {
 public:
  /// Throws Error for rates that are not positive, a joint order of the card that is not the robot's, a missing chain, limits that
  /// exclude each other. Reads no state yet.
  ControlLoop(R& robot, Policy& policy, const ControlLoopOptions& options = {});

  /// Takes the measured joint positions as the start, at rest, and forgets the old plan. Must come before `run_for`.
  [[nodiscard]] Status reset() noexcept;
  /// Runs for `duration` of the robot's time. The status of the latest inference that failed (motion went on along the valid plan
  /// and then stopped), else of the robot, else ok. `last_error()` says more.
  [[nodiscard]] Status run_for(std::string_view instruction, Time duration) noexcept;

  [[nodiscard]] std::string_view last_error() const noexcept { return error_; }
  [[nodiscard]] const ControlTrace& trace() const noexcept { return trace_; }
  /// The limits that hold: the robot's and the card's, whichever is tighter.
  [[nodiscard]] const JointLimits& limits() const noexcept { return limits_; }
  /// The joint targets of the latest chunk.
  [[nodiscard]] const ActionChunk& latest_chunk() const noexcept { return joints_; }
  /// The latest observation.
  [[nodiscard]] const Observation& latest_observation() const noexcept { return observation_; }

 private:
  /// Share of a joint's range that a measurement may lie beyond its limit at reset.
  static constexpr double kMeasurementSlack = 0.01;

  Status infer(std::string_view instruction) noexcept;
  Status tick() noexcept;
  Status keep_error(Status status, std::string_view text) noexcept {
    error_.assign(text);
    return status;
  }

  R& robot_;
  Policy& policy_;
  JointLimits limits_;
  Time control_period_;
  Time inference_period_;
  std::optional<JointResolver> resolver_;
  ChunkTimeline timeline_;
  CommandFilter filter_;
  Recorder* recorder_;
  ControlTrace trace_;
  Observation observation_;
  ActionChunk chunk_;
  ActionChunk joints_;
  std::vector<double> measured_;
  std::vector<double> target_;
  std::vector<double> command_;
  std::string error_;
  Time next_tick_{};
  Time next_inference_{};
  bool ready_ = false;
};

namespace detail {
/// The checks and derived numbers of a loop, compiled once for every robot type.
JointLimits loop_limits(const JointLimits& robot, const PolicyCard& card, const ControlLoopOptions& options);
ChunkTimelineOptions timeline_options(const PolicyCard& card, const JointLimits& limits);
std::optional<JointResolver> loop_resolver(const PolicyCard& card, const ControlLoopOptions& options);
}  // namespace detail

template <Robot R>
ControlLoop<R>::ControlLoop(R& robot, Policy& policy, const ControlLoopOptions& options)
    : robot_(robot),
      policy_(policy),
      limits_(detail::loop_limits(std::as_const(robot).limits(), policy.card(), options)),
      control_period_(from_seconds(1 / options.control_rate)),
      inference_period_(from_seconds(1 / options.inference_rate)),
      resolver_(detail::loop_resolver(policy.card(), options)),
      timeline_(limits_.dof(), detail::timeline_options(policy.card(), limits_)),
      filter_(limits_, control_period_),
      recorder_(options.recorder),
      trace_(limits_.dof(), static_cast<std::size_t>(options.trace_seconds * options.control_rate) + 1,
             static_cast<std::size_t>(options.trace_seconds * options.inference_rate) + 1),
      chunk_(policy.make_chunk()),
      joints_(policy.card().action.horizon, limits_.dof()),
      measured_(static_cast<std::size_t>(limits_.dof())),
      target_(measured_),
      command_(measured_) {
  error_.reserve(512);
}

template <Robot R>
Status ControlLoop<R>::reset() noexcept {
  ready_ = false;
  error_.clear();
  if (const Status status = robot_.positions(measured_); status != Status::ok)
    return keep_error(status, "the robot gave no joint positions");
  // A joint that rests on its stop may be measured a little beyond it.
  for (std::size_t i = 0; i < measured_.size(); ++i) {
    const double slack = kMeasurementSlack * (limits_.upper[i] - limits_.lower[i]);
    if (measured_[i] < limits_.lower[i] && measured_[i] >= limits_.lower[i] - slack) measured_[i] = limits_.lower[i];
    if (measured_[i] > limits_.upper[i] && measured_[i] <= limits_.upper[i] + slack) measured_[i] = limits_.upper[i];
  }
  if (const Status status = filter_.reset(measured_); status != Status::ok)
    return keep_error(status, "the joints are measured outside their limits");
  if (resolver_) {
    if (const Status status = resolver_->set_posture(measured_); status != Status::ok) return status;
  }
  timeline_.clear();
  trace_.clear();
  policy_.reset();
  next_tick_ = next_inference_ = robot_.now();
  ready_ = true;
  return Status::ok;
}

template <Robot R>
Status ControlLoop<R>::run_for(std::string_view instruction, Time duration) noexcept {
  if (!ready_) return Status::not_ready;
  Status result = Status::ok;
  const Time end = robot_.now() + duration;
  // Ticks lie on a grid from reset on, so that runs of any length give the same commands as one long run.
  while (next_tick_ < end) {
    if (const Status status = robot_.wait_until(next_tick_); status != Status::ok) return status;
    if (next_tick_ >= next_inference_) {
      if (const Status status = infer(instruction); status != Status::ok) result = status;
      next_inference_ += inference_period_;
    }
    if (const Status status = tick(); status != Status::ok) return status;
    next_tick_ += control_period_;
  }
  const Status status = robot_.wait_until(end);
  return status != Status::ok ? status : result;
}

template <Robot R>
Status ControlLoop<R>::infer(std::string_view instruction) noexcept {
  const SteadyClock clock;
  InferenceRecord record{.time = robot_.now()};
  const Time start = clock.now();
  record.status = robot_.observe(instruction, observation_);
  record.observe = clock.now() - start;
  if (record.status == Status::ok) {
    record.status = policy_.act(observation_, chunk_);
    record.encode = policy_.timing().encode;
    record.infer = policy_.timing().infer;
    record.decode = policy_.timing().decode;
    if (record.status != Status::ok) error_.assign(policy_.last_error());
    if (recorder_ != nullptr) (void)recorder_->add(observation_);
  } else {
    error_.assign("the robot gave no observation");
  }
  if (record.status == Status::ok) {
    const Time resolving = clock.now();
    if (resolver_) {
      record.status = resolver_->resolve(chunk_, filter_.position(), joints_);
    } else {
      std::swap(joints_, chunk_);
    }
    record.resolve = clock.now() - resolving;
    if (record.status == Status::ok) record.status = timeline_.push(joints_, record.time);
    if (record.status != Status::ok) error_.assign("chunk refused: ").append(to_string(record.status));
    if (record.status == Status::ok && recorder_ != nullptr) (void)recorder_->add_chunk(record.time, joints_);
  }
  trace_.add_inference(record);
  return record.status;
}

template <Robot R>
Status ControlLoop<R>::tick() noexcept {
  const SteadyClock clock;
  TickRecord record{.time = next_tick_};
  Status status = robot_.positions(measured_);
  if (status != Status::ok) {
    robot_.stop();
    return keep_error(status, "the robot gave no joint positions");
  }
  const Time start = clock.now();
  // The filter's command is due at the end of the tick that begins now.
  record.status = timeline_.at(next_tick_ + control_period_, target_);
  // Before the first chunk the target is where the joints are; past the horizon the timeline holds its last target.
  if (record.status == Status::not_ready) std::copy_n(filter_.position().data(), target_.size(), target_.data());
  const Status filtered = filter_.step(target_, command_);
  record.duration = clock.now() - start;
  if (record.status == Status::ok) record.status = filtered;
  status = robot_.command(command_);
  trace_.add_tick(record, target_, command_, filter_.velocity(), filter_.acceleration(), measured_);
  if (recorder_ != nullptr) (void)recorder_->add_command(next_tick_, command_);
  if (status == Status::ok) return status;
  robot_.stop();
  return keep_error(status, "the robot refused a command");
}

extern template class ControlLoop<AnyRobot>;

}  // namespace sinew
