// SPDX-License-Identifier: Apache-2.0
// RecordWriter: which record is safe when, what a refusing disk does, and that the file is the same every time.
// python/tests/test_record.py reads every value back with another library.
#include "sinew/record/record_writer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "limited_disk.hpp"
#include "read_bytes.hpp"
#include "sample_observation.hpp"
#include "sinew/core/error.hpp"
#include "sinew/testing/no_alloc.hpp"
#include "temporary_directory.hpp"
#include "test_seed.hpp"

using namespace sinew;
using testing::make_observation;
using namespace std::chrono_literals;

namespace {

std::size_t count(const std::filesystem::path& path, std::string_view text) {
  const auto bytes = testing::read_bytes(path);
  std::size_t found = 0;
  for (auto at = bytes.begin(); (at = std::search(at, bytes.end(), text.begin(), text.end())) != bytes.end(); ++at) ++found;
  return found;
}

}  // namespace

TEST_CASE("record writer: numbers records from 1, and acknowledges them when their chunk is with the kernel") {
  const testing::TemporaryDirectory folder;
  RecordWriter recorder(folder.path() / "a.mcap", nullptr, {.chunk_interval = 100ms, .sync_interval = 24h});
  const double command[] = {0.5, 0.6};
  CHECK(recorder.add(make_observation(10ms)) == 1);
  CHECK(recorder.add_command(20ms, command) == 2);
  CHECK(recorder.add_chunk(30ms, ActionChunk(2, 2)) == 3);
  CHECK(recorder.add_event(50ms, "episode", "begins") == 4);
  CHECK(recorder.acknowledged() == 0);
  CHECK(recorder.add_command(110ms, command) == 5);  // 100 ms after the first: ends the chunk of 1 to 4
  CHECK(recorder.acknowledged() == 4);
  CHECK(recorder.durable() == 0);
  REQUIRE(recorder.flush());
  CHECK(recorder.acknowledged() == 5);
  CHECK(recorder.durable() == 5);
  CHECK(recorder.add_command(120ms, command) == 6);
  REQUIRE(recorder.close());
  CHECK(recorder.acknowledged() == 6);
  CHECK(recorder.durable() == 6);
  CHECK(recorder.dropped() == 0);
}

TEST_CASE("record writer: syncs on its own when the interval is over") {
  const testing::TemporaryDirectory folder;
  RecordWriter recorder(folder.path() / "a.mcap", nullptr, {.chunk_interval = 1ms, .sync_interval = 0ns});
  recorder.add(make_observation(1ms));
  recorder.add(make_observation(2ms));
  CHECK(recorder.durable() == 1);
}

TEST_CASE("record writer: a chunk ends before it outgrows its size, and one larger record gets its own") {
  const testing::TemporaryDirectory folder;
  RecordWriter recorder(folder.path() / "a.mcap", nullptr, {.chunk_bytes = 16384, .chunk_interval = 24h});
  const double command[] = {1.0};
  recorder.add_command(1ms, command);
  recorder.add_command(2ms, command);
  recorder.add(make_observation(3ms, 100));  // two frames of 30,000 bytes
  CHECK(recorder.acknowledged() == 2);
  recorder.add_command(4ms, command);
  CHECK(recorder.acknowledged() == 3);
  REQUIRE(recorder.close());
  CHECK(std::filesystem::file_size(folder.path() / "a.mcap") > 60000);
}

TEST_CASE("record writer: what the disk refuses is dropped, counted, reported in the file, and nothing throws") {
  const testing::TemporaryDirectory folder;
  const auto path = folder.path() / "a.mcap";
  RecordWriter recorder(path, nullptr, {.chunk_interval = 100ms, .sync_interval = 24h});
  recorder.add(make_observation(1ms));
  REQUIRE(recorder.flush());
  {
    const testing::LimitedDisk disk(std::filesystem::file_size(path) + 1000);
    recorder.add(make_observation(10ms));
    recorder.add(make_observation(20ms));
    CHECK(recorder.dropped() == 0);
    CHECK(recorder.add(make_observation(200ms)) == 4);  // ends the chunk of 2 and 3
    CHECK(recorder.dropped() == 2);
    CHECK(recorder.acknowledged() == 1);
    CHECK(recorder.last_error() == "File too large");
    recorder.add(make_observation(400ms));  // ends the chunk of 4 and of the first report
    CHECK(recorder.dropped() == 3);
  }
  REQUIRE(recorder.flush());
  CHECK(recorder.acknowledged() == 5);
  CHECK(count(path, R"("kind":"drop","text":"File too large","dropped":3)") == 1);  // the report of 2 was lost with 4
  recorder.add(make_observation(500ms));
  CHECK_FALSE(recorder.close());  // complete it is not
  CHECK(recorder.dropped() == 3);
  CHECK(recorder.acknowledged() == 6);
  CHECK(count(path, R"("dropped":3)") == 1);
}

