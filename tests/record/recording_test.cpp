// SPDX-License-Identifier: Apache-2.0
// Recording: everything that a Recorder was given comes back, bit for bit, and nothing is made up where parts are missing.
#include "sinew/record/recording.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include "limited_disk.hpp"
#include "read_bytes.hpp"
#include "sample_card.hpp"
#include "sinew/core/error.hpp"
#include "sinew/record/record_writer.hpp"
#include "temporary_directory.hpp"
#include "test_seed.hpp"

using namespace sinew;
using namespace std::chrono_literals;

namespace {

double any_double(testing::Random& random) {
  for (;;)
    if (const auto number = std::bit_cast<double>(random.bits()); std::isfinite(number)) return number;
}

Image any_image(testing::Random& random, int height, int width, int channels) {
  Image image(height, width, channels);
  for (auto& pixel : image.pixels()) pixel = static_cast<std::uint8_t>(random.bits());
  return image;
}

Observation any_observation(testing::Random& random, Time time) {
  Observation observation;
  observation.time = time;
  observation.id = random.bits() >> 1;
  observation.instruction = "put \"it\" there \xF0\x9F\xA4\x96";
  observation.cameras.push_back({"front", any_image(random, 7, 5, 3), time - 3ms});
  observation.cameras.push_back({"depth \"x\"", any_image(random, 4, 3, 1), time});
  observation.cameras.push_back({"odd", any_image(random, 2, 2, 2), -5ns});
  observation.cameras.push_back({"alpha", any_image(random, 1, 9, 4), 2ns});
  observation.channels.push_back({"q", "rad", {any_double(random), -0.0, any_double(random)}, time - 1ns});
  observation.channels.push_back({"none", "", {}, -1ns});
  return observation;
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return std::ranges::equal(
      a, b, {}, [](double x) { return std::bit_cast<std::uint64_t>(x); }, [](double x) { return std::bit_cast<std::uint64_t>(x); });
}

void check_same(const Observation& a, const Observation& b) {
  CHECK((a.time == b.time && a.id == b.id && a.instruction == b.instruction));
  REQUIRE((a.cameras.size() == b.cameras.size() && a.channels.size() == b.channels.size()));
  for (std::size_t i = 0; i < a.cameras.size(); ++i) {
    const Image& image = a.cameras[i].image;
    const Image& other = b.cameras[i].image;
    CHECK((a.cameras[i].name == b.cameras[i].name && a.cameras[i].stamp == b.cameras[i].stamp));
    CHECK((image.height() == other.height() && image.width() == other.width() && image.channels() == other.channels()));
    CHECK(std::ranges::equal(image.pixels(), other.pixels()));
  }
  for (std::size_t i = 0; i < a.channels.size(); ++i) {
    CHECK((a.channels[i].name == b.channels[i].name && a.channels[i].unit == b.channels[i].unit));
    CHECK((a.channels[i].stamp == b.channels[i].stamp && same_bits(a.channels[i].values, b.channels[i].values)));
  }
}

ActionChunk any_chunk(testing::Random& random, ActionSpace space) {
  ActionChunk chunk(3, 2);
  for (auto& value : chunk.values) value = any_double(random);
  chunk.space = space;
  chunk.t0 = Time(static_cast<Time::rep>(random.bits() >> 2));
  chunk.dt = Time(123456789);
  chunk.sequence = random.bits() >> 1;
  chunk.observation_id = random.bits() >> 1;
  chunk.joint_order_hash = random.bits();
  return chunk;
}

void check_same(const ActionChunk& a, const ActionChunk& b) {
  CHECK((a.space == b.space && a.horizon == b.horizon && a.dim == b.dim && a.t0 == b.t0 && a.dt == b.dt));
  CHECK((a.sequence == b.sequence && a.observation_id == b.observation_id && a.joint_order_hash == b.joint_order_hash));
  CHECK(same_bits(a.values, b.values));
}

struct Fixture {
  testing::TemporaryDirectory folder;
  std::filesystem::path path = folder.path() / "a.mcap";
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "recording: every field of every record comes back bit for bit, with card and limits") {
  const PolicyCard card = testing::sample_card();
  const LimitsCard limits{{-1.5, -0.0}, {1.5, 0.08}, {2.0, 0.1 + 0.2}, {10.0, 4.0}, {300.0, 5e-324}};
  const std::vector<std::string> names{"j\"1", "gripper"};
  testing::Random random(6);
  std::vector<Observation> observations;
  std::vector<std::vector<double>> commands;
  std::vector<ActionChunk> chunks;
  {
    RecordWriter recorder(path, &card, {.joint_names = names, .limits = limits});
    for (int i = 0; i < 30; ++i) {
      observations.push_back(any_observation(random, 1s + i * 33ms));
      commands.push_back({any_double(random), any_double(random)});
      chunks.push_back(any_chunk(random, static_cast<ActionSpace>(i % 3)));
      REQUIRE(recorder.add(observations.back(), commands.back(), &chunks.back()) == 4U * i + 1);
      recorder.add_command(1s + i * 33ms + 1ms, commands.back());
      recorder.add_chunk(1s + i * 33ms + 2ms, chunks.back());
      recorder.add_event(1s + i * 33ms + 3ms, "limit", "joint \n 2");
    }
    REQUIRE(recorder.close());
  }
  Recording recording(path);
  CHECK(recording.complete());
  REQUIRE((recording.card() && recording.limits()));
  CHECK(*recording.card() == card);
  CHECK(same_bits(recording.limits()->lower, limits.lower));
  CHECK(*recording.limits() == limits);
  CHECK(recording.joint_names() == names);
  Record record;
  for (std::size_t i = 0; i < 30; ++i) {
    const Time time = 1s + static_cast<int>(i) * 33ms;
    for (std::uint64_t part = 0; part < 2; ++part) {
      if (part == 0) {
        REQUIRE(recording.next(record));
        CHECK(record.sequence == 4 * i + 1);
        REQUIRE(std::holds_alternative<Observation>(record.content));
        check_same(std::get<Observation>(record.content), observations[i]);
      }
      REQUIRE(recording.next(record));
      CHECK(record.sequence == 4 * i + 1 + part);
      REQUIRE(std::holds_alternative<RecordedCommand>(record.content));
      CHECK(std::get<RecordedCommand>(record.content).time == time + part * 1ms);
      CHECK(same_bits(std::get<RecordedCommand>(record.content).values, commands[i]));
      REQUIRE(recording.next(record));
      CHECK(record.sequence == 4 * i + 1 + 2 * part);
      REQUIRE(std::holds_alternative<RecordedChunk>(record.content));
      CHECK(std::get<RecordedChunk>(record.content).time == time + part * 2ms);
      check_same(std::get<RecordedChunk>(record.content).chunk, chunks[i]);
    }
    REQUIRE(recording.next(record));
    REQUIRE(std::holds_alternative<RecordedEvent>(record.content));
    const auto& event = std::get<RecordedEvent>(record.content);
    CHECK((record.sequence == 4 * i + 4 && event.time == time + 3ms && event.kind == "limit" && event.text == "joint \n 2"));
  }
  CHECK_FALSE(recording.next(record));
  CHECK(recording.incomplete() == 0);
}

TEST_CASE_FIXTURE(Fixture, "recording: what is not finite is NaN, and what is not UTF-8 is repaired alike in topic and text") {
  Observation observation;
  observation.time = 1s;
  observation.cameras.push_back({"a\xFFz", Image(2, 2), 1s});
  observation.channels.push_back({"q", "rad", {std::nan(""), std::numeric_limits<double>::infinity(), 1.0}, 1s});
  {
    RecordWriter recorder(path);
    recorder.add(observation);
    REQUIRE(recorder.close());
  }
  Recording recording(path);
  CHECK_FALSE(recording.card());
  Record record;
  REQUIRE(recording.next(record));
  const auto& read = std::get<Observation>(record.content);
  CHECK(read.cameras.at(0).name == "a\xEF\xBF\xBDz");
  const auto& values = read.channels.at(0).values;
  CHECK((std::isnan(values[0]) && std::isnan(values[1]) && values[2] == 1.0));
  CHECK_FALSE(recording.next(record));
}

TEST_CASE_FIXTURE(Fixture, "recording: an observation whose frames are not all there is passed over and counted, the drop reported") {
  testing::Random random(7);
  Observation observation;
  observation.cameras.push_back({"front", any_image(random, 100, 100, 3), 1ms});
  observation.cameras.push_back({"wrist", any_image(random, 100, 100, 3), 1ms});
  {
    RecordWriter recorder(path, nullptr, {.chunk_bytes = 40000, .chunk_interval = 24h, .sync_interval = 24h});
    observation.time = 1ms;
    recorder.add(observation);  // its second frame goes to the next chunk
    {
      const testing::LimitedDisk disk(std::filesystem::file_size(path) + 1000);
      CHECK_FALSE(recorder.flush());
    }
    observation.time = 2ms;
    recorder.add(observation);
    CHECK_FALSE(recorder.close());
  }
  Recording recording(path);
  Record record;
  REQUIRE(recording.next(record));
  CHECK(recording.incomplete() == 1);
  REQUIRE(std::holds_alternative<RecordedEvent>(record.content));
  CHECK((record.sequence == 0 && std::get<RecordedEvent>(record.content).dropped == 1));
  REQUIRE(recording.next(record));
  CHECK(record.sequence == 2);
  check_same(std::get<Observation>(record.content), observation);
  CHECK_FALSE(recording.next(record));
}

TEST_CASE_FIXTURE(Fixture, "recording: of a torn file the records of its whole chunks") {
  testing::Random random(8);
  std::vector<Observation> observations;
  {
    RecordWriter recorder(path, nullptr, {.chunk_interval = 100ms});
    for (int i = 0; i < 20; ++i) {
      observations.push_back(any_observation(random, 1s + i * 33ms));
      recorder.add(observations.back());
    }
    REQUIRE(recorder.close());
  }
  const auto bytes = testing::read_bytes(path);
  std::filesystem::resize_file(path, bytes.size() / 2);
  Recording recording(path);
  CHECK_FALSE(recording.complete());
  Record record;
  std::size_t count = 0;
  while (recording.next(record)) {
    CHECK(record.sequence == count + 1);
    check_same(std::get<Observation>(record.content), observations.at(count++));
  }
  CHECK((count > 4 && count < 20));
  CHECK(recording.end().bytes > 0);
}
