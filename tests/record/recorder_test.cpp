// SPDX-License-Identifier: Apache-2.0
// Recorder: any thread adds, nobody waits, what is lost is counted, and what is in the file is what was added.
#include "sinew/record/recorder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <variant>

#include "limited_disk.hpp"
#include "sample_observation.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/image_codec.hpp"
#include "sinew/record/recording.hpp"
#include "sinew/testing/no_alloc.hpp"
#include "temporary_directory.hpp"
#include "test_seed.hpp"

using namespace sinew;
using testing::make_observation;
using namespace std::chrono_literals;

namespace {

/// With JPEGs as a camera would deliver them, and no pixels.
Observation make_jpeg_observation(Time time, int side = 32) {
  Observation observation = make_observation(time, side);
  for (auto& frame : observation.cameras) {
    std::vector<std::byte> jpeg;
    REQUIRE(encode_jpeg(frame.image.view(), {}, jpeg) == Status::ok);
    frame.jpeg.resize(jpeg.size());
    std::transform(jpeg.begin(), jpeg.end(), frame.jpeg.begin(), [](std::byte b) { return std::to_integer<std::uint8_t>(b); });
    frame.image = {};
  }
  return observation;
}

std::vector<Record> read_all(const std::filesystem::path& path, const RecordingOptions& options = {}) {
  Recording recording(path, options);
  std::vector<Record> records;
  for (Record record; recording.next(record);) records.push_back(record);
  CHECK(recording.complete());
  CHECK(recording.incomplete() == 0);
  return records;
}

bool same(const Observation& a, const Observation& b) {
  bool result = a.time == b.time && a.id == b.id && a.instruction == b.instruction && a.cameras.size() == b.cameras.size() &&
                a.channels.size() == b.channels.size();
  for (std::size_t i = 0; result && i < a.cameras.size(); ++i)
    result = a.cameras[i].name == b.cameras[i].name && a.cameras[i].stamp == b.cameras[i].stamp &&
             std::ranges::equal(a.cameras[i].image.pixels(), b.cameras[i].image.pixels()) && a.cameras[i].jpeg == b.cameras[i].jpeg;
  for (std::size_t i = 0; result && i < a.channels.size(); ++i)
    result = a.channels[i].name == b.channels[i].name && a.channels[i].unit == b.channels[i].unit &&
             a.channels[i].stamp == b.channels[i].stamp && a.channels[i].values == b.channels[i].values;
  return result;
}

/// Waits for the writing thread, at most five seconds.
template <class Condition>
bool soon(const Condition& condition) {
  for (int i = 0; i < 5000 && !condition(); ++i) std::this_thread::sleep_for(1ms);
  return condition();
}

}  // namespace

TEST_CASE("recorder: what was added is what is read, of every kind, in order") {
  const testing::TemporaryDirectory folder;
  const auto path = folder.path() / "a.mcap";
  const std::vector<double> command{0.5, -0.6}, measured{0.4, -0.5}, limits{-1, -1, 1, 1, 2, 2, 10, 10, 100, 100};
  ActionChunk chunk(2, 2);
  chunk.sequence = 7;
  chunk.values = {1, 2, 3, 4};
  {
    Recorder recorder(path);
    CHECK(recorder.add(make_observation(10ms), command, &chunk) == 1);
    CHECK(recorder.add_command(20ms, command) == 2);
    CHECK(recorder.add_tick({.time = 21ms, .dt = 5ms, .measured = measured, .command = command}) == 3);
    CHECK(recorder.add_tick({.time = 26ms, .dt = 5ms, .measured = {}, .command = command}) == 4);
    CHECK(recorder.add_chunk(30ms, chunk, Status::stale) == 5);
    CHECK(recorder.add_event(40ms, "episode", "begins") == 6);
    CHECK(recorder.add_motion({.time = 50ms, .kind = "limits", .event = "", .dt = {}, .values = limits}) == 7);
    CHECK(recorder.add_motion({.time = 60ms, .kind = "event", .event = "stop", .dt = {}, .values = {}}) == 8);
    REQUIRE(recorder.close());
    CHECK(recorder.acknowledged() == 8);
    CHECK(recorder.durable() == 8);
    CHECK(recorder.dropped() == 0);
  }
  const auto records = read_all(path);
  REQUIRE(records.size() == 10);
  CHECK(same(std::get<Observation>(records[0].content), make_observation(10ms)));
  CHECK(std::get<RecordedCommand>(records[1].content).values == command);
  CHECK(std::get<RecordedChunk>(records[2].content).chunk.values == chunk.values);
  CHECK(std::get<RecordedChunk>(records[2].content).status == "ok");
  CHECK(std::get<RecordedCommand>(records[3].content).dt == 0ms);
  const auto& tick = std::get<RecordedCommand>(records[4].content);
  CHECK(tick.time == 21ms);
  CHECK(tick.dt == 5ms);
  CHECK(tick.measured == measured);
  CHECK(tick.values == command);
  CHECK(std::get<RecordedCommand>(records[5].content).measured.empty());
  CHECK(std::get<RecordedChunk>(records[6].content).status == "stale");
  CHECK(std::get<RecordedEvent>(records[7].content).kind == "episode");
  CHECK(std::get<RecordedMotion>(records[8].content).values == limits);
  CHECK(std::get<RecordedMotion>(records[9].content).event == "stop");
  CHECK(records[9].sequence == 8);
}

