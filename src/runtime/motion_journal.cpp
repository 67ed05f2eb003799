// SPDX-License-Identifier: Apache-2.0
#include "sinew/runtime/motion_journal.hpp"

#include <string_view>

#include "sinew/core/fixed_text.hpp"

namespace sinew {
namespace {

constexpr Time kQuiet = std::chrono::milliseconds(500);

}  // namespace

void MotionJournal::arm(std::span<const double> measured, Time now) noexcept {
  if (log_ != nullptr) log_->add({.kind = MotionEntry::Kind::arm, .time = now}, measured);
  if (recorder_ != nullptr) recorder_->add_motion({.time = now, .kind = "arm", .event = "", .dt = {}, .values = measured});
}

void MotionJournal::chunk(const ActionChunk& chunk, Status status, Time now) noexcept {
  if (log_ != nullptr) log_->add_chunk(chunk, now);
  if (recorder_ != nullptr) recorder_->add_chunk(now, chunk, status);
}

void MotionJournal::event(SafetyEvent event, Time now) noexcept {
  if (log_ != nullptr) log_->add({.kind = MotionEntry::Kind::event, .event = event, .time = now}, {});
  if (recorder_ != nullptr) recorder_->add_motion({.time = now, .kind = "event", .event = to_string(event), .dt = {}, .values = {}});
}

void MotionJournal::limits(const JointLimits& limits, Time now) noexcept {
  if (log_ != nullptr) log_->add_limits(limits, now);
  if (recorder_ == nullptr) return;
  std::size_t size = 0;
  for (const auto* values : {&limits.lower, &limits.upper, &limits.velocity, &limits.acceleration, &limits.jerk})
    for (const double value : *values)
      if (size < limits_.size()) limits_[size++] = value;
  recorder_->add_motion({.time = now, .kind = "limits", .event = "", .dt = {}, .values = std::span(limits_).first(size)});
}

void MotionJournal::skip(Time missed, Time now) noexcept {
  if (log_ != nullptr) log_->add({.kind = MotionEntry::Kind::skip, .time = now, .dt = missed}, {});
  if (recorder_ != nullptr) recorder_->add_motion({.time = now, .kind = "skip", .event = "", .dt = missed, .values = {}});
}

void MotionJournal::tick(const TickNote& tick) noexcept {
  if (log_ != nullptr) log_->add_tick({.kind = MotionEntry::Kind::tick, .time = tick.time, .dt = tick.dt}, tick.measured, tick.command);
  if (recorder_ != nullptr) recorder_->add_tick(tick);
}

void MotionJournal::look(const SafetyState& safety, const CommandFilter& filter, std::span<const double> target, Time now) noexcept {
  if (recorder_ == nullptr) return;
  look_at_limits(filter, target, now);
  if (safety.mode() == mode_) return;
  FixedText text;
  text.format("{} -> {}: {}", to_string(mode_), to_string(safety.mode()), to_string(safety.cause()));
  mode_ = safety.mode();
  recorder_->add_event(now, "mode", text.view());
}

void MotionJournal::look_at_limits(const CommandFilter& filter, std::span<const double> target, Time now) noexcept {
  const std::uint64_t clamped = filter.clamped_targets(), interventions = filter.interventions();
  if (clamped != clamped_) {
    const JointLimits& limits = filter.limits();
    std::size_t joint = 0;
    while (joint + 1 < target.size() && target[joint] >= limits.lower[joint] && target[joint] <= limits.upper[joint]) ++joint;
    const std::string_view name = joint < limits.names.size() ? std::string_view(limits.names[joint]) : "a joint";
    FixedText text;
    text.format("position: the target of '{}' lies outside its limits", name);
    if (now >= position_quiet_) recorder_->add_event(now, "limit", text.view());
    position_quiet_ = now + kQuiet;
  }
  if (interventions != interventions_) {
    if (now >= speed_quiet_) recorder_->add_event(now, "limit", "motion: targets ask for more than velocity, acceleration or jerk allow");
    speed_quiet_ = now + kQuiet;
  }
  clamped_ = clamped;
  interventions_ = interventions;
}

}  // namespace sinew
