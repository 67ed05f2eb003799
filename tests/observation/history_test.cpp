// SPDX-License-Identifier: Apache-2.0
#include "sinew/observation/history.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <map>
#include <string>

#include "sinew/core/error.hpp"
#include "sinew/testing/no_alloc.hpp"
#include "test_seed.hpp"

namespace {

using namespace std::chrono_literals;
using sinew::HistoryPick;
using sinew::HistoryView;
using sinew::Observation;
using sinew::ObservationHistory;
using sinew::Status;
using sinew::Time;

/// A frame that says who took it and when: no sample can pass for another.
sinew::CameraFrame frame(const std::string& name, Time stamp) {
  sinew::Image image(2, 2, 3);
  const auto value = static_cast<std::uint8_t>(static_cast<std::uint64_t>(stamp / 1ms) * 7 + name.size());
  std::ranges::fill(image.pixels(), value);
  return {name, image, stamp};
}

bool is_of(const sinew::CameraFrame* got, const std::string& name, Time stamp) {
  const auto expected = frame(name, stamp);
  return got != nullptr && got->name == name && got->stamp == stamp && std::ranges::equal(got->image.pixels(), expected.image.pixels());
}

sinew::Channel channel(const std::string& name, Time stamp) { return {name, "rad", {sinew::to_seconds(stamp), 1}, stamp}; }

bool is_of(const sinew::Channel* got, const std::string& name, Time stamp) {
  return got != nullptr && got->name == name && got->stamp == stamp && got->values == channel(name, stamp).values;
}

ObservationHistory history_of(Time max_age = Time::max(), std::size_t capacity = 8) {
  return ObservationHistory({.cameras = {{"front", capacity, max_age}, {"wrist", capacity, max_age}}, .channels = {{"arm", 64, max_age}}});
}

/// A 10 Hz front camera, a 20 Hz wrist camera and a 100 Hz arm, each observation with the latest sample of every source.
void run(ObservationHistory& history, Time from, Time to) {
  for (Time now = from; now <= to; now += 10ms) {
    const auto last = [&](Time period) { return now - now % period; };
    Observation observation;
    observation.cameras = {frame("front", last(100ms)), frame("wrist", last(50ms))};
    observation.channels = {channel("arm", now)};
    REQUIRE(history.push(observation) == Status::ok);
  }
}

}  // namespace

TEST_CASE("history: picks the newest sample at or before each moment, of sources of different rates") {
  ObservationHistory history = history_of(Time::max(), 64);
  run(history, 0ms, 730ms);
  HistoryView view;
  REQUIRE(history.select(735ms, {.offsets = {-500ms, 0ms}}, view) == Status::ok);
  REQUIRE(view.cameras.size() == 4);
  REQUIRE(view.channels.size() == 2);
  CHECK(is_of(view.cameras[0], "front", 200ms));
  CHECK(is_of(view.cameras[2], "front", 700ms));
  CHECK(is_of(view.cameras[3], "wrist", 700ms));
  CHECK(is_of(view.channels[0], "arm", 230ms));
  CHECK(is_of(view.channels[1], "arm", 730ms));
  CHECK(is_of(view.cameras[1], "wrist", 200ms));
}

TEST_CASE("history: nearest may take the sample after a moment, but none from after now") {
  ObservationHistory history = history_of();
  run(history, 0ms, 400ms);
  HistoryView view;
  const auto front = [&](Time now, Time offset) {
    REQUIRE(history.select(now, {.offsets = {offset}, .pick = HistoryPick::nearest}, view) == Status::ok);
    return view.cameras[0]->stamp;
  };
  CHECK(front(400ms, -130ms) == 300ms);
  CHECK(front(400ms, -170ms) == 200ms);
  CHECK(front(400ms, -150ms) == 200ms);  // as near: the earlier
  CHECK(front(395ms, 0ms) == 300ms);     // 400 ms lies in the future
}