TEST_CASE("recorder: a JPEG is kept as it came, and read back with its pixels") {
  const testing::TemporaryDirectory folder;
  const auto path = folder.path() / "a.mcap";
  const auto observation = make_jpeg_observation(10ms);
  auto torn = make_jpeg_observation(20ms);
  torn.cameras[1].jpeg.resize(torn.cameras[1].jpeg.size() / 2);
  auto both = make_jpeg_observation(30ms);
  both.cameras[0].image.resize(4, 4);
  both.cameras[1] = make_observation(30ms).cameras[1];  // one camera delivers pixels, and then JPEGs again
  {
    Recorder recorder(path);
    recorder.add(observation);
    recorder.add(torn);
    recorder.add(both);
    REQUIRE(recorder.close());
  }
  const auto bare = read_all(path, {.decode_jpeg = false});
  REQUIRE(bare.size() == 3);
  CHECK(same(std::get<Observation>(bare[0].content), observation));
  CHECK(same(std::get<Observation>(bare[1].content), torn));
  const auto decoded = read_all(path);
  const auto& frame = std::get<Observation>(decoded[0].content).cameras[0];
  CHECK(frame.jpeg == observation.cameras[0].jpeg);
  Image expected;
  decode_image(std::as_bytes(std::span(frame.jpeg)), expected);
  CHECK(std::ranges::equal(frame.image.pixels(), expected.pixels()));
  CHECK(std::get<Observation>(decoded[1].content).cameras[1].image.empty());
  const auto& last = std::get<Observation>(decoded[2].content);
  CHECK(last.cameras[0].image.height() == 32);
  CHECK(last.cameras[1].jpeg.empty());
  CHECK(std::ranges::equal(last.cameras[1].image.pixels(), both.cameras[1].image.pixels()));
}

TEST_CASE("recorder: exchanged frames are recorded without a copy, and their owner gets others of the same size") {
  const testing::TemporaryDirectory folder;
  const auto path = folder.path() / "a.mcap";
  {
    Recorder recorder(path);
    for (int i = 0; i < 20; ++i) {
      auto pixels = make_observation(i * 20ms, 64), jpegs = make_jpeg_observation(i * 20ms + 1ms, 64);
      const auto* before = pixels.cameras[0].image.pixels().data();
      const std::size_t jpeg_size = jpegs.cameras[0].jpeg.size();
      CHECK(recorder.add(std::move(pixels)) != 0);
      CHECK(recorder.add(std::move(jpegs)) != 0);
      CHECK(pixels.cameras[0].image.pixels().data() != before);  // NOLINT(bugprone-use-after-move): exchanged, not emptied
      CHECK(pixels.cameras[0].image.height() == 64);
      CHECK(pixels.cameras[0].image.pixels().size() == 64 * 64 * 3);
      CHECK(jpegs.cameras[0].jpeg.size() == jpeg_size);
    }
    REQUIRE(recorder.close());
  }
  const auto records = read_all(path, {.decode_jpeg = false});
  REQUIRE(records.size() == 40);
  for (int i = 0; i < 20; ++i) {
    CHECK(same(std::get<Observation>(records[static_cast<std::size_t>(2 * i)].content), make_observation(i * 20ms, 64)));
    CHECK(same(std::get<Observation>(records[static_cast<std::size_t>(2 * i + 1)].content), make_jpeg_observation(i * 20ms + 1ms, 64)));
  }
}

