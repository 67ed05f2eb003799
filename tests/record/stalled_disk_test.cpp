// SPDX-License-Identifier: Apache-2.0
// A disk that stands still: whoever adds goes on, the commands are the same, and the drops that it costs sum up.
#include <doctest/doctest.h>

#include <cmath>
#include <thread>
#include <variant>
#include <vector>

#include "disk_faults.hpp"
#include "sinew/record/recorder.hpp"
#include "sinew/record/recording.hpp"
#include "sinew/runtime/motion_control.hpp"
#include "temporary_directory.hpp"

using namespace sinew;
using namespace std::chrono_literals;
using testing::disk_faults;

namespace {

/// Twelve seconds of a robot's time, a chunk every 100 ms: the commands.
std::vector<double> drive(Recorder* recorder) {
  const JointLimits limits{{"a", "b"}, {-1.5, -1.5}, {1.5, 1.5}, {1, 1}, {5, 5}, {100, 100}};
  MotionControl control(limits, {.period = 1ms, .recorder = recorder});
  std::vector<double> q(2), commands;
  REQUIRE(control.arm(q, 0ms) == Status::ok);
  for (int tick = 0; tick < 12000; ++tick) {
    const Time now = 1ms * tick;
    if (tick == 1000 && recorder != nullptr)  // by now the thread that writes stands still in a write
      while (disk_faults().stalls == 0) std::this_thread::sleep_for(1ms);
    if (tick % 100 == 0) {
      ActionChunk chunk(16, 2);
      chunk.t0 = now;
      chunk.dt = 50ms;
      chunk.sequence = static_cast<std::uint64_t>(tick / 100 + 1);
      for (int row = 0; row < chunk.horizon; ++row)
        for (double& x : chunk.step(row)) x = 0.3 * std::sin(to_seconds(now) + 0.05 * row) - 0.3 * std::sin(0.0);
      (void)control.deliver(chunk, now);
    }
    (void)control.tick(now, 1ms, q, q);
    commands.insert(commands.end(), q.begin(), q.end());
  }
  return commands;
}

}  // namespace

TEST_CASE("stalled disk: twelve seconds of ticks pass while it stands still, with the commands of a run without a recorder") {
  const testing::TemporaryDirectory folder;
  const auto path = folder.path() / "a.mcap";
  disk_faults().reset();
  const std::vector<double> expected = drive(nullptr);
  std::uint64_t accepted = 0, dropped = 0;
  {
    Recorder recorder(path, nullptr, {.file = {.chunk_interval = 20ms}, .queue_bytes = 65536});
    disk_faults().stalled = true;
    const std::vector<double> commands = drive(&recorder);
    CHECK(disk_faults().stalled);  // nobody had to wait for it
    CHECK(disk_faults().stalls >= 1);
    CHECK(commands == expected);
    dropped = recorder.dropped();
    CHECK(dropped > 5000);  // the queue holds a part of it only
    disk_faults().stalled = false;
    CHECK_FALSE(recorder.close());
    CHECK(recorder.dropped() == dropped);
    accepted = recorder.acknowledged();
  }
  disk_faults().active = false;
  Recording recording(path);
  std::uint64_t read = 0, reported = 0;
  for (Record record; recording.next(record);) {
    if (record.sequence != 0) ++read;
    if (const auto* event = std::get_if<RecordedEvent>(&record.content); event != nullptr && event->kind == "drop")
      reported = event->dropped;
  }
  CHECK(recording.complete());
  CHECK(read == accepted);
  CHECK(reported == dropped);
  MESSAGE(accepted, " kept, ", dropped, " dropped");
}

TEST_CASE("stalled disk: who may wait for room loses nothing") {
  const testing::TemporaryDirectory folder;
  disk_faults().reset();
  Recorder recorder(
      folder.path() / "a.mcap", nullptr,
      {.file = {.chunk_interval = 20ms}, .queue_bytes = 4096, .queue_records = 16, .frame_bytes = 100000, .wait_for_room = true});
  const double command[] = {1.0, 2.0};
  Observation observation;
  observation.cameras.push_back({.name = "front", .image = Image(64, 64)});
  for (std::uint64_t i = 0; i < 4000; i += 2) {
    CHECK(recorder.add_command(1ms * i, command) == i + 1);
    observation.time = 1ms * i;
    CHECK(recorder.add(observation) == i + 2);
  }
  CHECK(recorder.close());
  CHECK(recorder.durable() == 4000);
  disk_faults().active = false;
}
