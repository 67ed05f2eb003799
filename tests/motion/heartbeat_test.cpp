// SPDX-License-Identifier: Apache-2.0
// The shared memory between a control process and its watchdog: whole beats, clean ends, and what others may do to it.
#include "sinew/motion/heartbeat.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <string>
#include <thread>

#include "heartbeat_segment.hpp"
#include "sinew/core/error.hpp"
#include "sinew/motion/watchdog.hpp"
#include "sinew/testing/no_alloc.hpp"
#include "test_seed.hpp"

using namespace sinew;
using namespace sinew::testing;
using namespace std::chrono_literals;

namespace {

std::string name_of(const char* what) { return std::string("test-") + what + "-" + std::to_string(::getpid()); }

Beat beat_at(std::uint64_t sequence) {
  const Time now = SteadyClock().now();
  return {.sequence = sequence, .time = now, .action = 1, .horizon_end = now + 1s, .valid = true, .holding = false};
}

/// The segment as a stranger finds it.
struct Stranger {
  explicit Stranger(const std::string& name) : path("/sinew." + name), descriptor(::shm_open(path.c_str(), O_RDWR | O_CREAT, 0600)) {}
  ~Stranger() {
    ::close(descriptor);
    ::shm_unlink(path.c_str());
  }
  void write(std::uint64_t word, off_t offset) const { REQUIRE(::pwrite(descriptor, &word, sizeof word, offset) == sizeof word); }

  std::string path;
  int descriptor;
};

}  // namespace