TEST_CASE("recorder: records reach the kernel and the device while nothing more comes") {
  const testing::TemporaryDirectory folder;
  Recorder recorder(folder.path() / "a.mcap", nullptr, {.file = {.chunk_interval = 20ms, .sync_interval = 30ms}});
  recorder.add(make_observation(1ms));
  CHECK(soon([&] { return recorder.acknowledged() == 1; }));
  CHECK(soon([&] { return recorder.durable() == 1; }));
  recorder.add_event(2ms, "a", "b");
  CHECK(recorder.flush());
  CHECK(recorder.durable() == 2);
}

TEST_CASE("recorder: four threads add at once; numbers are the order of the file, and no thread locks") {
  REQUIRE(testing::counting_works());
  const testing::TemporaryDirectory folder;
  const auto path = folder.path() / "a.mcap";
  constexpr int kThreads = 4, kRecords = 2000;
  std::vector<std::vector<std::uint64_t>> numbers(kThreads, std::vector<std::uint64_t>(kRecords));
  std::atomic<std::uint64_t> calls{0};
  {
    Recorder recorder(path);
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread)
      threads.emplace_back([&, thread] {
        auto observation = make_observation(0ms, 16);
        const std::vector<double> values(7, thread);
        const testing::LockCallCounter locks;
        for (int i = 0; i < kRecords; ++i) {
          const Time time = 1ms * i;
          observation.time = time;
          const bool sees = i % 20 == 0;
          numbers[static_cast<std::size_t>(thread)][static_cast<std::size_t>(i)] =
              sees ? recorder.add(observation, values)
                   : recorder.add_tick({.time = time, .dt = 1ms, .measured = values, .command = values});
          if (i % 50 == 49) std::this_thread::sleep_for(1ms);
        }
        calls.fetch_add(locks.count());
      });
    for (auto& thread : threads) thread.join();
    REQUIRE(recorder.close());
  }
  CHECK(calls.load() == 0);
  std::vector<int> owner(kThreads * kRecords + 1, -1);
  for (int thread = 0; thread < kThreads; ++thread) {
    std::uint64_t before = 0;
    for (const std::uint64_t number : numbers[static_cast<std::size_t>(thread)]) {
      REQUIRE(number > before);
      REQUIRE(owner[number] == -1);
      owner[number] = thread;
      before = number;
    }
  }
  std::size_t commands = 0;
  for (const Record& record : read_all(path))
    if (const auto* command = std::get_if<RecordedCommand>(&record.content)) {
      REQUIRE(command->values[3] == owner[record.sequence]);
      ++commands;
    }
  CHECK(commands == kThreads * kRecords);
}

TEST_CASE("recorder: adding allocates nothing once it has seen records of that size, the thread that writes hardly ever") {
  REQUIRE(testing::counting_works());
  const testing::TemporaryDirectory folder;
  Recorder recorder(folder.path() / "a.mcap", nullptr, {.file = {.chunk_interval = 100ms}});
  auto pixels = make_observation(0ms, 96), jpegs = make_jpeg_observation(0ms, 96);
  const ActionChunk chunk(16, 8);
  const double command[8] = {};
  std::uint64_t dropped = 0;
  const auto add = [&] {
    pixels.time += 20ms;
    jpegs.time += 20ms;
    dropped += recorder.add(pixels, command, &chunk) == 0;
    dropped += recorder.add(std::move(pixels), command, &chunk) == 0;
    dropped += recorder.add(std::move(jpegs)) == 0;
  };
  for (int i = 0; i < 40; ++i) add();  // many at once: the pool gets as large as it will
  for (int i = 0; i < 20; ++i) {
    REQUIRE(soon([&] { return recorder.flush(); }));
    add();
  }
  REQUIRE(recorder.flush());
  const testing::HeapCallCounter heap;
  for (int i = 0; i < 10; ++i) add();
  CHECK(heap.count() == 0);
  CHECK(dropped == 0);
  CHECK(recorder.close());
}

