// SPDX-License-Identifier: Apache-2.0
// What is handed back to a model is the rest of its own chunk, from the row that is being executed.
#include "sinew/runtime/chunk_memory.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "affine_policy.hpp"
#include "sinew/core/error.hpp"
#include "temporary_directory.hpp"
#include "tiny_policy.hpp"

using namespace sinew;
using namespace sinew::testing;

TEST_CASE("chunk memory: hands back the rows that are not executed yet, and fixes those that will be before the next chunk arrives") {
  const TemporaryDirectory folder;
  write_tiny_policy(folder.path(), {});
  Policy policy = Policy::load(folder.path());
  ChunkMemory memory(policy);
  CHECK(memory.options(Time{}).prefix.rows == 0);
  const Observation observation = tiny_observation(1);
  ActionChunk chunk = policy.make_chunk();
  REQUIRE(policy.act(observation, chunk, {.seed = 3}) == Status::ok);
  memory.keep(policy.outputs(), chunk, chunk.t0 + chunk.dt + chunk.dt / 2);
  CHECK(memory.latency() == chunk.dt + chunk.dt / 2);
  const auto values = policy.outputs().find("actions")->as<float>();
  const std::vector<float> all(values.begin(), values.end());
  const int columns = static_cast<int>(all.size()) / chunk.horizon;
  for (int row = 0; row < chunk.horizon; ++row) {
    const ActOptions options = memory.options(chunk.t0 + row * chunk.dt + chunk.dt / 3);
    REQUIRE(options.prefix.rows == chunk.horizon - row);
    CHECK(options.prefix.columns == columns);
    CHECK(std::equal(options.prefix.values.begin(), options.prefix.values.end(), all.begin() + row * columns));
    CHECK(options.prefix_delay == std::min(2, chunk.horizon - row));
    ActionChunk next = policy.make_chunk();
    CHECK(policy.act(observation, next, options) == Status::ok);
  }
  CHECK(memory.options(chunk.t0 + chunk.horizon * chunk.dt).prefix.rows == 0);
  memory.clear();
  CHECK(memory.options(chunk.t0).prefix.rows == 0);
}

TEST_CASE("chunk memory: a backend that takes no prefix is refused") {
  const TemporaryDirectory directory;
  write_affine_policy(directory);
  const Policy policy = Policy::load(directory.path());
  CHECK_THROWS_WITH_AS(ChunkMemory{policy}, doctest::Contains("prefix"), Error);
}
