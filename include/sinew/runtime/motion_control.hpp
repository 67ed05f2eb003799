// SPDX-License-Identifier: Apache-2.0
// The control thread's half of a loop: chunks and ticks in, commands within the limits out. Knows neither the robot nor the policy.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "sinew/core/action_chunk.hpp"
#include "sinew/kinematics/chain.hpp"
#include "sinew/motion/chunk_timeline.hpp"
#include "sinew/motion/command_filter.hpp"
#include "sinew/motion/path_governor.hpp"
#include "sinew/motion/safety_state.hpp"
#include "sinew/motion/tool_box.hpp"
#include "sinew/runtime/motion_journal.hpp"

namespace sinew {

/// How chunks become commands.
struct MotionControlOptions {
  Time period = std::chrono::milliseconds(5);  ///< usual tick
  ChunkTimelineOptions timeline;               ///< its space says what chunks hold
  bool on_path = false;                        ///< joints that cannot follow slow down all: see PathGovernor
  PathGovernorOptions governor;
  std::optional<Chain<>> chain;  ///< base to tool; needed for tool poses and for a tool box
  std::optional<ToolBox> tool_box;
  double start_tolerance = 0.35;  ///< rad or m, at most 3: how far apart measured state, command and plan may be where motion starts
  double pose_tolerance = 0.05;   ///< m, at most 1, of tool poses: a command farther behind counts as `pose_unreachable`
  Time measurement_age = std::chrono::milliseconds(100);  ///< how long the measured state may be missing
  MotionLog* log = nullptr;                               ///< gets all that comes in; must outlive this
  Recorder* recorder = nullptr;                           ///< the same, and events: see MotionJournal
};

/// What a tick says besides its command.
struct TickOutcome {
  Status status = Status::ok;  ///< `ok` while a plan is followed; `stopped` without one; `not_ready` before `arm`: then nothing is written
  SafetyMode mode = SafetyMode::init;
};

/// Timeline, path governor, tool guard, command filter and safety mode, in that order. Every input is a call with its time, so that the
/// same calls give the same commands to the bit (`replay`). Nothing but the constructor allocates, locks or throws. One thread at a time.
class MotionControl {
 public:
  /// Throws Error as its parts do, for chunks of poses without a chain, and for a period outside the filter's.
  MotionControl(const JointLimits& limits, const MotionControlOptions& options);

  /// Starts from a measured state `[dof]` at rest, forgets every plan and lifts a stop or a fault; not while in motion (`not_ready`). A
  /// joint measured beyond its limit by less than 0.2 % of its range starts at the limit. Refuses as CommandFilter::reset.
  [[nodiscard]] Status arm(std::span<const double> measured, Time now) noexcept;
  /// Takes a chunk, or says why not: as ChunkTimeline::push, or `out_of_range` for one that would start motion with a jump.
  [[nodiscard]] Status deliver(const ActionChunk& chunk, Time now) noexcept;
  /// Something happened that this class cannot see: `stop`, `watchdog`, `command_refused`, `pose_unreachable`, ...
  void raise(SafetyEvent event, Time now) noexcept;
  /// As CommandFilter::change_limits; until every joint keeps the new limits the mode is degraded at best.
  [[nodiscard]] Status change_limits(const JointLimits& limits, Time now) noexcept;
  /// Nobody had time for ticks for `missed` until `now`: the robot stood at its last command, and motion starts from rest there. After more
  /// than `measurement_age` the plan is over, and the next must begin near the measured state.
  void skip(Time now, Time missed) noexcept;
  /// Advances by `dt` from `start` and writes the command `[dof]` that is due at the end. `measured` `[dof]`, empty when the robot gave
  /// none.
  TickOutcome tick(Time start, Time dt, std::span<const double> measured, std::span<double> command) noexcept;

  [[nodiscard]] const SafetyState& safety() const noexcept { return safety_; }
  [[nodiscard]] const CommandFilter& filter() const noexcept { return filter_; }
  [[nodiscard]] const ChunkTimeline& timeline() const noexcept { return timeline_; }
  /// The target of the latest tick `[dof]`, rad or m.
  [[nodiscard]] std::span<const double> target() const noexcept { return target_; }
  /// Of time along the plan; 1 unless `on_path`.
  [[nodiscard]] double path_rate() const noexcept { return governor_ ? governor_->rate() : 1.0; }
  [[nodiscard]] int dof() const noexcept { return filter_.dof(); }
  [[nodiscard]] const MotionControlOptions& options() const noexcept { return options_; }

 private:
  [[nodiscard]] Status take(const ActionChunk& chunk, Time now) noexcept;
  /// Whether what a chunk asks for at `now` is near the command, and that near the measured state.
  [[nodiscard]] bool begins_near(const ActionChunk& chunk, Time now) noexcept;
  void check_measurement(Time dt, std::span<const double> measured) noexcept;
  [[nodiscard]] Status plan_target(Time start, Time end) noexcept;
  [[nodiscard]] bool follow_pose(Time dt) noexcept;
  [[nodiscard]] bool near(std::size_t column, double a, double b) const noexcept;
  void end_plan() noexcept;
  Status move(Time dt, std::span<double> command) noexcept;

  MotionControlOptions options_;
  ChunkTimeline timeline_;
  CommandFilter filter_;
  std::optional<PathGovernor> governor_;
  std::optional<ToolGuard> guard_;
  ChainScratch<> scratch_;
  SafetyState safety_;
  MotionJournal journal_;
  Time measurement_missing_{};
  Time longest_stop_{};           // of any joint, from anywhere within the limits
  Time along_path_{};             // left, for the end of a plan that is approached along its path
  Time path_delay_{};             // by the governor, since the latest chunk
  std::vector<double> row_;       // of the timeline
  std::vector<double> target_;    // of the joints
  std::vector<double> measured_;  // latest
};

}  // namespace sinew
