// SPDX-License-Identifier: Apache-2.0
// The inference side of ControlLoop: who is asked, and how what he says comes to the control side.
#pragma once

#include <algorithm>
#include <chrono>
#include <thread>

#include "sinew/runtime/control_loop.hpp"

namespace sinew {

template <Robot R>
void ControlLoop<R>::keep_inferring(std::string_view instruction) noexcept {
  constexpr auto kNap = std::chrono::milliseconds(2);
  for (Time next = robot_.now(); threaded_.load(std::memory_order_acquire);) {
    if (const Time left = next - robot_.now(); left > Time{}) {
      std::this_thread::sleep_for(std::min<Time>(left, kNap));
      continue;
    }
    if (const Commanded* latest = commanded_.take(); latest != nullptr)
      std::copy(latest->q.begin(), latest->q.end(), latest_command_.begin());
    if (const Status status = infer(instruction, latest_command_); status != Status::ok) inference_status_ = status;
    next = std::max(next + period(), robot_.now());
  }
  inferring_.store(false, std::memory_order_release);
}

template <Robot R>
Status ControlLoop<R>::infer(std::string_view instruction, std::span<const double> commanded) noexcept {
  const SteadyClock clock;
  InferenceRecord record{.time = robot_.now()};
  const Time start = clock.now();
  record.status = robot_.observe(instruction, observation_);
  record.observe = clock.now() - start;
  if (record.status == Status::ok)
    record.status = choose(record, commanded);
  else
    inference_error_.assign("the robot gave no observation");
  if (record.status == Status::ok) record.status = hand_over(record);
  trace_.add_inference(record);
  return record.status;
}

/// Fills joints_ with what the policy wants, or the operator that holds control.
template <Robot R>
Status ControlLoop<R>::choose(InferenceRecord& record, std::span<const double> commanded) noexcept {
  Status status = Status::ok;
  const OperatorView view{observation_, commanded, record.time, motion_.timeline().options().max_horizon};
  if (takeover_) {
    status = takeover_->ask(view);
    if (status != Status::ok) inference_error_.assign(takeover_->last_error());
    if (takeover_->changed()) change_hands();
    record.operated = takeover_->held();
  }
  if (status == Status::ok) status = record.operated ? ask_operator(view, record) : ask_policy(record, commanded);
  if (options_.recorder != nullptr) (void)options_.recorder->add(observation_);
  return status;
}

template <Robot R>
Status ControlLoop<R>::ask_policy(InferenceRecord& record, std::span<const double> commanded) noexcept {
  Status status = policy_.act(observation_, chunk_, memory_ ? memory_->options(record.time) : ActOptions{});
  record.encode = policy_.timing().encode;
  record.infer = policy_.timing().infer;
  record.decode = policy_.timing().decode;
  if (status != Status::ok) {
    inference_error_.assign(policy_.last_error());
    return status;
  }
  const SteadyClock clock;
  const Time resolving = clock.now();
  if (resolver_ && chunk_.space == ActionSpace::tool_pose) {
    status = resolver_->resolve(chunk_, commanded, joints_);
    if (resolver_->resolved_rows() < chunk_.horizon) raise(SafetyEvent::pose_unreachable);
    if (status != Status::ok) inference_error_.assign("chunk refused: ").append(to_string(status));
  } else {
    std::swap(joints_, chunk_);
  }
  record.resolve = clock.now() - resolving;
  return status;
}

template <Robot R>
Status ControlLoop<R>::ask_operator(const OperatorView& view, InferenceRecord& record) noexcept {
  const SteadyClock clock;
  const Time asking = clock.now();
  const Status status = takeover_->act(view, resolver_ ? &*resolver_ : nullptr, joints_);
  record.infer = clock.now() - asking;
  if (takeover_->cut()) raise(SafetyEvent::pose_unreachable);
  if (status != Status::ok) inference_error_.assign(takeover_->last_error());
  return status;
}

/// Nothing that the policy said before is followed any longer, and nothing of it is taken up again.
template <Robot R>
void ControlLoop<R>::change_hands() noexcept {
  delivery_count_ = 0;
  if (memory_) memory_->clear();
  if (!takeover_->held()) policy_.reset();
}

/// To the control thread, now or in a while.
template <Robot R>
Status ControlLoop<R>::hand_over(const InferenceRecord& record) noexcept {
  const std::uint64_t index = inference_count_++;
  Status status = Status::ok;
  Time arrival = record.time;
  if (takeover_) joints_.sequence = takeover_->next_sequence();
  if (inferring_.load(std::memory_order_relaxed)) {  // even after it was told to end: motion_ is the control thread's
    chunks_.back() = joints_;
    chunks_.publish();
    arrival = robot_.now() + control_period_;
  } else if (!options_.chunk_delay || record.operated) {
    status = motion_.deliver(joints_, record.time);
  } else if (delivery_count_ == deliveries_.size()) {
    status = Status::over_capacity;
  } else {
    const Time delay = options_.chunk_delay(index);
    arrival = record.time + std::max(Time{}, delay);
    if (delay < Time{} || delay > std::chrono::hours(1))
      status = Status::out_of_range;
    else
      deliveries_[delivery_count_++] = {joints_, arrival};
  }
  if (status == Status::ok && memory_ && !record.operated) memory_->keep(policy_.outputs(), joints_, arrival);
  if (status != Status::ok) inference_error_.assign("chunk refused: ").append(to_string(status));
  return status;
}

template <Robot R>
Status ControlLoop<R>::deliver_due(Time now) noexcept {
  std::size_t kept = 0;
  Status result = Status::ok;
  for (std::size_t i = 0; i < delivery_count_; ++i) {
    if (deliveries_[i].due <= now) {
      if (const Status status = motion_.deliver(deliveries_[i].chunk, now); status != Status::ok) result = status;
    } else if (kept++ != i) {
      std::swap(deliveries_[kept - 1], deliveries_[i]);
    }
  }
  delivery_count_ = kept;
  return result;
}

}  // namespace sinew
