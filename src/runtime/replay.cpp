// SPDX-License-Identifier: Apache-2.0
#include "sinew/runtime/replay.hpp"

#include <fmt/format.h>

#include <cstring>
#include <optional>
#include <variant>

#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"
#include "sinew/record/recording.hpp"

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

/// Calls `take` with each record that a log needs.
template <class Take>
void for_each_call(const std::filesystem::path& path, const Take& take) {
  Recording recording(path, {.decode_jpeg = false});
  Record record;
  while (recording.next(record)) {
    if (const auto* event = std::get_if<RecordedEvent>(&record.content); event != nullptr && event->kind == "drop")
      fail(ErrorCode::invalid_argument, {"read_motion_log", printable(path.string(), 512), "a recording of everything",
                                         fmt::format("{} records dropped", event->dropped), "the commands after them had other causes"});
    take(record.content);
  }
}

struct MotionLogSize {
  std::size_t entries = 0;
  std::size_t numbers = 0;
  std::size_t ticks = 0;

  void count(const decltype(Record::content)& content) {
    if (const auto* command = std::get_if<RecordedCommand>(&content); command != nullptr && command->dt > Time{}) {
      numbers += command->values.size() + command->measured.size();
      ++ticks;
    } else if (const auto* chunk = std::get_if<RecordedChunk>(&content))
      numbers += chunk->chunk.values.size();
    else if (const auto* motion = std::get_if<RecordedMotion>(&content))
      numbers += motion->values.size();
    else
      return;
    ++entries;
  }
};

void add_call(MotionLog& log, const RecordedMotion& motion, const std::filesystem::path& path) {
  MotionEntry entry{.time = motion.time, .dt = motion.dt};
  std::optional<MotionEntry::Kind> kind;
  if (motion.kind == "arm") kind = MotionEntry::Kind::arm;
  if (motion.kind == "limits") kind = MotionEntry::Kind::limits;
  if (motion.kind == "skip") kind = MotionEntry::Kind::skip;
  for (std::size_t i = 0; motion.kind == "event" && i < kSafetyEvents; ++i)
    if (motion.event == to_string(static_cast<SafetyEvent>(i))) {
      kind = MotionEntry::Kind::event;
      entry.event = static_cast<SafetyEvent>(i);
    }
  if (!kind)
    fail(ErrorCode::parse, {"read_motion_log", printable(path.string(), 512), "a call of the motion control",
                            fmt::format("{} {}", quote(motion.kind), quote(motion.event)), ""});
  entry.kind = *kind;
  log.add(entry, motion.values);
}

}  // namespace

MotionLog read_motion_log(const std::filesystem::path& path) {
  MotionLogSize size;
  for_each_call(path, [&](const auto& content) { size.count(content); });
  if (size.ticks == 0)
    fail(ErrorCode::invalid_argument,
         {"read_motion_log", printable(path.string(), 512), "control ticks", "none", "a ControlLoop with this recorder writes them"});
  MotionLog log(size.entries, size.numbers);
  for_each_call(path, [&](const auto& content) {
    if (const auto* command = std::get_if<RecordedCommand>(&content); command != nullptr && command->dt > Time{})
      log.add_tick({.kind = MotionEntry::Kind::tick, .time = command->time, .dt = command->dt}, command->measured, command->values);
    else if (const auto* chunk = std::get_if<RecordedChunk>(&content))
      log.add_chunk(chunk->chunk, chunk->time);
    else if (const auto* motion = std::get_if<RecordedMotion>(&content))
      add_call(log, *motion, path);
  });
  return log;
}

Replay replay(const MotionLog& log, const JointLimits& limits, MotionControlOptions options) {
  if (log.full()) fail(ErrorCode::invalid_argument, {"replay", "log", "all calls", "a log that was full", "give MotionLog more room"});
  options.log = nullptr;
  options.recorder = nullptr;
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