TEST_CASE("history: names the source that is missing, not old enough, stale or skewed") {
  HistoryView view;
  ObservationHistory history = history_of(120ms);
  Observation observation;
  observation.cameras = {frame("front", 100ms)};
  observation.channels = {channel("arm", 100ms)};
  REQUIRE(history.push(observation) == Status::ok);
  CHECK(history.select(100ms, {}, view) == Status::missing);
  CHECK(history.last_error().find("'wrist'") != std::string_view::npos);
  CHECK(is_of(view.cameras[0], "front", 100ms));
  CHECK(view.cameras[1] == nullptr);
  CHECK_FALSE(view.camera_ages[1].seen);

  observation.cameras = {frame("wrist", 160ms)};
  REQUIRE(history.push(observation) == Status::ok);
  CHECK(history.select(160ms, {}, view) == Status::ok);
  CHECK(history.last_error().empty());
  CHECK(history.select(160ms, {.max_skew = 60ms}, view) == Status::ok);
  CHECK(history.select(160ms, {.max_skew = 59ms}, view) == Status::stale);
  CHECK(history.last_error() == "'front': 60 ms behind 'wrist', allowed are 59");

  CHECK(history.select(160ms, {.offsets = {-61ms}}, view) == Status::not_ready);
  CHECK(history.last_error().find("'front'") != std::string_view::npos);
  CHECK(history.select(220ms, {}, view) == Status::ok);
  CHECK(history.select(221ms, {}, view) == Status::stale);
  CHECK(history.last_error() == "'front': the sample is 121 ms from its moment, allowed are 120");
  CHECK(history.select(221ms, {.offsets = {1ms}}, view) == Status::out_of_range);
}

TEST_CASE("history: reports how old every source is, whatever the status") {
  ObservationHistory history = history_of(10ms);
  run(history, 0ms, 230ms);
  HistoryView view;
  CHECK(history.select(240ms, {}, view) == Status::stale);
  CHECK(view.camera_ages[0].age == 40ms);
  CHECK(view.camera_ages[0].stamp == 200ms);
  CHECK(view.camera_ages[1].age == 40ms);
  CHECK(view.channel_ages[0].age == 10ms);
  CHECK(history.select(220ms, {}, view) == Status::stale);
  CHECK(view.channel_ages[0].age == -10ms);
}

TEST_CASE("history: a stamp that goes backwards is refused with the whole observation") {
  ObservationHistory history = history_of();
  run(history, 0ms, 300ms);
  Observation observation;
  observation.cameras = {frame("front", 400ms), frame("wrist", 290ms)};
  CHECK(history.push(observation) == Status::stale);
  CHECK(history.last_error() == "'wrist': a sample that is 10 ms older than the one before it");
  HistoryView view;
  REQUIRE(history.select(1s, {}, view) == Status::ok);
  CHECK(is_of(view.cameras[0], "front", 300ms));  // nothing of it was taken
  history.clear();
  CHECK(history.push(observation) == Status::ok);  // another episode may begin earlier
  CHECK(history.select(1s, {}, view) == Status::missing);
}

TEST_CASE("history: an equal stamp is the same sample, and other sources are left alone") {
  ObservationHistory history = history_of();
  run(history, 0ms, 200ms);
  Observation observation;
  observation.cameras = {frame("front", 200ms), frame("rear", 0ms)};
  std::ranges::fill(observation.cameras[0].image.pixels(), std::uint8_t{255});
  observation.channels = {channel("gripper", 0ms)};
  REQUIRE(history.push(observation) == Status::ok);
  HistoryView view;
  REQUIRE(history.select(200ms, {.offsets = {-1ms, 0ms}}, view) == Status::ok);
  CHECK(is_of(view.cameras[2], "front", 200ms));
  CHECK(is_of(view.cameras[0], "front", 100ms));
}

TEST_CASE("history: a ring that is too short says so instead of giving what it has") {
  ObservationHistory history = history_of(Time::max(), 3);
  run(history, 0ms, 600ms);
  HistoryView view;
  CHECK(history.select(600ms, {.offsets = {-100ms}}, view) == Status::ok);
  CHECK(history.select(600ms, {.offsets = {-101ms}}, view) == Status::not_ready);
  CHECK(history.last_error().find("'wrist'") != std::string_view::npos);
}

