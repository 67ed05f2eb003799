// SPDX-License-Identifier: Apache-2.0
// The watchdog's eyes: what it makes of segments that come, go, end cleanly, and are broken by others.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>

#include "heartbeat_fixture.hpp"
#include "heartbeat_segment.hpp"
#include "sinew/motion/watchdog.hpp"
#include "sinew/testing/no_alloc.hpp"

using namespace sinew;
using namespace sinew::testing;
using namespace std::chrono_literals;

namespace {

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

TEST_CASE("watchdog: a look allocates nothing, in any state") {
  const std::string name = heartbeat_name("look");
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
  const std::string name = heartbeat_name("life");
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
  const std::string name = heartbeat_name("broken");
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
  const std::string name = heartbeat_name("stranger");
  const Stranger stranger(name);
  Watchdog dog(name, [](const Trip&) {});
  for (const off_t size : {0, 1, 127, 128, 4096}) {
    REQUIRE(::ftruncate(stranger.descriptor, size) == 0);
    CHECK(dog.look() == WatchdogState::waiting);
  }
}

TEST_CASE("watchdog: a beat that was begun and not ended is silence") {
  const std::string name = heartbeat_name("torn");
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
