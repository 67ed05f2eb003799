// SPDX-License-Identifier: Apache-2.0
#include "sinew/runtime/replay.hpp"

#include <fmt/format.h>

#include <cstring>

#include "sinew/core/error.hpp"

namespace sinew {

namespace {

ActionChunk chunk_of(const MotionEntry& entry, std::span<const double> values) {
  ActionChunk chunk;
  chunk.space = entry.space;
  chunk.horizon = entry.horizon;
  chunk.dim = entry.dim;
  chunk.values.assign(values.begin(), values.end());
  chunk.t0 = entry.t0;
  chunk.dt = entry.dt;
  chunk.sequence = entry.sequence;
  chunk.observation_id = entry.observation_id;
  chunk.joint_order_hash = entry.joint_order_hash;
  return chunk;
}

JointLimits limits_of(std::span<const double> numbers) {
  JointLimits limits;
  const std::size_t dof = numbers.size() / 5;
  std::size_t column = 0;
  for (auto* values : {&limits.lower, &limits.upper, &limits.velocity, &limits.acceleration, &limits.jerk}) {
    const auto part = numbers.subspan(column++ * dof, dof);
    values->assign(part.begin(), part.end());
  }
  return limits;
}

/// One call; a tick's command goes to `command`.
void repeat(MotionControl& control, const MotionEntry& entry, std::span<const double> numbers, std::span<double> command) {
  switch (entry.kind) {
    case MotionEntry::Kind::arm: (void)control.arm(numbers, entry.time); break;
    case MotionEntry::Kind::chunk: (void)control.deliver(chunk_of(entry, numbers), entry.time); break;
    case MotionEntry::Kind::event: control.raise(entry.event, entry.time); break;
    case MotionEntry::Kind::limits: (void)control.change_limits(limits_of(numbers), entry.time); break;
    case MotionEntry::Kind::skip: control.skip(entry.time, entry.dt); break;
    case MotionEntry::Kind::tick: (void)control.tick(entry.time, entry.dt, numbers, command); break;
  }
}

}  // namespace

Replay replay(const MotionLog& log, const JointLimits& limits, MotionControlOptions options) {
  if (log.full()) fail(ErrorCode::invalid_argument, {"replay", "log", "all calls", "a log that was full", "give MotionLog more room"});
  options.log = nullptr;
  MotionControl control(limits, options);
  const auto dof = static_cast<std::size_t>(control.dof());
  std::vector<double> command(dof);
  Replay result;
  for (const MotionEntry& entry : log.entries()) {
    const auto numbers = log.numbers(entry);
    const bool joints = entry.kind == MotionEntry::Kind::arm || entry.kind == MotionEntry::Kind::tick;
    if (joints && !numbers.empty() && numbers.size() != dof)
      fail(ErrorCode::invalid_argument, {"replay", "log", fmt::format("{} joints", dof), fmt::format("{}", numbers.size()), ""});
    repeat(control, entry, numbers, command);
    if (entry.kind != MotionEntry::Kind::tick) continue;
    result.commands.insert(result.commands.end(), command.begin(), command.end());
    if (std::memcmp(command.data(), log.command(entry, dof).data(), dof * sizeof(double)) != 0 && result.different++ == 0)
      result.first = result.ticks;
    ++result.ticks;
  }
  return result;
}

}  // namespace sinew
