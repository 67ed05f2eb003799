// SPDX-License-Identifier: Apache-2.0
// What core/ promises for the tick: look-ups, reshaping, reuse of buffers and normalising touch no heap.
#include "sinew/testing/no_alloc.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "sinew/core/action_chunk.hpp"
#include "sinew/core/normalizer.hpp"
#include "sinew/core/observation.hpp"
#include "sinew/core/tensor_map.hpp"

using namespace sinew;
using sinew::testing::HeapCallCounter;

TEST_CASE("no heap: the counter itself works") { REQUIRE(sinew::testing::counting_works()); }

TEST_CASE("no heap: tensors") {
  TensorMap map;
  map.add("state", Tensor(DType::f32, {8, 4}));
  const HeapCallCounter counter;
  bool good = map["state"].set_shape({2, 4}) == Status::ok && map["state"].as<float>().size() == 8 && !map["absent"];
  good = good && map["state"].set_shape({9, 4}) == Status::over_capacity;
  CHECK(counter.count() == 0);
  CHECK(good);
}

TEST_CASE("no heap: an image of the same size, a chunk of at most the same size") {
  const Image frame(48, 64);
  Image image(48, 64);
  ActionChunk chunk(16, 8);
  Observation observation;
  observation.cameras.push_back({"a camera with a long name", Image(48, 64), {}});
  const HeapCallCounter counter;
  image.assign(frame.view());
  image.resize(24, 32);
  observation.find_camera("a camera with a long name")->image.assign(frame.view());
  chunk.resize(8, 8);
  chunk.resize(16, 8);
  const double last = chunk.step(15)[7];
  CHECK(counter.count() == 0);
  CHECK(last == 0.0);
}

TEST_CASE("no heap: normalising") {
  VectorStatistics statistics;
  statistics.q01 = {0, 0};
  statistics.q99 = {1, 2};
  const Normalizer normalizer(statistics, NormalizationMode::quantile, "qwen", 2);
  std::vector<double> x{0.5, 1.0};
  std::vector<float> y(2);
  const HeapCallCounter counter;
  const bool good = normalizer.forward(x, y) == Status::ok && normalizer.inverse(y, x) == Status::ok &&
                    normalizer.forward(y, y) == Status::ok && normalizer.inverse(y, y) == Status::ok;
  CHECK(counter.count() == 0);
  CHECK(good);
}
