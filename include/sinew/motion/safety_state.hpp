// SPDX-License-Identifier: Apache-2.0
// Whether a robot may move, and why not: seven modes, and what every event does in each.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sinew {

enum class SafetyMode : std::uint8_t {
  init,      ///< no command is sent
  armed,     ///< measured state known; holds it and waits for a plan that begins there
  run,       ///< follows the plan
  degraded,  ///< follows what was accepted, while something is wrong
  stopping,  ///< slows down to rest
  hold,      ///< at rest; a plan that begins here starts motion again, unless a stop was asked for
  fault      ///< brakes to rest and stays there until it is armed again from a measured state
};

/// What changes a mode; SafetyState says what each does in each.
enum class SafetyEvent : std::uint8_t {
  arm,               ///< by a person or a program, with a measured state that is finite, fresh and within the limits
  near_target,       ///< a chunk was accepted, and what it asks for now is near the commanded state
  far_target,        ///< a chunk was accepted by rule, but asks for a jump
  chunk_refused,     ///< stale, foreign, not finite, outside the envelope
  pose_unreachable,  ///< inverse kinematics found no joints for a pose of a chunk
  limits_changing,   ///< new limits, and the state is not within them yet
  tick_missed,       ///< the control thread came too late
  plan_ending,       ///< the last stretch of the plan began, and no newer chunk came
  plan_over,
  measurement_stale,  ///< the robot gave no state in time
  measurement_bad,    ///< not finite, or far outside the limits
  command_refused,    ///< by the robot
  watchdog,           ///< tripped
  stop,               ///< asked for by a person or a program; latched until `arm`
  rest                ///< commanded velocities and accelerations are zero
};

inline constexpr std::size_t kSafetyModes = 7;
inline constexpr std::size_t kSafetyEvents = 15;

[[nodiscard]] std::string_view to_string(SafetyMode mode) noexcept;
[[nodiscard]] std::string_view to_string(SafetyEvent event) noexcept;

/// What follows; defined for every pair. Only `arm` leaves `fault`; only `near_target` leads to `run`.
[[nodiscard]] SafetyMode next_mode(SafetyMode mode, SafetyEvent event) noexcept;

/// The mode, the latch of a stop, and how often each event came. One thread.
class SafetyState {
 public:
  /// Takes an event and returns the mode that follows. After `stop` chunks start nothing until `arm`.
  SafetyMode apply(SafetyEvent event) noexcept;

  [[nodiscard]] SafetyMode mode() const noexcept { return mode_; }
  /// Commands follow the plan.
  [[nodiscard]] bool follows_plan() const noexcept { return mode_ == SafetyMode::run || mode_ == SafetyMode::degraded; }
  /// A stop was asked for and not lifted.
  [[nodiscard]] bool latched() const noexcept { return latched_; }
  /// The event that led into the present mode.
  [[nodiscard]] SafetyEvent cause() const noexcept { return cause_; }
  [[nodiscard]] std::uint64_t count(SafetyEvent event) const noexcept { return counts_[static_cast<std::size_t>(event)]; }

 private:
  SafetyMode mode_ = SafetyMode::init;
  SafetyEvent cause_ = SafetyEvent::rest;
  bool latched_ = false;
  std::array<std::uint64_t, kSafetyEvents> counts_{};
};

}  // namespace sinew