TEST_CASE("record writer: a record that straddles a lost chunk is dropped once") {
  const testing::TemporaryDirectory folder;
  const auto path = folder.path() / "a.mcap";
  RecordWriter recorder(path, nullptr, {.chunk_bytes = 40000, .chunk_interval = 24h, .sync_interval = 24h});
  {
    const testing::LimitedDisk disk(4096);
    recorder.add(make_observation(1ms, 100));  // the first frame fills a chunk, the second needs another
    CHECK(recorder.dropped() == 1);
  }
  const double command[] = {1.0};
  recorder.add_command(2ms, command);
  CHECK_FALSE(recorder.close());
  CHECK(recorder.dropped() == 1);
  CHECK(recorder.acknowledged() == 2);
}

TEST_CASE("record writer: a record of before time began, and one after the end, are dropped and counted") {
  const testing::TemporaryDirectory folder;
  RecordWriter recorder(folder.path() / "a.mcap");
  CHECK(recorder.add(make_observation(-1ns)) == 1);
  CHECK(recorder.dropped() == 1);
  CHECK(recorder.last_error() == "the time is negative");
  CHECK_FALSE(recorder.close());
  CHECK(recorder.add(make_observation(1ns)) == 2);
  CHECK(recorder.dropped() == 2);
  CHECK_FALSE(recorder.close());
}

TEST_CASE("record writer: the limits of the joints travel with the recording") {
  const testing::TemporaryDirectory folder;
  const LimitsCard limits{
      .lower = {-1.5, 0.0}, .upper = {1.5, 0.08}, .velocity = {2.0, 0.2}, .acceleration = {10.0, 4.0}, .jerk = {300.0, 100.0}};
  RecordWriter recorder(folder.path() / "a.mcap", nullptr, {.joint_names = {"j1", "gripper"}, .limits = limits});
  REQUIRE(recorder.close());
  CHECK(count(folder.path() / "a.mcap", R"({"joint_names":["j1","gripper"],"lower":[-1.5,0.0],"upper":[1.5,0.08],"velocity":[2.0,0.2],)"
                                        R"("acceleration":[10.0,4.0],"jerk":[300.0,100.0]})") == 1);
}

TEST_CASE("record writer: the same records give the same bytes") {
  const testing::TemporaryDirectory folder;
  for (const char* name : {"a.mcap", "b.mcap"}) {
    RecordWriter recorder(folder.path() / name, nullptr, {.joint_names = {"j1", "j2", "j3"}});
    for (int i = 0; i < 50; ++i) recorder.add(make_observation(i * 20ms));
    REQUIRE(recorder.close());
  }
  CHECK(testing::read_bytes(folder.path() / "a.mcap") == testing::read_bytes(folder.path() / "b.mcap"));
}

TEST_CASE("record writer: adding allocates nothing once it has seen records of that size") {
  REQUIRE(testing::counting_works());
  const testing::TemporaryDirectory folder;
  RecordWriter recorder(folder.path() / "a.mcap", nullptr, {.chunk_interval = 100ms});
  auto observation = make_observation(0ms, 96);
  const ActionChunk chunk(16, 8);
  const double command[8] = {};
  const auto add = [&] {
    observation.time += 20ms;
    recorder.add(observation, command, &chunk);
  };
  for (int i = 0; i < 200; ++i) add();
  const testing::HeapCallCounter heap;
  for (int i = 0; i < 20; ++i) add();
  CHECK(heap.count() == 0);
}
