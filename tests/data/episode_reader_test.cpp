// SPDX-License-Identifier: Apache-2.0
// EpisodeReader: where episodes begin and end, which command is a frame's action, and what is said of frames that lack something.
#include "sinew/data/episode_reader.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "sinew/core/error.hpp"
#include "sinew/record/record_writer.hpp"
#include "temporary_directory.hpp"

using namespace sinew;
using namespace std::chrono_literals;

namespace {

Observation observation(Time time, std::vector<double> q = {0.5, 0.25}) {
  Observation made;
  made.time = time;
  made.instruction = "go";
  made.channels.push_back({"joint_position", "rad", std::move(q), time});
  made.cameras.push_back({.name = "front", .image = Image(4, 4), .stamp = time});
  return made;
}

std::vector<Episode> read(const std::filesystem::path& path, EpisodeOptions options = {}) {
  EpisodeReader reader(path, std::move(options));
  std::vector<Episode> episodes;
  for (Episode episode; reader.next(episode);) episodes.push_back(episode);
  return episodes;
}

}  // namespace

TEST_CASE("episodes: events cut a recording; what lies outside belongs to none, and one without an end is not finished") {
  const testing::TemporaryDirectory folder;
  const auto path = folder.path() / "a.mcap";
  {
    RecordWriter writer(path);
    writer.add(observation(1s));  // before the first
    writer.add_event(2s, "episode", R"({"index": 7, "seed": 3, "instruction": "put it there"})");
    writer.add(observation(2s));
    writer.add(observation(3s));
    writer.add_event(3s, "episode", R"({"index": 7, "succeeded": true})");
    writer.add(observation(4s));  // between
    writer.add_event(5s, "episode", R"({"index": 8})");
    writer.add(observation(5s));
    writer.add_event(6s, "episode", R"({"index": 9})");
    writer.add_event(7s, "episode", R"({"index": 10})");
    writer.add_event(8s, "episode", R"({"index": 10, "succeeded": null})");  // as an import writes it that does not know
    REQUIRE(writer.close());
  }
  const auto episodes = read(path);
  REQUIRE(episodes.size() == 4);
  CHECK(episodes[0].index == 7);
  CHECK(episodes[0].instruction == "put it there");
  CHECK(episodes[0].succeeded == true);
  CHECK(episodes[0].finished);
  CHECK(episodes[0].times == std::vector<Time>{2s, 3s});
  CHECK(episodes[0].period() == 1.0);
  CHECK(episodes[1].instruction == "go");
  CHECK_FALSE(episodes[1].finished);
  CHECK_FALSE(episodes[1].succeeded.has_value());
  CHECK(episodes[2].frames() == 0);
  CHECK_FALSE(episodes[2].finished);
  CHECK(episodes[3].finished);
  CHECK_FALSE(episodes[3].succeeded.has_value());
}

TEST_CASE("episodes: channels that are passed over are in no episode and no frame, and one that is not there is no error") {
  const testing::TemporaryDirectory folder;
  const auto path = folder.path() / "a.mcap";
  {
    RecordWriter writer(path);
    for (const Time time : {1s, 2s}) {
      Observation made = observation(time);
      made.channels.push_back({"object_position", "m", {1.0, 2.0, 3.0}, time});
      writer.add(made);
    }
    REQUIRE(writer.close());
  }
  std::size_t seen = 0;
  const auto episodes = read(path, {.on_frame =
                                        [&](std::size_t, const Observation& frame) {
                                          ++seen;
                                          CHECK(frame.find_channel("object_position") == nullptr);
                                          CHECK(frame.find_channel("joint_position") != nullptr);
                                        },
                                    .without = {"object_position", "cube_yaw"}});
  CHECK(seen == 2);
  REQUIRE(episodes.size() == 1);
  REQUIRE(episodes[0].channels.size() == 1);
  CHECK(episodes[0].channels[0].name == "joint_position");
  CHECK(read(path)[0].channels.size() == 2);
}

TEST_CASE("episodes: an action is the command recorded with its frame, else the newest until the next one") {
  const testing::TemporaryDirectory folder;
  const auto path = folder.path() / "a.mcap";
  {
    RecordWriter writer(path);
    const double a[] = {1, 1}, b[] = {2, 2}, c[] = {3, 3}, d[] = {4, 4};
    writer.add(observation(1s));
    writer.add_command(1100ms, a);
    writer.add_command(2s, b);
    writer.add(observation(2s), c);  // until the next frame, that moment included: of the frame before as well
    writer.add_command(2500ms, a);
    writer.add(observation(3s));
    writer.add_command(9s, d);
    REQUIRE(writer.close());
  }
  std::vector<std::size_t> seen;
  const auto episodes = read(path, {.on_frame = [&](std::size_t frame, const Observation&) { seen.push_back(frame); }});
  REQUIRE(episodes.size() == 1);
  CHECK(episodes[0].actions == std::vector<double>{3, 3, 3, 3, 4, 4});
  CHECK(seen == std::vector<std::size_t>{0, 1, 2});
  CHECK(episodes[0].faults.empty());
}

TEST_CASE("episodes: a frame that lacks a channel, or has another width, is named; events that are no episodes are refused") {
  const testing::TemporaryDirectory folder;
  const auto path = folder.path() / "a.mcap", bad = folder.path() / "b.mcap";
  {
    RecordWriter writer(path);
    writer.add(observation(1s));
    writer.add(observation(2s, {1, 2, 3}));
    Observation bare = observation(3s);
    bare.channels.clear();
    writer.add(bare);
    writer.add(observation(2500ms));
    REQUIRE(writer.close());
    RecordWriter other(bad);
    other.add_event(1s, "episode", "begins");
    REQUIRE(other.close());
  }
  const auto episodes = read(path);
  REQUIRE(episodes.at(0).faults.size() == 3);
  CHECK(episodes[0].faults[0].reason == "channel has 3 values, not 2 as before");
  CHECK(episodes[0].faults[1].reason == "channel is absent");
  CHECK(episodes[0].faults[2].name == "time");
  const EpisodeChannel* channel = episodes[0].find_channel("joint_position");
  REQUIRE(channel != nullptr);
  CHECK(channel->values.size() == 8);
  CHECK(std::isnan(channel->values[2]));
  CHECK(channel->values[6] == 0.5);
  CHECK(episodes[0].dof == 0);
  CHECK_THROWS_AS((void)read(bad), Error);
}
