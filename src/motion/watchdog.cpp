// SPDX-License-Identifier: Apache-2.0
#include "sinew/motion/watchdog.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "heartbeat_segment.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"

namespace sinew {

namespace {

constexpr const char* kWhere = "Watchdog";

using detail::HeartbeatSegment;

/// Sleeps until then, through signals that do not set `interrupt`.
void sleep_until(Time time, const std::atomic<bool>& interrupt) noexcept {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  const timespec at{.tv_sec = seconds.count(), .tv_nsec = (time - seconds).count()};
  while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr) == EINTR && !interrupt.load(std::memory_order_relaxed)) {
  }
}

bool is_well_formed(const HeartbeatSegment& segment) noexcept {
  return segment.magic.load(std::memory_order_acquire) == detail::kHeartbeatMagic &&
         segment.version.load(std::memory_order_relaxed) == detail::kHeartbeatVersion &&
         segment.size.load(std::memory_order_relaxed) == sizeof(HeartbeatSegment);
}

}  // namespace

Watchdog::Watchdog(std::string_view name, StopCallback stop, const WatchdogOptions& options)
    : path_(detail::heartbeat_path(name, kWhere)), stop_(std::move(stop)), rule_(options), period_(options.period) {
  if (!stop_) fail(ErrorCode::invalid_argument, {kWhere, "stop callback", "one", "none", ""});
  if (!open() && errno != ENOENT && errno != EAGAIN)
    fail(ErrorCode::io,
         {kWhere, "shared memory " + quote(path_), "one that this user may read", std::error_code(errno, std::generic_category()).message(),
          "run the watchdog as the controller's user, or as root"});
}

Watchdog::~Watchdog() { close(); }

WatchdogState Watchdog::look() noexcept {
  const bool tripped = rule_.state() == WatchdogState::tripped;
  // Read before the beat: what happens in between can only make the beat look younger than it is.
  const Time now = SteadyClock().now();
  if (!tripped && rule_.look(now, see()) == WatchdogState::tripped) {
    close();
    stop_(rule_.trip());
  }
  return rule_.state();
}

WatchdogState Watchdog::watch(const std::atomic<bool>& interrupt) noexcept {
  const WatchdogState before = rule_.state();
  Time last = SteadyClock().now(), next = last;
  while (!interrupt.load(std::memory_order_relaxed)) {
    const Time now = SteadyClock().now();
    worst_gap_ = std::max(worst_gap_, now - std::exchange(last, now));
    if (look() != before) break;
    next = std::max(next + period_, now + period_ / 2);
    sleep_until(next, interrupt);
  }
  return rule_.state();
}

/// Sets errno: EAGAIN for a segment that is not ready.
bool Watchdog::open() noexcept {
  const int descriptor = ::shm_open(path_.c_str(), O_RDONLY | O_CLOEXEC, 0);
  if (descriptor < 0) return false;
  struct ::stat status{};
  void* memory = MAP_FAILED;
  errno = EAGAIN;
  if (::fstat(descriptor, &status) == 0 && status.st_size >= static_cast<off_t>(sizeof(HeartbeatSegment)))
    memory = ::mmap(nullptr, sizeof(HeartbeatSegment), PROT_READ, MAP_SHARED, descriptor, 0);
  if (memory == MAP_FAILED) {
    const int error = errno;
    ::close(descriptor);
    errno = error;
    return false;
  }
  descriptor_ = descriptor;
  segment_ = memory;
  return true;
}

void Watchdog::close() noexcept {
  if (segment_ == nullptr) return;
  ::munmap(const_cast<void*>(segment_), sizeof(HeartbeatSegment));
  ::close(descriptor_);
  segment_ = nullptr;
  descriptor_ = -1;
}

Look Watchdog::see() noexcept {
  if (segment_ == nullptr && !open()) return {Sight::absent, {}};
  const auto& segment = *static_cast<const HeartbeatSegment*>(segment_);
  struct ::stat status{};
  // A shorter segment must not be touched: that would be a SIGBUS.
  const bool whole = ::fstat(descriptor_, &status) == 0 && status.st_size >= static_cast<off_t>(sizeof(HeartbeatSegment));
  const bool named = status.st_nlink != 0;
  Look look{Sight::malformed, {}};
  if (whole && is_well_formed(segment)) look = detail::read_beat(segment);
  // The name is looked at first and the beat second, so that a clean end, which writes first and removes second, is never missed.
  if (look.sight != Sight::disarmed && !named) look.sight = Sight::absent;
  // While nothing is watched the name may come to mean another segment.
  if (!named || (look.sight == Sight::malformed && rule_.state() == WatchdogState::waiting)) close();
  return look;
}

}  // namespace sinew
