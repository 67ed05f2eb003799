// SPDX-License-Identifier: Apache-2.0
#include "heartbeat_segment.hpp"

#include <algorithm>

#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"

namespace sinew::detail {

std::string heartbeat_path(std::string_view name, std::string_view where) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  };
  if (name.empty() || name.size() > 64 || !std::all_of(name.begin(), name.end(), allowed))
    fail(ErrorCode::invalid_argument, {where, "name of the heartbeat", "1 to 64 letters, digits, '.', '_', '-'", quote(name), ""});
  return "/sinew." + std::string(name);
}

void write_beat(HeartbeatSegment& segment, const Beat& beat, std::uint64_t flags) noexcept {
  const std::uint64_t revision = segment.revision.load(std::memory_order_relaxed);
  segment.revision.store(revision + 1, std::memory_order_relaxed);
  segment.sequence.store(beat.sequence, std::memory_order_release);
  segment.time.store(beat.time.count(), std::memory_order_release);
  segment.action.store(beat.action, std::memory_order_release);
  segment.horizon_end.store(beat.horizon_end.count(), std::memory_order_release);
  segment.flags.store(flags, std::memory_order_release);
  segment.revision.store(revision + 2, std::memory_order_release);
}

Look read_beat(const HeartbeatSegment& segment) noexcept {
  constexpr int kTries = 16;  // a whole beat is written within nanoseconds; one that never ends is a dead writer's
  for (int i = 0; i < kTries; ++i) {
    const std::uint64_t revision = segment.revision.load(std::memory_order_acquire);
    if (revision == 0) return {Sight::absent, {}};
    Look look{Sight::beat, {}};
    look.beat.sequence = segment.sequence.load(std::memory_order_acquire);
    look.beat.time = Time(segment.time.load(std::memory_order_acquire));
    look.beat.action = segment.action.load(std::memory_order_acquire);
    look.beat.horizon_end = Time(segment.horizon_end.load(std::memory_order_acquire));
    const std::uint64_t flags = segment.flags.load(std::memory_order_acquire);
    if ((revision & 1) != 0 || segment.revision.load(std::memory_order_relaxed) != revision) continue;
    look.beat.valid = (flags & kBeatValid) != 0;
    look.beat.holding = (flags & kBeatHolding) != 0;
    if ((flags & kBeatDisarmed) != 0) look.sight = Sight::disarmed;
    return look;
  }
  return {Sight::torn, {}};
}

}  // namespace sinew::detail
