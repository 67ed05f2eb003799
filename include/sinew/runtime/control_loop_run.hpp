// SPDX-License-Identifier: Apache-2.0
// The control side of ControlLoop: runs, ticks, and how they end.
#pragma once

#include <algorithm>
#include <cmath>

#include "sinew/runtime/control_loop.hpp"

namespace sinew {

template <Robot R>
ControlLoop<R>::ControlLoop(R& robot, Policy& policy, const ControlLoopOptions& options)
    : robot_(robot),
      policy_(policy),
      options_(options),
      limits_(detail::loop_limits(std::as_const(robot).limits(), policy.card(), options)),
      control_period_(from_seconds(1 / options.control_rate)),
      inference_period_(from_seconds(1 / options.inference_rate)),
      resolver_(detail::loop_resolver(policy.card(), options)),
      motion_(limits_, detail::motion_options(policy.card(), limits_, std::as_const(robot).limits(), options)),
      takeover_(detail::loop_takeover(policy.card(), options, motion_)),
      trace_(limits_.dof(), static_cast<std::size_t>(options.trace_seconds * options.control_rate) + 1,
             static_cast<std::size_t>(options.trace_seconds * detail::chunk_rate(options)) + 1),
      chunk_(policy.make_chunk()),
      joints_(policy.card().action.horizon, motion_.timeline().dof()),
      measured_(static_cast<std::size_t>(limits_.dof())),
      command_(measured_),
      latest_command_(measured_),
      chunks_(joints_),
      commanded_(Commanded{measured_}) {
  error_.reserve(512);
  inference_error_.reserve(512);
  if (options.hand_back_prefix) memory_.emplace(policy);
  if (options.chunk_delay) {
    constexpr std::size_t kMostUnderWay = 64;
    deliveries_.assign(kMostUnderWay, {joints_, {}});
  }
}

template <Robot R>
Status ControlLoop<R>::reset() noexcept {
  ready_ = false;
  raised_.store(0, std::memory_order_release);  // a stop that comes from here on stays
  error_.clear();
  if (const Status status = robot_.positions(measured_); status != Status::ok)
    return keep_error(status, "the robot gave no joint positions");
  const Time now = robot_.now();
  if (!motion_.filter().at_rest()) motion_.skip(now, Time{});  // what moved when the last run ended has stood still meanwhile
  if (const Status status = motion_.arm(measured_, now); status != Status::ok)
    return keep_error(status, "the joints are measured outside their limits");
  if (resolver_) {
    if (const Status status = resolver_->set_posture(motion_.filter().position()); status != Status::ok)
      return keep_error(status, "the measured posture is refused");
  }
  trace_.clear();
  if (takeover_) takeover_->restart(now);
  policy_.reset();
  if (memory_) memory_->clear();
  fault_ = Status::ok;
  std::copy_n(motion_.filter().position().begin(), command_.size(), command_.begin());
  delivery_count_ = 0;
  inference_count_ = 0;
  missed_ticks_ = 0;
  next_tick_ = next_inference_ = now;
  ready_ = true;
  return Status::ok;
}

template <Robot R>
Status ControlLoop<R>::run_for(std::string_view instruction, Time duration) noexcept {
  if (!ready_) return keep_error(Status::not_ready, kNeedsReset);
  Status result = Status::ok;
  error_.clear();
  const Time end = robot_.now() + duration;
  halted_ = true;  // until the end is reached
  // Ticks lie on a grid from reset on, so that runs of any length give the same commands as one long run.
  while (next_tick_ < end) {
    if (const Status status = robot_.wait_until(next_tick_); status != Status::ok) return fail_robot(status, "the robot's clock failed");
    if (const Status status = skip_missed_ticks(); status != Status::ok) return status;
    if (next_tick_ >= next_inference_) {
      if (const Status status = infer(instruction, motion_.filter().position()); status != Status::ok) {
        result = status;
        error_.assign(inference_error_);
      }
      next_inference_ += period();
      if (const Status status = skip_missed_ticks(); status != Status::ok) return status;
    }
    if (const Status status = deliver_due(next_tick_); status != Status::ok) {
      result = status;
      error_.assign("chunk refused: ").append(to_string(status));
    }
    if (const Status status = tick(); status != Status::ok) return status;
    next_tick_ += control_period_;
  }
  if (const Status status = robot_.wait_until(end); status != Status::ok) return fail_robot(status, "the robot's clock failed");
  halted_ = false;
  if (options_.heartbeat != nullptr) options_.heartbeat->disarm();  // until the next run
  return result;
}

template <Robot R>
Status ControlLoop<R>::run_threaded(std::string_view instruction, Time duration) {
  if (!ready_) return keep_error(Status::not_ready, kNeedsReset);
  error_.clear();
  inference_status_ = Status::ok;
  refused_.store(Status::ok, std::memory_order_relaxed);
  inference_error_.clear();
  halted_ = true;
  std::copy_n(motion_.filter().position().begin(), command_.size(), commanded_.back().q.begin());
  commanded_.publish();
  (void)chunks_.take();  // of a run before
  inferring_.store(true, std::memory_order_release);
  threaded_.store(true, std::memory_order_release);
  Status status = Status::ok;
  {
    const detail::JoinedThread thread([this, instruction] { keep_inferring(instruction); }, threaded_, inferring_);
    const RealtimeScope realtime(options_.realtime_priority, options_.lock_memory);
    realtime_ = realtime.report();
    status = tick_until(robot_.now() + duration);
  }
  if (status != Status::ok) return status;
  halted_ = false;
  if (options_.heartbeat != nullptr) options_.heartbeat->disarm();
  if (inference_status_ != Status::ok) {
    error_.assign(inference_error_);
    return inference_status_;
  }
  const Status refused = refused_.load(std::memory_order_relaxed);
  return refused == Status::ok ? refused : keep_error(refused, std::string("chunk refused: ").append(to_string(refused)));
}

/// Until `end`, and then until the robot rests and the thread that infers has done its last.
template <Robot R>
Status ControlLoop<R>::tick_until(Time end) noexcept {
  bool over = false;
  while (!over || !motion_.filter().at_rest() || inferring_.load(std::memory_order_acquire)) {
    if (const Status status = robot_.wait_until(next_tick_); status != Status::ok) return fail_robot(status, "the robot's clock failed");
    if (const Status status = skip_missed_ticks(); status != Status::ok) return status;
    if (!over && next_tick_ >= end) {
      over = true;
      threaded_.store(false, std::memory_order_release);
      motion_.raise(SafetyEvent::plan_over, next_tick_);
    }
    if (const ActionChunk* chunk = chunks_.take(); chunk != nullptr && !over)
      if (const Status refused = motion_.deliver(*chunk, next_tick_); refused != Status::ok)
        refused_.store(refused, std::memory_order_relaxed);
    if (const Status status = tick(); status != Status::ok) return status;
    std::copy(command_.begin(), command_.end(), commanded_.back().q.begin());
    commanded_.publish();
    next_tick_ += control_period_;
  }
  return Status::ok;
}

template <Robot R>
Status ControlLoop<R>::fail_robot(Status status, std::string_view text) noexcept {
  robot_.stop();
  ready_ = false;  // the robot stands where it stopped, not where it was told to be
  motion_.raise(SafetyEvent::command_refused, robot_.now());
  return keep_error(status, text);
}

template <Robot R>
Status ControlLoop<R>::skip_missed_ticks() noexcept {
  const Time late = robot_.now() - next_tick_;
  if (late < 2 * control_period_) return Status::ok;
  const auto missed = late / control_period_;
  missed_ticks_ += missed;
  next_tick_ += missed * control_period_;
  next_inference_ = std::max(next_inference_, next_tick_);
  motion_.skip(next_tick_, missed * control_period_);
  return Status::ok;
}

template <Robot R>
Status ControlLoop<R>::tick() noexcept {
  const SteadyClock clock;
  TickRecord record{.time = next_tick_, .lateness = robot_.now() - next_tick_};
  const Status seen = robot_.positions(measured_);
  const std::uint32_t raised = raised_.exchange(0, std::memory_order_acq_rel);
  for (std::size_t i = 0; raised != 0 && i < kSafetyEvents; ++i)
    if ((raised >> i & 1U) != 0) motion_.raise(static_cast<SafetyEvent>(i), next_tick_);
  const Time start = clock.now();
  const TickOutcome outcome = motion_.tick(next_tick_, control_period_,
                                           seen == Status::ok ? std::span<const double>(measured_) : std::span<const double>(), command_);
  record.duration = clock.now() - start;
  record.status = outcome.status;
  record.mode = outcome.mode;
  const Status status = robot_.command(command_);
  const CommandFilter& filter = motion_.filter();
  trace_.add_tick(record, {motion_.target(), command_, filter.velocity(), filter.acceleration(), measured_});
  if (status != Status::ok) return fail_robot(status, "the robot refused a command");
  if (options_.heartbeat != nullptr) beat(outcome);
  if (options_.after_command) options_.after_command(record, motion_);
  return end_of_fault(seen);
}

template <Robot R>
void ControlLoop<R>::beat(const TickOutcome& outcome) noexcept {
  const Time now = SteadyClock().now();
  const ChunkTimeline& timeline = motion_.timeline();
  const bool follows = motion_.safety().follows_plan();
  options_.heartbeat->beat({.sequence = ++beats_,
                            .time = now,
                            .action = timeline.sequence(),
                            .horizon_end = now + std::max(Time{}, timeline.end() - next_tick_),
                            .valid = outcome.mode != SafetyMode::fault,
                            .holding = !follows});
}

/// Without a measured state the run ends, once the robot is at rest.
template <Robot R>
Status ControlLoop<R>::end_of_fault(Status seen) noexcept {
  const SafetyState& safety = motion_.safety();
  const bool stale = safety.mode() == SafetyMode::hold && safety.cause() == SafetyEvent::rest && seen != Status::ok;
  if (safety.mode() == SafetyMode::fault && fault_ == Status::ok) {
    const bool finite = std::all_of(measured_.begin(), measured_.end(), [](double q) { return std::isfinite(q); });
    fault_ = finite ? Status::out_of_range : Status::not_finite;
  }
  if (!motion_.filter().at_rest() || (safety.mode() != SafetyMode::fault && !stale)) return Status::ok;
  robot_.stop();
  ready_ = false;
  if (stale) return keep_error(seen, "the robot gave no joint positions");
  return keep_error(fault_, fault_ == Status::not_finite ? "the robot measured a joint position that is no number"
                                                         : "a joint was measured far outside its limits, or a fault was raised");
}

}  // namespace sinew