TEST_CASE("recorder: a full queue drops, says so at once and in the file, and the sum is right") {
  const testing::TemporaryDirectory folder;
  const auto path = folder.path() / "a.mcap";
  std::uint64_t accepted = 0, refused = 0;
  {
    Recorder recorder(path, nullptr, {.queue_bytes = 4096, .queue_records = 16, .frame_bytes = 60000});
    const double command[] = {1.0, 2.0};
    for (int i = 0; i < 3000; ++i) (recorder.add_command(1ms * i, command) != 0 ? accepted : refused) += 1;
    CHECK(refused > 0);
    CHECK(recorder.dropped() == refused);
    CHECK(recorder.last_error().find("queue is full") != std::string::npos);
    for (int i = 0; i < 60; ++i) (recorder.add(make_observation(3s + 1ms * i, 64)) != 0 ? accepted : refused) += 1;
    CHECK(recorder.dropped() == refused);
    CHECK_FALSE(recorder.close());
    CHECK(recorder.dropped() == refused);
    CHECK(recorder.acknowledged() == accepted);
  }
  std::uint64_t read = 0, reported = 0;
  for (const Record& record : read_all(path)) {
    read += record.sequence != 0;
    if (const auto* event = std::get_if<RecordedEvent>(&record.content)) reported = event->dropped;
  }
  CHECK(read == accepted);
  CHECK(reported == refused);
  MESSAGE(accepted, " accepted, ", refused, " dropped");
}

TEST_CASE("recorder: a record of before time began, one after the end and one of too many cameras are dropped and counted") {
  const testing::TemporaryDirectory folder;
  Recorder recorder(folder.path() / "a.mcap");
  CHECK(recorder.add(make_observation(-1ns)) == 0);
  CHECK(recorder.add_event(-1ns, "a", "b") == 0);
  CHECK(recorder.last_error() == "the time is negative");
  Observation crowd = make_observation(1ns);
  crowd.cameras.resize(65);
  CHECK(recorder.add(crowd) == 0);
  CHECK(recorder.dropped() == 3);
  CHECK_FALSE(recorder.close());
  CHECK(recorder.add(make_observation(1ns)) == 0);
  CHECK(recorder.dropped() == 4);
  CHECK_FALSE(recorder.close());
  CHECK_FALSE(recorder.flush());
}

TEST_CASE("recorder: what can never fit is refused with its reason, at once, also by a recorder that waits for room") {
  for (const bool wait : {false, true}) {
    const testing::TemporaryDirectory folder;
    Recorder recorder(folder.path() / "a.mcap", nullptr,
                      {.queue_bytes = 4096, .queue_records = 16, .frame_bytes = 1000, .wait_for_room = wait});
    CHECK(recorder.add_event(1ms, "note", std::string(5000, 'a')) == 0);
    CHECK(recorder.last_error().find("larger than the queue") != std::string::npos);
    CHECK(recorder.add(make_observation(2ms, 64)) == 0);
    CHECK(recorder.last_error().find("larger than the memory for frames") != std::string::npos);
    CHECK(recorder.add_command(-1ns, {}) == 0);
    CHECK(recorder.last_error() == "the time is negative");
    for (int i = 3; wait && i < 30; ++i) CHECK(recorder.add_event(1ms * i, "note", std::string(2500, 'b')) != 0);
    CHECK(recorder.dropped() == 3);
  }
}

TEST_CASE("recorder: what the disk refuses is counted with the rest") {
  const testing::TemporaryDirectory folder;
  const auto path = folder.path() / "a.mcap";
  Recorder recorder(path, nullptr, {.file = {.chunk_interval = 10ms, .sync_interval = 24h}});
  recorder.add(make_observation(1ms));
  REQUIRE(recorder.flush());
  {
    const testing::LimitedDisk disk(std::filesystem::file_size(path) + 1000);
    for (int i = 0; i < 5; ++i) recorder.add(make_observation(10ms + 1ms * i));
    CHECK_FALSE(recorder.flush());
    CHECK(recorder.dropped() == 5);
    CHECK(recorder.last_error() == "File too large");
  }
  recorder.add(make_observation(100ms));
  CHECK(recorder.flush());
  CHECK(recorder.acknowledged() == 7);
  CHECK_FALSE(recorder.close());
  std::uint64_t reported = 0;
  for (const Record& record : read_all(path))
    if (const auto* event = std::get_if<RecordedEvent>(&record.content)) reported = event->dropped;
  CHECK(reported == 5);
}
