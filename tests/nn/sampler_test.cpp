// SPDX-License-Identifier: Apache-2.0
// Samplers on CpuOps against the arithmetic of core/chunk_math.hpp, direct formulas, and distributions that are known in closed form.
#include "sinew/nn/sampler.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "sinew/backend/cpu/cpu_ops.hpp"
#include "sinew/core/error.hpp"
#include "sinew/core/random.hpp"
#include "test_seed.hpp"

using namespace sinew;
using namespace sinew::nn;

namespace {

constexpr FlowDirection kDirections[] = {FlowDirection::noise_at_zero, FlowDirection::noise_at_one};

std::vector<float> normal(std::size_t count, std::uint64_t stream) {
  std::vector<float> values(count);
  sinew::Random(sinew::testing::seed() + stream).normal(values);
  return values;
}

/// A velocity that is not linear and whose slope is small, so that differences do not grow: 0.7 x - 0.8 tanh x.
CpuTensor curved(CpuOps& ops, const CpuTensor& x) { return ops.combine(0.7F, x, -0.8F, ops.activate(x, Activation::tanh)); }
double curved(double x) { return 0.7 * x - 0.8 * std::tanh(x); }

/// Runs a sampler on a copy of `noise` and reads the result.
template <class Run>
std::vector<float> sampled(CpuOps& ops, std::span<const float> noise, const Shape& shape, const Run& run) {
  auto scope = ops.scope();
  const CpuTensor x = ops.copy(ops.upload(noise, shape));
  run(x);
  std::vector<float> out(noise.size());
  ops.download(x, out);
  return out;
}

double farthest(std::span<const float> x, std::span<const float> y) {
  double most = 0;
  for (std::size_t i = 0; i < x.size(); ++i) most = std::max(most, static_cast<double>(std::abs(x[i] - y[i])));
  return x.size() == y.size() ? most : std::numeric_limits<double>::infinity();
}

}  // namespace

TEST_CASE("flow_step: equal steps from the noise to the actions") {
  for (const std::int64_t steps : {1, 4, 10}) {
    double forward = 0, backward = 1;
    for (std::int64_t k = 0; k < steps; ++k) {
      const FlowStep up = flow_step(k, steps, FlowDirection::noise_at_zero), down = flow_step(k, steps, FlowDirection::noise_at_one);
      CHECK(up.t == doctest::Approx(forward));
      CHECK(down.t == doctest::Approx(backward));
      forward += up.dt;
      backward += down.dt;
    }
    CHECK(forward == doctest::Approx(1));
    CHECK(backward == doctest::Approx(0).epsilon(1e-12));
  }
}

TEST_CASE("sample_flow: a straight flow arrives at the action, whichever way its time runs") {
  CpuOps ops;
  const Shape shape{2, 5, 3};
  const auto noise = normal(30, 1), action = normal(30, 2);
  for (const auto direction : kDirections) {
    const float sign = direction == FlowDirection::noise_at_zero ? 1 : -1;  // v = action - noise, or noise - action
    const auto out = sampled(ops, noise, shape, [&](const CpuTensor& x) {
      sample_flow(ops, x, 7, direction, [&](const CpuTensor&, std::int64_t) {
        return ops.combine(sign, ops.upload(action, shape), -sign, ops.upload(noise, shape));
      });
    });
    CHECK(farthest(out, action) < 1e-5);
  }
}

TEST_CASE("sample_flow: guided as core's rtc_guide, step by step") {
  CpuOps ops;
  constexpr int kHorizon = 8, kDim = 5, kRows = 6, kColumns = 4;
  const auto noise = normal(kHorizon * kDim, 3), before = normal(kRows * kColumns, 4);
  for (const auto direction : kDirections)
    for (const auto schedule : {PrefixSchedule::zeros, PrefixSchedule::ones, PrefixSchedule::linear, PrefixSchedule::exp})
      for (const int end : {0, 3, 20}) {
        const FlowPrefix prefix{
            .chunk = {.values = before, .rows = kRows, .columns = kColumns}, .delay = 2, .end = end, .schedule = schedule, .max_weight = 5};
        PrefixBuffers buffers(kHorizon, kDim);
        buffers.fill(prefix);
        const auto out = sampled(ops, noise, Shape{1, kHorizon, kDim}, [&](const CpuTensor& x) {
          sample_flow(ops, x, 6, direction, [&](const CpuTensor& at, std::int64_t) { return curved(ops, at); }, prefix, buffers);
        });
        std::vector<float> weights(kHorizon), x = noise, v(x.size());
        REQUIRE(rtc_prefix_weights<float>(2, end == 3 ? 3 : kRows, schedule, weights) == Status::ok);
        for (std::int64_t k = 0; k < 6; ++k) {
          const FlowStep step = flow_step(k, 6, direction);
          std::ranges::transform(x, v.begin(), [](float value) { return static_cast<float>(curved(static_cast<double>(value))); });
          REQUIRE(rtc_guide<float>(x, prefix.chunk, weights, {.t = step.t, .direction = direction}, 5, v) == Status::ok);
          for (std::size_t i = 0; i < x.size(); ++i) x[i] += static_cast<float>(step.dt) * v[i];
        }
        CHECK(farthest(out, x) < 2e-5);
      }
}