TEST_CASE("history: agrees with a map of all samples on random streams and moments") {
  sinew::testing::Random random(64);
  for (int round = 0; round < 100; ++round) {
    ObservationHistory history = history_of(Time::max(), 1000);
    std::map<std::string, std::map<Time, Time>> all;
    Time now{};
    for (int i = 0; i < 60; ++i) {
      now += Time(static_cast<Time::rep>(random.below(40))) * 1000000;
      Observation observation;
      for (const std::string name : {"front", "wrist"})
        if (random.below(3) == 0) observation.cameras.push_back(frame(name, now)), all[name][now] = now;
      if (random.below(2) == 0) observation.channels.push_back(channel("arm", now)), all["arm"][now] = now;
      REQUIRE(history.push(observation) == Status::ok);
    }
    for (int i = 0; i < 60; ++i) {
      const Time offset = -Time(static_cast<Time::rep>(random.below(900))) * 1000000;
      const auto pick = random.below(2) == 0 ? HistoryPick::at_or_before : HistoryPick::nearest;
      HistoryView view;
      const Status status = history.select(now, {.offsets = {offset}, .pick = pick}, view);
      const auto wanted = [&](const std::string& name) -> std::optional<Time> {
        std::optional<Time> best;
        for (const auto& [stamp, unused] : all[name]) {
          if (stamp > now || (pick == HistoryPick::at_or_before && stamp > now + offset)) continue;
          const auto distance = [&](Time time) { return std::chrono::abs(time - (now + offset)); };
          if (!best || (pick == HistoryPick::at_or_before ? stamp > *best : distance(stamp) < distance(*best))) best = stamp;
        }
        return best;
      };
      const auto front = wanted("front"), wrist = wanted("wrist"), arm = wanted("arm");
      REQUIRE((status == Status::ok) == (front && wrist && arm));
      if (status != Status::ok) continue;
      REQUIRE(is_of(view.cameras[0], "front", *front));
      REQUIRE(is_of(view.cameras[1], "wrist", *wrist));
      REQUIRE(is_of(view.channels[0], "arm", *arm));
    }
  }
}

TEST_CASE("history: allocates nothing once its slots have held a frame of the size") {
  REQUIRE(sinew::testing::counting_works());
  ObservationHistory history = history_of(Time::max(), 4);
  run(history, 0ms, 900ms);
  HistoryView view;
  const sinew::HistorySpec spec{.offsets = {-50ms, 0ms}, .max_skew = 200ms};
  REQUIRE(history.select(900ms, spec, view) == Status::ok);
  Observation observation;
  observation.cameras = {frame("front", 0ms), frame("wrist", 0ms)};
  observation.channels = {channel("arm", 0ms)};
  std::size_t bad = 0;
  const sinew::testing::HeapCallCounter heap;
  for (Time now = 1s; now < 2s; now += 10ms) {
    observation.cameras[0].stamp = observation.cameras[1].stamp = observation.channels[0].stamp = now;
    bad += history.push(observation) == Status::ok ? 0 : 1;
    bad += history.select(now + 60ms, spec, view) == Status::ok ? 0 : 1;
    bad += history.select(now - 10s, spec, view) == Status::not_ready ? 0 : 1;
  }
  CHECK(heap.count() == 0);
  CHECK(bad == 0);
}

TEST_CASE("history: allocates nothing at all while it is used when it was told the sizes") {
  REQUIRE(sinew::testing::counting_works());
  ObservationHistory history(
      {.cameras = {{.name = "front", .capacity = 4, .height = 2, .width = 2}}, .channels = {{.name = "arm", .capacity = 4, .values = 2}}});
  Observation observation;
  observation.cameras = {frame("front", 0ms)};
  observation.channels = {channel("arm", 0ms)};
  const sinew::testing::HeapCallCounter heap;
  const Status status = history.push(observation);
  CHECK(heap.count() == 0);
  CHECK(status == Status::ok);
}

TEST_CASE("history: sources that cannot be kept are refused by name") {
  const auto refused = [](const sinew::HistoryOptions& options, const char* part) {
    CHECK_THROWS_WITH_AS(ObservationHistory{options}, doctest::Contains(part), sinew::Error);
  };
  refused({}, "at least one camera");
  refused({.cameras = {{""}}}, "a name");
  refused({.cameras = {{"front"}, {"front"}}}, "'front'");
  refused({.channels = {{"arm", 0}}}, "capacity");
  refused({.channels = {{"arm", 3, Time(-1)}}}, "max_age");
  refused({.cameras = {{.name = "front", .height = -1}}}, "'front'");
}
