// SPDX-License-Identifier: Apache-2.0
// ACT's ensembling: LeRobot's numbers, the off-line mean, what is refused.
#include "sinew/core/temporal_ensembler.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <deque>
#include <limits>
#include <string>
#include <vector>

#include "golden.hpp"
#include "sinew/core/error.hpp"
#include "sinew/testing/no_alloc.hpp"
#include "test_seed.hpp"

using namespace sinew;

TEST_CASE("temporal ensembler: every coefficient of LeRobot's run, reset three steps before its end") {
  const auto golden = sinew::testing::read_golden_case("lerobot_misc", "act_temporal_ensembler");
  const auto config = golden.json().at("config");
  const int horizon = static_cast<int>(config.at("T").integer(1)), dim = static_cast<int>(config.at("A").integer(1));
  const auto batch = static_cast<std::size_t>(config.at("B").integer(1)), steps = static_cast<std::size_t>(config.at("K").integer(1));
  const auto chunks = golden.f32("chunks");
  const auto size = static_cast<std::size_t>(horizon * dim);
  int coefficients = 0;
  for (const auto& [name, tensor] : golden.tensors) {
    if (!name.starts_with("out.m")) continue;
    CAPTURE(name);
    ++coefficients;
    for (std::size_t b = 0; b < batch; ++b) {
      TemporalEnsembler<float> ensembler(std::stod(name.substr(5)), horizon, dim);
      std::vector<float> action(static_cast<std::size_t>(dim));
      for (std::size_t k = 0; k < steps; ++k) {
        if (k + 3 == steps) ensembler.reset();
        REQUIRE(ensembler.update(chunks.subspan((k * batch + b) * size, size), action) == Status::ok);
        CHECK(sinew::testing::worst_ratio(action, tensor.as_f32().subspan((k * batch + b) * action.size(), action.size()),
                                          golden.tolerance()) <= 1);
      }
    }
  }
  CHECK(coefficients > 0);
}

TEST_CASE("temporal ensembler: on line equals the weighted mean of all predictions, without the heap") {
  sinew::testing::Random random(3);
  for (const int horizon : {1, 2, 7, 50}) {
    constexpr int kDim = 3;
    const double coefficient = random.uniform(-0.2, 0.2);
    TemporalEnsembler<double> ensembler(coefficient, horizon, kDim);
    std::deque<std::vector<double>> chunks;  // the oldest first
    std::vector<double> action(kDim);
    for (int step = 0; step < 3 * horizon; ++step) {
      std::vector<double> chunk(static_cast<std::size_t>(horizon * kDim));
      for (auto& value : chunk) value = random.uniform(-1, 1);
      chunks.push_back(chunk);
      if (chunks.size() > static_cast<std::size_t>(horizon)) chunks.pop_front();
      {
        const sinew::testing::HeapCallCounter heap;
        REQUIRE(ensembler.update(chunk, action) == Status::ok);
      }
      for (int j = 0; j < kDim; ++j) {
        double sum = 0, weights = 0;
        for (std::size_t i = 0; i < chunks.size(); ++i) {
          const double w = std::exp(-coefficient * static_cast<double>(i));
          sum += w * chunks[i][(chunks.size() - 1 - i) * kDim + static_cast<std::size_t>(j)];
          weights += w;
        }
        CHECK(action[static_cast<std::size_t>(j)] == doctest::Approx(sum / weights).epsilon(1e-12));
      }
    }
  }
}

TEST_CASE("temporal ensembler: a refused chunk changes nothing") {
  TemporalEnsembler<double> ensembler(0.01, 2, 1), twin(0.01, 2, 1);
  std::vector<double> action{9}, expected{9};
  const std::vector<double> first{1, 2}, second{3, 4};
  REQUIRE(ensembler.update(first, action) == Status::ok);
  REQUIRE(twin.update(first, expected) == Status::ok);
  CHECK(ensembler.update(std::vector<double>{1, std::numeric_limits<double>::quiet_NaN()}, action) == Status::not_finite);
  CHECK(ensembler.update(std::vector<double>{1, 2, 3}, action) == Status::bad_shape);
  CHECK(action == expected);
  REQUIRE(ensembler.update(second, action) == Status::ok);
  REQUIRE(twin.update(second, expected) == Status::ok);
  CHECK(action == expected);
  CHECK_THROWS_AS(TemporalEnsembler<float>(std::nan(""), 4, 2), Error);
  CHECK_THROWS_AS(TemporalEnsembler<float>(-100, 50, 2), Error);
  CHECK_THROWS_AS(TemporalEnsembler<float>(0.01, 0, 2), Error);
}
