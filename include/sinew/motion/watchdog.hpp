// SPDX-License-Identifier: Apache-2.0
// Watches a control process from outside and asks for a stop when its heartbeat fails. Not a safety-rated function (docs/watchdog.md).
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <string_view>

#include "sinew/core/clock.hpp"
#include "sinew/motion/heartbeat.hpp"

namespace sinew {

struct WatchdogOptions {
  Time timeout = std::chrono::milliseconds(20);    ///< 1 ms to 1 s without a beat that counts
  Time period = std::chrono::milliseconds(1);      ///< between two looks: 100 us to half of the timeout
  Time longest_action = std::chrono::seconds(10);  ///< 1 ms to 1 h: no action is believed for longer, whatever horizon it claims
};

/// Whether it watches.
enum class WatchdogState : std::uint8_t {
  waiting,  ///< for the first beat that counts: nothing to watch, or it ended cleanly
  armed,
  tripped  ///< the stop was asked for; stays until `rearm`
};

enum class TripReason : std::uint8_t {
  silent,      ///< no new beat: stopped, killed, or looping without one
  invalid,     ///< beats go on, but what they stand for was no good command
  expired,     ///< beats go on, but their action is past its horizon and the robot does not hold
  wrong_time,  ///< beats go on, but their times are old, or lie in the future
  vanished,    ///< the segment was removed without a clean end
  malformed    ///< the segment's size or header is no longer right
};

[[nodiscard]] std::string_view to_string(WatchdogState state) noexcept;
[[nodiscard]] std::string_view to_string(TripReason reason) noexcept;

/// Why a stop was asked for, and when; times of CLOCK_MONOTONIC.
struct Trip {
  TripReason reason = TripReason::silent;
  Time last_beat{};            ///< of the last beat that counted
  Time at{};                   ///< the look that tripped
  std::uint64_t sequence = 0;  ///< of the last beat that counted
};

/// What a look at the segment found.
enum class Sight : std::uint8_t { absent, malformed, torn, beat, disarmed };
/// One look at the segment.
struct Look {
  Sight sight = Sight::absent;
  Beat beat;  ///< where sight == Sight::beat
};

/// The decision alone: looks in, state out, no clock and no memory but its own. A beat counts when
///   - its sequence is greater than that of the last one that counted (any, while waiting),
///   - it is valid,
///   - its time is at most one timeout ahead of the look (the look's time is read before the beat),
///   - it holds, or its time is not past the horizon of its action: the earliest end that was claimed for that action without a pause
///     (holding is a pause), and no later than `longest_action` after it was first seen.
/// The age of a counted beat is reckoned from its time, or from the look if that is earlier. Armed by the first beat that counts and is
/// younger than the timeout. Trips at the second of two successive looks at which the newest counted beat is as old as the timeout: one
/// look may have come late because the watchdog itself did not run. `vanished` and `malformed` trip at once.
class WatchdogRule {
 public:
  /// Throws Error(invalid_argument) for options outside their ranges.
  explicit WatchdogRule(const WatchdogOptions& options);

  /// `now` of successive looks must not decrease.
  WatchdogState look(Time now, const Look& look) noexcept;
  /// After a trip: waits again. Nothing in other states.
  void rearm() noexcept;

  [[nodiscard]] WatchdogState state() const noexcept { return state_; }
  /// The latest trip; for `tripped`.
  [[nodiscard]] const Trip& trip() const noexcept { return trip_; }

 private:
  struct Looks {
    Time before, now;
  };
  void judge(const Looks& looks, const Beat& beat) noexcept;
  void follow_action(Time now, const Beat& beat) noexcept;
  void trip(Time now, TripReason reason) noexcept;

  WatchdogOptions options_;
  WatchdogState state_ = WatchdogState::waiting;
  Trip trip_;
  Time looked_{};              // at the latest look
  Time last_{};                // time of the newest beat that counted
  std::uint64_t counted_ = 0;  // its sequence
  std::uint64_t seen_ = 0;     // greatest sequence seen, counted or not
  Time progress_{};            // look at which the greatest sequence appeared
  TripReason defect_{};        // why the newest beat did not count; silent when it did
  bool action_known_ = false;
  std::uint64_t action_ = 0;  // in force
  Time action_end_{};
  bool stale_before_ = false;  // at the look before
};

/// Asked for a stop; runs on the watchdog's thread, must not throw, and the watch goes on when it returns.
using StopCallback = std::function<void(const Trip&)>;

/// The observer's side, in a process of its own (the program `sinew-watchdog`, or yours). Opens the segment of `name` when it appears, read
/// only. One thread; `look` and `watch` allocate nothing.
class Watchdog {
 public:
  /// Throws Error: invalid_argument (name, options), io (the segment exists but this user may not read it).
  Watchdog(std::string_view name, StopCallback stop, const WatchdogOptions& options = {});
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog();

  /// One look, now. Calls `stop` when it trips, once.
  WatchdogState look() noexcept;

  /// Looks once per period, by the absolute clock, until the state changes or `interrupt` is set. Periods that were slept through are not
  /// made up for. A signal that does not set `interrupt` does not shorten a period.
  WatchdogState watch(const std::atomic<bool>& interrupt) noexcept;

  /// After a trip: waits for the name to appear, with a beat that counts.
  void rearm() noexcept { rule_.rearm(); }

  [[nodiscard]] WatchdogState state() const noexcept { return rule_.state(); }
  /// The latest trip; for `tripped`.
  [[nodiscard]] const Trip& trip() const noexcept { return rule_.trip(); }
  /// The longest time between two looks within one `watch`: what the system's scheduler does to the watchdog itself.
  [[nodiscard]] Time worst_gap() const noexcept { return worst_gap_; }

 private:
  bool open() noexcept;
  void close() noexcept;
  Look see() noexcept;

  std::string path_;
  StopCallback stop_;
  WatchdogRule rule_;
  Time period_;
  Time worst_gap_{};
  int descriptor_ = -1;
  const void* segment_ = nullptr;
};

}  // namespace sinew
