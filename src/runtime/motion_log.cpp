// SPDX-License-Identifier: Apache-2.0
#include "sinew/runtime/motion_log.hpp"

#include <algorithm>

#include "sinew/motion/joint_limits.hpp"

namespace sinew {

MotionLog::MotionLog(std::size_t entries, std::size_t numbers) {
  entries_.reserve(entries);
  numbers_.reserve(numbers);
}

void MotionLog::clear() noexcept {
  entries_.clear();
  numbers_.clear();
  full_ = false;
}

bool MotionLog::has_room(std::size_t numbers) noexcept {
  full_ = full_ || entries_.size() == entries_.capacity() || numbers > numbers_.capacity() - numbers_.size();
  return !full_;
}

std::size_t MotionLog::append(std::span<const double> numbers) noexcept {
  const std::size_t first = numbers_.size();
  numbers_.insert(numbers_.end(), numbers.begin(), numbers.end());
  return first;
}

void MotionLog::add(MotionEntry entry, std::span<const double> numbers) noexcept {
  if (!has_room(numbers.size())) return;
  entry.first = append(numbers);
  entry.count = numbers.size();
  entries_.push_back(entry);
}

void MotionLog::add_chunk(const ActionChunk& chunk, Time now) noexcept {
  add({.kind = MotionEntry::Kind::chunk,
       .time = now,
       .dt = chunk.dt,
       .t0 = chunk.t0,
       .horizon = chunk.horizon,
       .dim = chunk.dim,
       .space = chunk.space,
       .sequence = chunk.sequence,
       .observation_id = chunk.observation_id,
       .joint_order_hash = chunk.joint_order_hash},
      chunk.values);
}

void MotionLog::add_limits(const JointLimits& limits, Time now) noexcept {
  const std::size_t dof = limits.lower.size();
  if (!has_room(5 * dof)) return;
  MotionEntry entry{.kind = MotionEntry::Kind::limits, .time = now, .first = numbers_.size()};
  for (const auto* values : {&limits.lower, &limits.upper, &limits.velocity, &limits.acceleration, &limits.jerk})
    append(std::span(*values).first(std::min(dof, values->size())));
  entry.count = numbers_.size() - entry.first;
  entries_.push_back(entry);
}

void MotionLog::add_tick(MotionEntry entry, std::span<const double> measured, std::span<const double> command) noexcept {
  if (!has_room(measured.size() + command.size())) return;
  entry.first = append(measured);
  entry.count = measured.size();
  entry.command = append(command);
  entries_.push_back(entry);
}

}  // namespace sinew
