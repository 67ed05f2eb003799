// SPDX-License-Identifier: Apache-2.0
// The shared memory between a control process and its watchdog: who owns it, what a beat costs, and that it is read whole.
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

#include "heartbeat_fixture.hpp"
#include "heartbeat_segment.hpp"
#include "sinew/core/error.hpp"
#include "sinew/motion/watchdog.hpp"
#include "sinew/testing/no_alloc.hpp"
#include "test_seed.hpp"

using namespace sinew;
using namespace sinew::testing;
using namespace std::chrono_literals;

TEST_CASE("heartbeat: a segment of 128 bytes for this user only, gone after a clean end") {
  const std::string name = heartbeat_name("mode");
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
  const std::string name = heartbeat_name("owner");
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
  const std::string name = heartbeat_name("fork");
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
  Heartbeat heart(heartbeat_name("cost"));
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