TEST_CASE("sample_flow: rows that are overwritten are the prefix's at every step, the others flow as they would") {
  CpuOps ops;
  const Shape shape{1, 6, 4};
  const auto noise = normal(24, 5), before = normal(12, 6);
  const FlowPrefix prefix{.chunk = {.values = before, .rows = 4, .columns = 3}, .delay = 3, .mode = PrefixMode::overwrite};
  PrefixBuffers buffers(6, 4);
  buffers.fill(prefix);
  const auto in_place = [&](std::span<const float> x) {
    bool right = true;
    for (std::size_t row = 0; row < 3; ++row)
      for (std::size_t i = 0; i < 4; ++i) right = right && x[row * 4 + i] == (i < 3 ? before[row * 3 + i] : 0.0F);
    return right;
  };
  const auto velocity = [&](const CpuTensor& x, std::int64_t) { return curved(ops, x); };
  for (const auto direction : kDirections) {
    const auto out = sampled(ops, noise, shape, [&](const CpuTensor& x) {
      sample_flow(
          ops, x, 5, direction,
          [&](const CpuTensor& at, std::int64_t k) {
            std::vector<float> now(24);
            ops.download(at, now);
            CHECK(in_place(now));
            return velocity(at, k);
          },
          prefix, buffers);
    });
    const auto free = sampled(ops, noise, shape, [&](const CpuTensor& x) { sample_flow(ops, x, 5, direction, velocity); });
    CHECK(in_place(out));
    CHECK(std::equal(out.begin() + 12, out.end(), free.begin() + 12));
  }
}

TEST_CASE("sample_flow_sde: hardly any noise gives the flow without") {
  CpuOps ops;
  const Shape shape{2, 3, 4};
  const auto noise = normal(24, 7), draws = normal(24 * 8, 8);
  const auto velocity = [&](const CpuTensor& x, std::int64_t) { return curved(ops, x); };
  for (const auto direction : kDirections) {
    std::vector<double> log_probabilities(8);
    const auto random = sampled(ops, noise, shape,
                                [&](const CpuTensor& x) { sample_flow_sde(ops, x, direction, 1e-6, draws, log_probabilities, velocity); });
    const auto plain = sampled(ops, noise, shape, [&](const CpuTensor& x) { sample_flow(ops, x, 8, direction, velocity); });
    CHECK(farthest(random, plain) < 2e-5);
  }
}

TEST_CASE("sample_flow_sde: the probability of a step is that of its normal distribution") {
  CpuOps ops;
  constexpr std::int64_t kSteps = 5;
  const Shape shape{1, 3, 4};
  const auto noise = normal(12, 9), draws = normal(12 * kSteps, 10);
  for (const auto direction : kDirections) {
    std::vector<double> log_probabilities(kSteps);
    std::vector<std::vector<float>> path;
    const auto last = sampled(ops, noise, shape, [&](const CpuTensor& x) {
      sample_flow_sde(ops, x, direction, 0.7, draws, log_probabilities, [&](const CpuTensor& at, std::int64_t) {
        ops.download(at, path.emplace_back(12));
        return curved(ops, at);
      });
    });
    path.push_back(last);
    for (std::int64_t k = 0; k < kSteps; ++k) {
      // Eq. 9 of the paper with s falling from 1; v is the derivative by s there.
      const double n = static_cast<double>(kSteps), s = 1 - static_cast<double>(k) / n, dt = -1 / n;
      const double sigma = 0.7 * std::sqrt(s / (1 - (k == 0 ? 1 - 1 / n : s)));
      double sum = 0;
      for (std::size_t i = 0; i < 12; ++i) {
        const double x = static_cast<double>(path[static_cast<std::size_t>(k)][i]);
        const double v = (direction == FlowDirection::noise_at_one ? 1 : -1) * curved(x);
        const double mean = x + (v + sigma * sigma / (2 * s) * (x + (1 - s) * v)) * dt, deviation = sigma * std::sqrt(1 / n);
        const double z = (static_cast<double>(path[static_cast<std::size_t>(k) + 1][i]) - mean) / deviation;
        sum += -z * z / 2 - std::log(deviation * std::sqrt(2 * std::numbers::pi));
      }
      CHECK(log_probabilities[static_cast<std::size_t>(k)] == doctest::Approx(sum).epsilon(1e-4));
    }
  }
  const std::vector<float> at{0.5F}, mean{-0.25F};
  CHECK(sde_log_probability(at, mean, 2) == doctest::Approx(std::log(std::exp(-0.75 * 0.75 / 8) / (2 * std::sqrt(2 * std::numbers::pi)))));
}

