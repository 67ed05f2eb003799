// SPDX-License-Identifier: Apache-2.0
// Time is injected: everything that needs "now" takes a clock, so that tests and replays decide what it says.
#pragma once

#include <chrono>
#include <concepts>

namespace sinew {

/// A monotonic instant or duration. The origin is the clock's own; instants of two robots are not comparable.
using Time = std::chrono::nanoseconds;

/// Seconds as a double, for formulas and for Python.
[[nodiscard]] constexpr double to_seconds(Time time) noexcept { return std::chrono::duration<double>(time).count(); }
/// Rounds to the nearest nanosecond. The argument must be finite and below 292 years.
[[nodiscard]] constexpr Time from_seconds(double seconds) noexcept {
  return Time(static_cast<Time::rep>(seconds * 1e9 + (seconds < 0 ? -0.5 : 0.5)));
}

/// Says what "now" is, without throwing.
template <class C>
concept Clock = requires(const C& clock) {
  { clock.now() } noexcept -> std::same_as<Time>;
};

/// The operating system's monotonic clock.
class SteadyClock {
 public:
  [[nodiscard]] Time now() const noexcept { return std::chrono::steady_clock::now().time_since_epoch(); }
};

/// A clock that moves only when told to.
class VirtualClock {
 public:
  [[nodiscard]] Time now() const noexcept { return now_; }
  void advance(Time by) noexcept { now_ += by; }
  void set(Time now) noexcept { now_ = now; }

 private:
  Time now_{};
};

static_assert(Clock<SteadyClock> && Clock<VirtualClock>);

}  // namespace sinew
