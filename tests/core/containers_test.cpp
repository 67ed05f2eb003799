// SPDX-License-Identifier: Apache-2.0
// Image, Observation, ActionChunk and the clocks.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "sinew/core/action_chunk.hpp"
#include "sinew/core/clock.hpp"
#include "sinew/core/error.hpp"
#include "sinew/core/image.hpp"
#include "sinew/core/observation.hpp"

using namespace sinew;
using namespace std::chrono_literals;

TEST_CASE("image: a copy of a padded view drops the padding") {
  std::vector<std::uint8_t> padded(3 * 10);
  std::iota(padded.begin(), padded.end(), std::uint8_t{0});
  const ImageView view(padded.data(), 3, 2, 3, 10);
  CHECK_FALSE(view.packed());
  CHECK(view.row(2) == padded.data() + 20);
  const Image image(view);
  CHECK(image.view().packed());
  REQUIRE(image.pixels().size() == 18);
  for (std::size_t y = 0; y < 3; ++y)
    for (std::size_t i = 0; i < 6; ++i) CHECK(image.pixels()[y * 6 + i] == padded[y * 10 + i]);
}

TEST_CASE("image: a negative row stride reads upside down") {
  const std::vector<std::uint8_t> rows{1, 1, 1, 2, 2, 2};
  const Image image(ImageView(rows.data() + 3, 2, 1, 3, -3));
  CHECK(image.pixels()[0] == 2);
  CHECK(image.pixels()[3] == 1);
}

TEST_CASE("image: empty is empty, and impossible sizes are refused") {
  CHECK(ImageView().empty());
  CHECK(Image().empty());
  Image image(4, 5);
  CHECK(image.pixels().size() == 60);
  image.assign(ImageView());
  CHECK(image.empty());
  CHECK_THROWS_AS(Image(-1, 5), Error);
  CHECK_THROWS_AS(Image(40000, 5), Error);
  CHECK_THROWS_AS(Image(4, 5, 17), Error);
}

TEST_CASE("observation: finds cameras and channels by name") {
  Observation observation;
  observation.cameras = {{"front", Image(2, 2), 1ms}, {"wrist", Image(2, 2), 2ms}};
  observation.channels = {{"joint_position", "rad", {0.5}, 3ms}};
  CHECK(observation.find_camera("wrist") == &observation.cameras[1]);
  CHECK(observation.find_camera("side") == nullptr);
  observation.find_channel("joint_position")->values[0] = 1.0;
  const Observation& read_only = observation;
  CHECK(read_only.find_channel("joint_position")->values[0] == 1.0);
  CHECK(read_only.find_channel("joint") == nullptr);
  CHECK(read_only.find_camera("front")->stamp == 1ms);
}

TEST_CASE("chunk: steps are the rows") {
  ActionChunk chunk(3, 2);
  std::iota(chunk.values.begin(), chunk.values.end(), 0.0);
  CHECK(chunk.step(2).size() == 2);
  CHECK(chunk.step(2)[0] == 4.0);
  const ActionChunk& read_only = chunk;
  CHECK(read_only.step(1)[1] == 3.0);
  CHECK_THROWS_WITH_AS(chunk.resize(-1, 2), "[ActionChunk] size: expected horizon and dim of 0 or more, got -1 x 2", Error);
  CHECK(chunk.horizon == 3);
  CHECK(to_string(ActionSpace::joint_position) == "joint_position");
  CHECK(to_string(ActionSpace::tool_pose) == "tool_pose");
}

TEST_CASE("joint order hash: FNV-1a over the names, each ended by NUL") {
  const auto hash = [](std::vector<std::string> names) { return hash_joint_order(names); };
  // Computed by hand from the algorithm's definition: offset basis, then XOR and multiply for each byte.
  std::uint64_t expected = 14695981039346656037ULL;
  for (const unsigned char byte : std::string("a\0bc\0", 5)) expected = (expected ^ byte) * 1099511628211ULL;
  CHECK(hash({"a", "bc"}) == expected);
  CHECK(hash({"bc", "a"}) != expected);
  CHECK(hash({"ab", "c"}) != expected);
  CHECK(hash({"a", "bc", ""}) != expected);
  CHECK(hash({}) != 0);
}

TEST_CASE("clocks: the virtual one moves only when told to, the steady one never goes back") {
  VirtualClock clock;
  CHECK(clock.now() == Time{});
  clock.advance(5ms);
  clock.advance(5ms);
  CHECK(clock.now() == 10ms);
  clock.set(3ms);
  CHECK(clock.now() == 3ms);
  const SteadyClock steady;
  auto last = steady.now();
  for (int i = 0; i < 1000; ++i) {
    const auto now = steady.now();
    CHECK(now >= last);
    last = now;
  }
}