TEST_CASE("sample_flow_sde: the marginal at the end is that of the actions") {
  // Actions are normal with deviation 0.5 and mean 1; the expected velocity is then known in closed form.
  CpuOps ops;
  constexpr std::int64_t kSteps = 100, kCount = 20000;
  const Shape shape{1, 100, kCount / 100};
  const auto noise = normal(kCount, 11), draws = normal(kCount * kSteps, 12);
  const std::vector<float> ones(kCount, 1.0F);
  for (const auto direction : kDirections) {
    std::vector<double> log_probabilities(kSteps);
    const auto out = sampled(ops, noise, shape, [&](const CpuTensor& x) {
      sample_flow_sde(ops, x, direction, 0.5, draws, log_probabilities, [&](const CpuTensor& at, std::int64_t k) {
        const double s = 1 - static_cast<double>(k) / static_cast<double>(kSteps), variance = s * s + (1 - s) * (1 - s) * 0.25;
        const double slope = (s - (1 - s) * 0.25) / variance;  // of E[noise - action | x]
        const double sign = direction == FlowDirection::noise_at_one ? 1 : -1;
        const double offset = -1 - slope * (1 - s);
        return ops.combine(static_cast<float>(sign * slope), at, static_cast<float>(sign * offset), ops.upload(ones, shape));
      });
    });
    double mean = 0, variance = 0;
    for (const float value : out) mean += static_cast<double>(value) / kCount;
    for (const float value : out) variance += (static_cast<double>(value) - mean) * (static_cast<double>(value) - mean) / kCount;
    CHECK(std::abs(mean - 1) < 0.02);  // 5.6 deviations of the mean of so many, and the error of the steps
    CHECK(std::abs(std::sqrt(variance) - 0.5) < 0.02);
  }
}

TEST_CASE("sde_step: refuses a level that is no positive number") {
  for (const double level : {0.0, -1.0, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()})
    CHECK_THROWS_AS((void)sde_step(0, 4, FlowDirection::noise_at_one, level), Error);
}

TEST_CASE("PrefixBuffers: pads with zeros, and refuses what does not fit") {
  PrefixBuffers buffers(3, 2);
  const std::vector<float> values{1, 2, 3, 4, 5, 6, 7, 8, 9};
  const auto chunk = [&](int rows, int columns) {
    return ChunkPrefix<float>{
        .values = std::span(values).first(static_cast<std::size_t>(std::max(rows * columns, 0))), .rows = rows, .columns = columns};
  };
  buffers.fill({.chunk = chunk(2, 1), .delay = 1, .schedule = PrefixSchedule::ones});
  CHECK(std::ranges::equal(buffers.values(), std::vector<float>{1, 0, 2, 0, 0, 0}));
  CHECK(std::ranges::equal(buffers.weights(), std::vector<float>{1, 1, 1, 1, 0, 0}));
  buffers.fill({.chunk = chunk(0, 0)});
  CHECK(std::ranges::equal(buffers.values(), std::vector<float>(6, 0.0F)));
  CHECK(std::ranges::equal(buffers.weights(), std::vector<float>(6, 0.0F)));
  CHECK_THROWS_AS(buffers.fill({.chunk = chunk(4, 2)}), Error);
  CHECK_THROWS_AS(buffers.fill({.chunk = chunk(3, 3)}), Error);
  CHECK_THROWS_AS(buffers.fill({.chunk = chunk(-1, 2)}), Error);
  CHECK_THROWS_AS(buffers.fill({.chunk = {.values = values, .rows = 3, .columns = 2}}), Error);
  CHECK_THROWS_AS(buffers.fill({.chunk = chunk(2, 2), .delay = -1}), Error);
  CHECK_THROWS_AS(buffers.fill({.chunk = chunk(2, 2), .end = -1}), Error);
  CHECK_THROWS_AS(buffers.fill({.chunk = chunk(2, 2), .delay = 3, .mode = PrefixMode::overwrite}), Error);
  CHECK_NOTHROW(buffers.fill({.chunk = chunk(2, 2), .delay = 3}));
}
