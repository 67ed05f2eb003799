// SPDX-License-Identifier: Apache-2.0
// When a heartbeat counts as dead: no system calls here, so that a virtual clock can test every schedule.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "sinew/core/error.hpp"
#include "sinew/motion/watchdog.hpp"

namespace sinew {

namespace {

struct Range {
  const char* what;
  Time lowest, highest;
};

void require_within(Time value, const Range& range) {
  if (value >= range.lowest && value <= range.highest) return;
  const auto milliseconds = [](Time time) { return 1e3 * to_seconds(time); };
  fail(ErrorCode::invalid_argument,
       {"WatchdogOptions", range.what, fmt::format("{:g} ms to {:g} ms", milliseconds(range.lowest), milliseconds(range.highest)),
        fmt::format("{:g} ms", milliseconds(value)), ""});
}

}  // namespace

std::string_view to_string(WatchdogState state) noexcept {
  constexpr std::array<std::string_view, 3> kNames{"waiting", "armed", "tripped"};
  return kNames[static_cast<std::size_t>(state)];
}

std::string_view to_string(TripReason reason) noexcept {
  constexpr std::array<std::string_view, 6> kNames{"silent", "invalid", "expired", "wrong_time", "vanished", "malformed"};
  return kNames[static_cast<std::size_t>(reason)];
}

WatchdogRule::WatchdogRule(const WatchdogOptions& options) : options_(options) {
  using namespace std::chrono_literals;
  require_within(options.timeout, {"timeout", 1ms, 1s});
  require_within(options.period, {"period", 100us, options.timeout / 2});
  require_within(options.longest_action, {"longest_action", 1ms, 1h});
}

WatchdogState WatchdogRule::look(Time now, const Look& look) noexcept {
  const Time before = std::exchange(looked_, now);
  if (state_ == WatchdogState::tripped) return state_;
  if (look.sight == Sight::disarmed) return state_ = WatchdogState::waiting;
  if (state_ == WatchdogState::waiting) {
    counted_ = seen_ = 0;
    last_ = Time::min();
    action_known_ = stale_before_ = false;
    if (look.sight == Sight::beat) judge({before, now}, look.beat);
    if (last_ != Time::min() && now - last_ < options_.timeout) state_ = WatchdogState::armed;
    return state_;
  }
  if (look.sight == Sight::absent) trip(now, TripReason::vanished);
  if (look.sight == Sight::malformed) trip(now, TripReason::malformed);
  if (look.sight == Sight::beat) judge({before, now}, look.beat);
  const bool stale = now - last_ >= options_.timeout;
  if (stale && stale_before_) trip(now, now - progress_ < options_.timeout ? defect_ : TripReason::silent);
  stale_before_ = stale;
  return state_;
}

void WatchdogRule::rearm() noexcept {
  if (state_ == WatchdogState::tripped) state_ = WatchdogState::waiting;
}

void WatchdogRule::judge(const Looks& looks, const Beat& beat) noexcept {
  const Time now = looks.now;
  const bool first = state_ == WatchdogState::waiting;
  if (!first && beat.sequence <= counted_) return;
  if (first || beat.sequence > seen_) {
    seen_ = beat.sequence;
    progress_ = now;
  }
  follow_action(now, beat);
  if (!beat.valid) {
    defect_ = TripReason::invalid;
  } else if (beat.time < Time(0) || beat.time - options_.timeout > now) {
    defect_ = TripReason::wrong_time;
  } else if (!beat.holding && beat.time > action_end_) {
    defect_ = TripReason::expired;
  } else {
    // One that is old counts, and goes on to age. Its time is wrong where it says that the look before should have found it long ago.
    defect_ = looks.before - beat.time >= options_.timeout ? TripReason::wrong_time : TripReason::silent;
    counted_ = beat.sequence;
    last_ = std::max(last_, std::min(beat.time, now));
  }
}

void WatchdogRule::follow_action(Time now, const Beat& beat) noexcept {
  if (!action_known_ || beat.action != action_) {
    action_ = beat.action;
    action_end_ = now + options_.longest_action;
  }
  action_end_ = std::min(action_end_, beat.horizon_end);
  // A robot that rests may begin the same action anew, as it does after its sequences began again.
  action_known_ = !beat.holding;
}

void WatchdogRule::trip(Time now, TripReason reason) noexcept {
  if (state_ == WatchdogState::tripped) return;
  state_ = WatchdogState::tripped;
  trip_ = {.reason = reason, .last_beat = last_, .at = now, .sequence = counted_};
}

}  // namespace sinew
