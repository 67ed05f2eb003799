// SPDX-License-Identifier: Apache-2.0
// The pulse of a control process: what it tells the watchdog, through shared memory, after every command.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sinew/core/clock.hpp"

namespace sinew {

/// What a control process says of itself after a command was published. Times are those of CLOCK_MONOTONIC (SteadyClock), which all
/// processes of a machine share; a robot's own clock must be converted.
struct Beat {
  std::uint64_t sequence = 0;  ///< ticks so far; a beat counts only when this is greater than before
  Time time{};                 ///< when the tick read its clock
  std::uint64_t action = 0;    ///< identity of the action in force: the chunk's sequence
  Time horizon_end{};          ///< when that action's horizon ends
  bool valid = false;          ///< the command that was published was a good one: finite, within the limits, accepted by the robot
  bool holding = false;        ///< at rest, or slowing down to it, on purpose: no action needs to be in force
};

/// The control process's side: owns the shared memory segment "/sinew.<name>" (mode 0600, layout in docs/watchdog.md) as long as it lives.
/// One thread. While it lives the name is taken; the segment of a process that died is replaced. Destruction is a clean end: a watchdog
/// does not trip on it. A killed process ends without one, and does.
class Heartbeat {
 public:
  /// Creates the segment. `name`: 1 to 64 of [A-Za-z0-9._-]. Throws Error: invalid_argument (the name), failed (taken by a live process),
  /// io (the system refused, shared memory is full).
  explicit Heartbeat(std::string_view name);
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;
  ~Heartbeat();

  /// Call after the command was published. About ten stores to memory: no allocation, no lock, no system call.
  void beat(const Beat& beat) noexcept;

  /// Says that the silence that follows is on purpose; the next beat arms the watchdog again.
  void disarm() noexcept;

 private:
  std::string path_;
  int descriptor_ = -1;
  std::int64_t process_;  // a child that was forked must not end its parent's heartbeat
  void* segment_ = nullptr;
};

}  // namespace sinew
