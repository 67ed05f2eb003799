// SPDX-License-Identifier: Apache-2.0
// What a crash costs: a recorder with three producers is killed at random moments and at every boundary between it and the disk, the
// power is cut, recovery is killed too; no acknowledged record is ever missing, and everything that is read is what was added.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>
#include <variant>
#include <vector>

#include "disk_faults.hpp"
#include "read_bytes.hpp"
#include "sinew/core/error.hpp"
#include "sinew/record/recorder.hpp"
#include "sinew/record/recording.hpp"
#include "sinew/record/recover.hpp"
#include "temporary_directory.hpp"
#include "test_seed.hpp"

using namespace sinew;
using namespace std::chrono_literals;
using testing::disk_faults;
using testing::DiskFaults;

namespace {

constexpr int kProducers = 3;

/// What the child says about itself, in memory that outlives it.
struct Witness {
  std::atomic<std::uint64_t> acknowledged{0};
  std::atomic<std::uint64_t> durable{0};
};
Witness& witness() {
  static auto* const shared = new (::mmap(nullptr, sizeof(Witness), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Witness;
  return *shared;
}

/// The record number `count` of a producer: content that follows from the two.
double value_of(int producer, std::uint64_t count) { return producer + 0.001 * static_cast<double>(count); }

std::uint64_t add(Recorder& recorder, int producer, std::uint64_t count, Observation& observation) {
  const Time time = std::chrono::microseconds(100 * count);
  const double values[] = {static_cast<double>(producer), static_cast<double>(count), value_of(producer, count)};
  if (producer > 0) return recorder.add_tick({.time = time, .dt = 1ms, .measured = values, .command = values});
  observation.time = time;
  observation.id = count;
  observation.channels[0].values.assign(values, values + 3);
  for (auto& frame : observation.cameras) {
    frame.stamp = time;
    std::fill(frame.image.pixels().begin(), frame.image.pixels().end(), static_cast<std::uint8_t>(count));
  }
  return recorder.add(observation);
}

/// Records with three threads until `count` of each, saying how far the file is.
void record(const std::filesystem::path& path, std::uint64_t count) {
  Recorder recorder(path, nullptr, {.file = {.chunk_bytes = 20000, .chunk_interval = 5ms, .sync_interval = 2ms}});
  std::vector<std::thread> threads;
  for (int producer = 0; producer < kProducers; ++producer)
    threads.emplace_back([&recorder, producer, count] {
      Observation observation;
      observation.channels.push_back({"joint_position", "rad", {0, 0, 0}, {}});
      for (const char* name : {"front", "wrist"}) observation.cameras.push_back({.name = name, .image = Image(16, 16)});
      for (std::uint64_t i = 0; i < count;) {
        if (add(recorder, producer, i, observation) != 0) ++i;  // a full queue: again, so that none is missing
        if (i % 16 == 0) std::this_thread::sleep_for(50us);
        witness().acknowledged = std::max(witness().acknowledged.load(), recorder.acknowledged());
        witness().durable = std::max(witness().durable.load(), recorder.durable());
      }
    });
  for (auto& thread : threads) thread.join();
  recorder.close();
}

/// Runs `work` in a child and says whether it was killed.
template <class Work>
bool dies(const Work& work, unsigned kill_after_us = 0) {
  const ::pid_t child = ::fork();
  if (child == 0) {
    try {
      work();
      ::_exit(0);
    } catch (...) {
      ::_exit(1);
    }
  }
  if (kill_after_us > 0) {
    ::usleep(kill_after_us);
    ::kill(child, SIGKILL);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE((WIFSIGNALED(status) || WEXITSTATUS(status) == 0));
  return WIFSIGNALED(status);
}

/// Reads the recovered file strictly: numbers from 1 without a gap, each producer's records in its order and whole. The newest number.
std::uint64_t check_file(const std::filesystem::path& path) {
  Recording recording(path);
  std::uint64_t newest = 0, next[kProducers] = {};
  for (Record found; recording.next(found);) {
    if (std::holds_alternative<RecordedEvent>(found.content)) continue;  // of drops, where the queue was full
    std::vector<double> values;
    if (const auto* tick = std::get_if<RecordedCommand>(&found.content)) {
      values = tick->values;
      REQUIRE(tick->measured == tick->values);
    } else {
      const auto& observation = std::get<Observation>(found.content);
      values = observation.channels.at(0).values;
      REQUIRE(observation.cameras.size() == 2);
      for (const auto& frame : observation.cameras)
        for (const auto pixel : frame.image.pixels()) REQUIRE(pixel == static_cast<std::uint8_t>(observation.id));
    }
    const auto producer = static_cast<int>(values.at(0));
    const auto count = static_cast<std::uint64_t>(values.at(1));
    REQUIRE(count == next[producer]++);
    REQUIRE(values.at(2) == value_of(producer, count));
    REQUIRE(found.sequence == ++newest);
  }
  REQUIRE(recording.complete());
  return newest;
}

struct Crash {
  testing::TemporaryDirectory folder;
  std::filesystem::path path = folder.path() / "a.mcap";

  Crash() {
    disk_faults().reset();
    witness().acknowledged = witness().durable = 0;
  }
  ~Crash() { disk_faults().active = false; }
  /// After the child's death: recovers, and checks that what was promised is there.
  std::uint64_t settle(std::uint64_t promised, bool cut_damage = false) {
    disk_faults().reset();
    if (!std::filesystem::exists(path) || std::filesystem::file_size(path) < 8) {  // killed before the head was there
      REQUIRE(promised == 0);
      return 0;
    }
    static_cast<void>(recover(path, {.cut_damage = cut_damage}));
    const std::uint64_t newest = check_file(path);
    CHECK(newest >= promised);
    CHECK_FALSE(recover(path).changed);
    return newest;
  }
};

}  // namespace

TEST_CASE("crash: kill -9 at 200 random moments loses no acknowledged record") {
  testing::Random random(1);
  int killed = 0;
  std::uint64_t promised = 0, found = 0;
  for (int run = 0; killed < 200 && run < 1000; ++run) {
    Crash crash;
    if (!dies([&] { record(crash.path, 100000); }, static_cast<unsigned>(1 + random.below(25000)))) continue;
    ++killed;
    promised += witness().acknowledged;
    found += crash.settle(witness().acknowledged);
  }
  MESSAGE(killed, " killed: ", promised, " records acknowledged, ", found, " found");
  CHECK(killed == 200);
  CHECK(promised > 10000);
}

TEST_CASE("crash: killed before, in the middle of and after every call that changes the file") {
  int deaths = 0;
  for (const auto kind : {DiskFaults::Kind::kill_before, DiskFaults::Kind::kill_halfway, DiskFaults::Kind::kill_after}) {
    for (int call = 0;; ++call) {
      Crash crash;
      disk_faults().kind = kind;
      disk_faults().at = call;
      if (!dies([&] { record(crash.path, 400); })) break;  // it ended before it came so far
      ++deaths;
      crash.settle(witness().acknowledged);
    }
  }
  MESSAGE(deaths, " deaths");
  CHECK(deaths > 20);
}

TEST_CASE("crash: recovery killed at every call of its own loses nothing") {
  Crash crash;
  disk_faults().kind = DiskFaults::Kind::kill_halfway;
  disk_faults().at = 20;
  REQUIRE(dies([&] { record(crash.path, 2000); }));
  const std::uint64_t promised = witness().acknowledged;
  const auto torn = testing::read_bytes(crash.path);
  int deaths = 0;
  for (const auto kind : {DiskFaults::Kind::kill_before, DiskFaults::Kind::kill_halfway, DiskFaults::Kind::kill_after}) {
    for (int call = 0;; ++call) {
      std::ofstream(crash.path, std::ios::binary)
          .write(reinterpret_cast<const char*>(torn.data()), static_cast<std::streamsize>(torn.size()));
      disk_faults().reset();
      disk_faults().kind = kind;
      disk_faults().at = call;
      if (!dies([&] { static_cast<void>(recover(crash.path)); })) break;
      ++deaths;
      crash.settle(promised);
    }
  }
  MESSAGE(deaths, " deaths, ", promised, " records acknowledged");
  CHECK(deaths > 10);
  CHECK(promised > 0);
}

TEST_CASE("crash: a power cut loses nothing that was durable, whatever became of the rest") {
  testing::Random random(2);
  std::uint64_t promised = 0;
  int cuts = 0;
  for (int run = 0; cuts < 100 && run < 1000; ++run) {
    Crash crash;
    if (!dies([&] { record(crash.path, 100000); }, static_cast<unsigned>(5000 + random.below(25000)))) continue;
    // The device has what was synced; of the rest it has some part, and pages in it may be empty.
    const auto synced = static_cast<std::uint64_t>(disk_faults().synced.load());
    auto bytes = testing::read_bytes(crash.path);
    if (bytes.size() < synced || synced == 0) continue;
    ++cuts;
    const std::uint64_t unsynced = bytes.size() - synced;
    bytes.resize(synced + random.below(unsynced + 1));
    for (std::uint64_t page = synced; page < bytes.size(); page += 4096)
      if (random.below(2) == 0)
        std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(page), std::min<std::uint64_t>(4096, bytes.size() - page), std::uint8_t{0});
    std::ofstream(crash.path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    promised += witness().durable;
    crash.settle(witness().durable, true);
  }
  MESSAGE(cuts, " cuts, ", promised, " records durable");
  CHECK(cuts == 100);
  CHECK(promised > 1000);
}

TEST_CASE("crash: errors and short writes at every call, once or for good: what is in the file and what was dropped is what was added") {
  int failures = 0;
  constexpr std::uint64_t kRecords = 300;
  for (const auto kind : {DiskFaults::Kind::error, DiskFaults::Kind::short_write}) {
    for (const bool for_good : {false, true}) {
      for (int call = 1;; ++call) {  // the first writes the head: refused, and said so
        Crash crash;
        std::uint64_t dropped = 0, acknowledged = 0;
        bool complete = false;
        {
          Recorder recorder(crash.path, nullptr, {.file = {.chunk_bytes = 4000, .chunk_interval = 5ms, .sync_interval = 0ms}});
          disk_faults().reset();
          disk_faults().kind = kind;
          disk_faults().at = call - 1;
          disk_faults().from_then_on = for_good;
          disk_faults().error = call % 3 == 0 ? ENOSPC : EIO;
          Observation observation;
          observation.channels.push_back({"joint_position", "rad", {0, 0, 0}, {}});
          for (std::uint64_t i = 0; i < kRecords; ++i) REQUIRE(add(recorder, static_cast<int>(1 + i % 2), i / 2, observation) == i + 1);
          complete = recorder.close();
          dropped = recorder.dropped();
          acknowledged = recorder.acknowledged();
        }
        if (disk_faults().calls <= disk_faults().at) break;
        ++failures;
        if (kind == DiskFaults::Kind::short_write) CHECK(complete);
        disk_faults().reset();
        static_cast<void>(recover(crash.path));
        Recording recording(crash.path);
        std::uint64_t read = 0, newest = 0;
        for (Record found; recording.next(found);)
          if (const auto* tick = std::get_if<RecordedCommand>(&found.content)) {
            ++read;
            newest = found.sequence;
            REQUIRE(tick->values[1] == static_cast<double>((found.sequence - 1) / 2));
          }
        CHECK(read + dropped == kRecords);
        CHECK(newest >= acknowledged);
        CHECK((!complete || dropped == 0));
      }
    }
  }
  MESSAGE(failures, " failures");
  CHECK(failures > 30);
}
