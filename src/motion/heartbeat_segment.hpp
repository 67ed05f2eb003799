// SPDX-License-Identifier: Apache-2.0
// Layout of the shared memory between a control process and its watchdog (docs/watchdog.md), and how both sides touch it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sinew/motion/watchdog.hpp"

namespace sinew::detail {

inline constexpr std::uint64_t kHeartbeatMagic = 0x5442484E454E4953;  // "SINEWHBT" but for byte order
inline constexpr std::uint32_t kHeartbeatVersion = 1;
inline constexpr std::uint64_t kBeatValid = 1, kBeatHolding = 2, kBeatDisarmed = 4;

/// Two cache lines: who made it, and the beat. Memory of zeros is a segment that is not ready yet.
struct HeartbeatSegment {
  std::atomic<std::uint64_t> magic;  // stored last
  std::atomic<std::uint32_t> version;
  std::atomic<std::uint32_t> size;
  std::atomic<std::int64_t> process;
  alignas(64) std::atomic<std::uint64_t> revision;  // odd while a beat is being written
  std::atomic<std::uint64_t> sequence;
  std::atomic<std::int64_t> time;
  std::atomic<std::uint64_t> action;
  std::atomic<std::int64_t> horizon_end;
  std::atomic<std::uint64_t> flags;
};

static_assert(sizeof(HeartbeatSegment) == 128 && offsetof(HeartbeatSegment, revision) == 64 && offsetof(HeartbeatSegment, flags) == 104);
// Lock-free atomics are address-free, so two processes may share them.
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<std::int64_t>::is_always_lock_free &&
              std::atomic<std::uint32_t>::is_always_lock_free);

/// "/sinew.<name>". Throws Error(invalid_argument).
[[nodiscard]] std::string heartbeat_path(std::string_view name, std::string_view where);

/// One writer. Payload stores release and payload loads acquire, so that whoever reads a new word also reads the odd revision before it: a
/// sequence lock without fences, which thread sanitizers do not know.
void write_beat(HeartbeatSegment& segment, const Beat& beat, std::uint64_t flags) noexcept;

/// A whole beat, or Sight::torn when a writer was at work, or was killed at it, each time.
[[nodiscard]] Look read_beat(const HeartbeatSegment& segment) noexcept;

}  // namespace sinew::detail