TEST_CASE("heartbeat: a segment of 128 bytes for this user only, gone after a clean end") {
  const std::string name = name_of("mode");
  {
    Heartbeat heart(name);
    const int descriptor = ::shm_open(("/sinew." + name).c_str(), O_RDONLY, 0);
    REQUIRE(descriptor >= 0);
    struct ::stat status{};
    REQUIRE(::fstat(descriptor, &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    CHECK(status.st_size == 128);
    ::close(descriptor);
  }
  CHECK(::shm_open(("/sinew." + name).c_str(), O_RDONLY, 0) < 0);
}

TEST_CASE("heartbeat: names that are no names are refused") {
  for (const std::string name : {"", "a/b", "a b", "../x", "\n"}) CHECK_THROWS_AS(Heartbeat{name}, Error);
  CHECK_THROWS_AS(Heartbeat{std::string(65, 'a')}, Error);
  CHECK_THROWS_AS(Watchdog("a/b", [](const Trip&) {}), Error);
  CHECK_THROWS_AS(Watchdog("a", {}), Error);
}

TEST_CASE("heartbeat: a name has one live owner; what a killed process left is replaced") {
  const std::string name = name_of("owner");
  {
    const Heartbeat heart(name);
    CHECK_THROWS_AS(Heartbeat{name}, Error);
  }
  const pid_t child = ::fork();
  if (child == 0) {
    Heartbeat heart(name);
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  const int left = ::shm_open(("/sinew." + name).c_str(), O_RDONLY, 0);
  CHECK(left >= 0);
  ::close(left);
  CHECK_NOTHROW(Heartbeat{name});
}

TEST_CASE("heartbeat: a forked child does not end its parent's") {
  const std::string name = name_of("fork");
  Heartbeat heart(name);
  int stops = 0;
  Watchdog dog(name, [&stops](const Trip&) { ++stops; });
  heart.beat(beat_at(1));
  CHECK(dog.look() == WatchdogState::armed);
  const pid_t child = ::fork();
  if (child == 0) {
    heart.~Heartbeat();
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  heart.beat(beat_at(2));
  CHECK(dog.look() == WatchdogState::armed);
  CHECK(stops == 0);
}

TEST_CASE("heartbeat: a beat allocates nothing, locks nothing, and costs little") {
  REQUIRE(counting_works());
  Heartbeat heart(name_of("cost"));
  Beat beat = beat_at(0);
  const HeapCallCounter heap;
  const LockCallCounter locks;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 1'000'000; ++i) {
    ++beat.sequence;
    heart.beat(beat);
  }
  const double each = to_seconds(std::chrono::steady_clock::now() - start) * 1e3;
  CHECK(heap.count() == 0);
  CHECK(locks.count() == 0);
  MESSAGE("one beat: " << each << " ns");
  CHECK(each < 5000);
}

TEST_CASE("watchdog: a look allocates nothing, in any state") {
  const std::string name = name_of("look");
  int stops = 0;
  Watchdog dog(name, [&stops](const Trip&) { ++stops; });
  Heartbeat heart(name);
  const HeapCallCounter heap;
  for (std::uint64_t i = 1; i <= 100; ++i) {
    heart.beat(beat_at(i));
    CHECK_UNARY(dog.look() == WatchdogState::armed);
  }
  const Time end = SteadyClock().now() + 100ms;
  while (SteadyClock().now() < end) dog.look();
  CHECK(heap.count() == 0);
  CHECK(dog.state() == WatchdogState::tripped);
  CHECK(stops == 1);
}

TEST_CASE("watchdog: follows a name from nothing to a clean end and on to the next process") {
  const std::string name = name_of("life");
  int stops = 0;
  Watchdog dog(name, [&stops](const Trip&) { ++stops; });
  CHECK(dog.look() == WatchdogState::waiting);
  for (int life = 0; life < 3; ++life) {
    Heartbeat heart(name);
    CHECK(dog.look() == WatchdogState::waiting);
    heart.beat(beat_at(1));
    CHECK(dog.look() == WatchdogState::armed);
    heart.disarm();
    CHECK(dog.look() == WatchdogState::waiting);
    heart.beat(beat_at(2));
    CHECK(dog.look() == WatchdogState::armed);
    if (life == 1) heart.disarm();  // the look below finds the name gone, with or without a look in between
  }
  CHECK(dog.look() == WatchdogState::waiting);
  CHECK(stops == 0);
}

TEST_CASE("watchdog: a segment that vanishes, shrinks or is overwritten trips at once") {
  const std::string name = name_of("broken");
  TripReason reason{};
  int stops = 0;
  Watchdog dog(name, [&](const Trip& trip) {
    reason = trip.reason;
    ++stops;
  });
  Heartbeat heart(name);
  heart.beat(beat_at(1));
  REQUIRE(dog.look() == WatchdogState::armed);
  SUBCASE("vanishes") {
    ::shm_unlink(("/sinew." + name).c_str());
    CHECK(dog.look() == WatchdogState::tripped);
    CHECK(reason == TripReason::vanished);
  }
  SUBCASE("shrinks") {
    const Stranger stranger(name);
    REQUIRE(::ftruncate(stranger.descriptor, 64) == 0);
    CHECK(dog.look() == WatchdogState::tripped);
    CHECK(reason == TripReason::malformed);
    REQUIRE(::ftruncate(stranger.descriptor, 128) == 0);  // the heartbeat's own end writes to it
  }
  SUBCASE("another magic, version or size") {
    const Stranger stranger(name);
    for (const off_t offset : {0, 8}) {
      std::uint64_t word = 0;
      REQUIRE(::pread(stranger.descriptor, &word, sizeof word, offset) == sizeof word);
      stranger.write(word + 1, offset);
      CHECK(dog.look() == WatchdogState::tripped);
      CHECK(reason == TripReason::malformed);
      stranger.write(word, offset);
      dog.rearm();
      heart.beat(beat_at(2));
      CHECK(dog.look() == WatchdogState::armed);
    }
  }
  CHECK(stops >= 1);
}

TEST_CASE("watchdog: what is no heartbeat under the name is waited for, not read") {
  const std::string name = name_of("stranger");
  const Stranger stranger(name);
  Watchdog dog(name, [](const Trip&) {});
  for (const off_t size : {0, 1, 127, 128, 4096}) {
    REQUIRE(::ftruncate(stranger.descriptor, size) == 0);
    CHECK(dog.look() == WatchdogState::waiting);
  }
}

TEST_CASE("watchdog: a beat that was begun and not ended is silence") {
  const std::string name = name_of("torn");
  int stops = 0;
  Watchdog dog(name, [&stops](const Trip& trip) {
    ++stops;
    CHECK(trip.reason == TripReason::silent);
  });
  Heartbeat heart(name);
  heart.beat(beat_at(1));
  REQUIRE(dog.look() == WatchdogState::armed);
  {
    const int descriptor = ::shm_open(("/sinew." + name).c_str(), O_RDWR, 0600);
    const std::uint64_t odd = 3;
    REQUIRE(::pwrite(descriptor, &odd, sizeof odd, offsetof(detail::HeartbeatSegment, revision)) == sizeof odd);
    ::close(descriptor);
  }
  const std::atomic<bool> never{false};
  CHECK(dog.watch(never) == WatchdogState::tripped);
  CHECK(stops == 1);
}

TEST_CASE("heartbeat: no beat is ever seen torn") {
  detail::HeartbeatSegment segment{};
  constexpr std::uint64_t kBeats = 1'000'000;
  std::thread writer([&segment] {
    Random random(1);
    for (std::uint64_t i = 1; i <= kBeats; ++i) {
      const auto time = static_cast<Time::rep>(i);
      detail::write_beat(segment, {i, Time(3 * time), 5 * i, Time(7 * time), true, false},
                         i % 2 != 0 ? detail::kBeatValid : detail::kBeatHolding);
      // Without pauses a reader would hardly ever find a beat at rest.
      for (std::uint64_t pause = random.below(200); pause > 0; --pause) std::atomic_signal_fence(std::memory_order_seq_cst);
    }
  });
  std::uint64_t whole = 0, wrong = 0, last = 0;
  while (last < kBeats) {
    const Look look = detail::read_beat(segment);
    if (look.sight != Sight::beat) continue;
    const auto time = static_cast<Time::rep>(look.beat.sequence);
    const bool right = look.beat.time == Time(3 * time) && look.beat.action == 5 * look.beat.sequence &&
                       look.beat.horizon_end == Time(7 * time) && look.beat.valid == (time % 2 != 0) &&
                       look.beat.holding == (time % 2 == 0) && look.beat.sequence >= last;
    wrong += right ? 0 : 1;
    last = look.beat.sequence;
    ++whole;
  }
  writer.join();
  MESSAGE(whole << " whole beats read while " << kBeats << " were written");
  CHECK(whole > 1000);
  CHECK(wrong == 0);
}
