// SPDX-License-Identifier: Apache-2.0
// Where a motion control writes down what it is told and what it does.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sinew/core/action_chunk.hpp"
#include "sinew/core/clock.hpp"
#include "sinew/core/status.hpp"
#include "sinew/motion/command_filter.hpp"
#include "sinew/motion/joint_limits.hpp"
#include "sinew/motion/safety_state.hpp"
#include "sinew/record/recorder.hpp"
#include "sinew/runtime/motion_log.hpp"

namespace sinew {

/// A log in memory, a recorder, both or neither: whatever `replay` needs, in order. The recorder also gets events: `mode` whenever the
/// safety mode changes, and `limit` when targets begin to ask for more than the limits allow (again after half a second without). Nothing
/// allocates, locks or waits. One thread.
class MotionJournal {
 public:
  MotionJournal(MotionLog* log, Recorder* recorder, int dof) : log_(log), recorder_(recorder), limits_(5 * static_cast<std::size_t>(dof)) {}

  void arm(std::span<const double> measured, Time now) noexcept;
  void chunk(const ActionChunk& chunk, Status status, Time now) noexcept;
  void event(SafetyEvent event, Time now) noexcept;
  void limits(const JointLimits& limits, Time now) noexcept;
  void skip(Time missed, Time now) noexcept;
  void tick(const TickNote& tick) noexcept;
  /// After each of them: what became of it.
  void look(const SafetyState& safety, const CommandFilter& filter, std::span<const double> target, Time now) noexcept;

 private:
  void look_at_limits(const CommandFilter& filter, std::span<const double> target, Time now) noexcept;

  MotionLog* log_;
  Recorder* recorder_;
  std::vector<double> limits_;  // in one piece, as MotionNote has them
  SafetyMode mode_ = SafetyMode::init;
  std::uint64_t clamped_ = 0;
  std::uint64_t interventions_ = 0;
  Time position_quiet_{};  // until then no further event
  Time speed_quiet_{};
};

}  // namespace sinew
