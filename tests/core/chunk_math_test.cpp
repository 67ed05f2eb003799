// SPDX-License-Identifier: Apache-2.0
// Real-time chunking: weights of both references, LeRobot's guided and trained sampling step by step, bad shapes.
#include "sinew/core/chunk_math.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "golden.hpp"
#include "sinew/core/error.hpp"
#include "test_seed.hpp"

using namespace sinew;
using sinew::testing::GoldenCase;
using sinew::testing::read_golden_case;

namespace {

/// Every "<schedule>.<start>.<end>.<total>" of a file of weights; `cut_end` to the total, as LeRobot does.
void check_weights(const std::string& area, bool cut_end) {
  const GoldenCase golden = read_golden_case(area, "prefix_weights");
  const auto tolerance = golden.tolerance();
  REQUIRE(!golden.tensors.empty());
  for (const auto& [name, tensor] : golden.tensors) {
    CAPTURE(name);
    std::string schedule = name.substr(0, name.find('.'));
    std::ranges::transform(schedule, schedule.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    int start = 0, end = 0, total = 0;
    REQUIRE(std::sscanf(name.c_str() + schedule.size(), ".%d.%d.%d", &start, &end, &total) == 3);
    std::vector<float> weights(static_cast<std::size_t>(total));
    REQUIRE(rtc_prefix_weights<float>(start, cut_end ? std::min(end, total) : end, prefix_schedule(schedule), weights) == Status::ok);
    CHECK(sinew::testing::worst_ratio(weights, tensor.as_f32(), tolerance) <= 1);
  }
}

/// What a run of lerobot_rtc/guided_sampling says.
struct Run {
  bool trained = false;
  int delay = 0;
  int steps = 0;
  int horizon = 10;    // LeRobot's default execution_horizon
  double most = 10.0;  // its default max_guidance_weight
  PrefixSchedule schedule = PrefixSchedule::linear;
  std::vector<int> prev;  // shape; empty: no previous chunk
};

Run read_run(const JsonCursor& json) {
  Run run{.trained = json.at("mode").text() == "trained",
          .delay = static_cast<int>(json.at("inference_delay").integer()),
          .steps = static_cast<int>(json.at("num_steps").integer()),
          .prev = {}};
  if (const auto horizon = json.optional("execution_horizon")) run.horizon = static_cast<int>(horizon->integer());
  if (const auto argument = json.optional("execution_horizon_argument"); argument && !argument->is_null())
    run.horizon = static_cast<int>(argument->integer());
  if (const auto most = json.optional("max_guidance_weight")) run.most = most->number();
  if (const auto schedule = json.optional("prefix_attention_schedule")) {
    std::string name = schedule->text();
    std::ranges::transform(name, name.begin(), [](char c) { return static_cast<char>(c + 32); });
    run.schedule = prefix_schedule(name);
  }
  if (const auto shape = json.at("prev_shape"); !shape.is_null())
    for (const auto& dim : shape.elements()) run.prev.push_back(static_cast<int>(dim.integer()));
  return run;
}

/// Samples one element of the batch as LeRobot does; compares every x and the final actions.
class Sampler {
 public:
  Sampler(const GoldenCase& golden, std::string name, const Run& run)
      : golden_(golden), name_(std::move(name)), run_(run), horizon_(size("T")), dim_(size("A")), batch_(size("B")) {}

  double worst(std::size_t element) const {
    const auto tolerance = golden_.tolerance();
    const auto x_in = golden_.f32(name_ + ".x_in");
    std::vector<float> x(slice(golden_.f32("noise"), element)), v(x.size()), times(horizon_), weights(horizon_);
    const std::vector<float> previous = previous_chunk(element);
    const ChunkPrefix<float> prefix{previous, previous.empty() ? 0 : rows(), previous.empty() ? 0 : run_.prev.back()};
    REQUIRE(rtc_prefix_weights<float>(run_.delay, std::min(run_.horizon, prefix.rows), run_.schedule, weights) == Status::ok);
    double worst = 0;
    for (int step = 0; step < run_.steps; ++step) {
      const FlowMoment moment{.t = 1.0 - static_cast<double>(step) / run_.steps, .direction = FlowDirection::noise_at_one};
      if (run_.trained) REQUIRE(rtc_overwrite_prefix(prefix, run_.delay, static_cast<int>(horizon_), std::span(x)) == Status::ok);
      rtc_token_times<float>(moment, run_.trained ? run_.delay : 0, times);
      const auto expected = x_in.subspan(static_cast<std::size_t>(step) * batch_ * x.size() + element * x.size(), x.size());
      worst = std::max(worst, sinew::testing::worst_ratio(x, expected, tolerance));
      velocity(x, times, v);
      if (!run_.trained && !previous.empty()) REQUIRE(rtc_guide<float>(x, prefix, weights, moment, run_.most, v) == Status::ok);
      for (std::size_t i = 0; i < x.size(); ++i) x[i] -= v[i] / static_cast<float>(run_.steps);
      if (run_.trained) REQUIRE(rtc_overwrite_prefix(prefix, run_.delay, static_cast<int>(horizon_), std::span(x)) == Status::ok);
    }
    return std::max(worst, sinew::testing::worst_ratio(x, slice(golden_.f32(name_ + ".actions"), element), tolerance));
  }

 private:
  [[nodiscard]] std::size_t size(const char* key) const { return static_cast<std::size_t>(golden_.json().at("config").at(key).integer(1)); }
  [[nodiscard]] int rows() const { return run_.prev[run_.prev.size() - 2]; }
  [[nodiscard]] std::vector<float> slice(std::span<const float> all, std::size_t element) const {
    const auto part = all.subspan(element * horizon_ * dim_, horizon_ * dim_);
    return {part.begin(), part.end()};
  }
  /// The leading rows and columns of `prev`: of this element, or of the first where the run shares one chunk or has one element.
  [[nodiscard]] std::vector<float> previous_chunk(std::size_t element) const {
    std::vector<float> values;
    if (run_.prev.empty()) return values;
    const bool shared = run_.prev.size() == 2 || run_.prev.front() == 1;
    const auto whole = slice(golden_.f32("prev"), shared ? 0 : element);
    for (int i = 0; i < rows(); ++i)
      for (int j = 0; j < run_.prev.back(); ++j) values.push_back(whole[static_cast<std::size_t>(i) * dim_ + static_cast<std::size_t>(j)]);
    return values;
  }
  /// v[s, c] = sum P[s, t] x[t, a] M[a, c] + b[c] + t c[c], the file's "velocity".
  void velocity(const std::vector<float>& x, const std::vector<float>& times, std::vector<float>& v) const {
    const auto P = golden_.f32("P"), M = golden_.f32("M"), b = golden_.f32("b"), c = golden_.f32("c");
    std::vector<double> mixed(dim_);
    for (std::size_t s = 0; s < horizon_; ++s) {
      std::ranges::fill(mixed, 0.0);
      for (std::size_t t = 0; t < horizon_; ++t)
        for (std::size_t a = 0; a < dim_; ++a) mixed[a] += static_cast<double>(P[s * horizon_ + t]) * static_cast<double>(x[t * dim_ + a]);
      for (std::size_t k = 0; k < dim_; ++k) {
        double sum = static_cast<double>(b[k]) + static_cast<double>(times[s]) * static_cast<double>(c[k]);
        for (std::size_t a = 0; a < dim_; ++a) sum += mixed[a] * static_cast<double>(M[a * dim_ + k]);
        v[s * dim_ + k] = static_cast<float>(sum);
      }
    }
  }

  const GoldenCase& golden_;
  std::string name_;
  Run run_;
  std::size_t horizon_, dim_, batch_;
};

}  // namespace

TEST_CASE("rtc_prefix_weights: equal the reference's") { check_weights("kinetix", false); }
TEST_CASE("rtc_prefix_weights: equal LeRobot's, which cuts the end to the horizon") { check_weights("lerobot_rtc", true); }

TEST_CASE("rtc_prefix_weights: the example of the paper's code, and what is refused") {
  std::vector<double> weights(10);
  REQUIRE(rtc_prefix_weights<double>(2, 6, PrefixSchedule::linear, weights) == Status::ok);
  const std::vector<double> expected = {1, 1, 0.8, 0.6, 0.4, 0.2, 0, 0, 0, 0};
  for (std::size_t i = 0; i < weights.size(); ++i) CHECK(weights[i] == doctest::Approx(expected[i]).epsilon(1e-12));
  CHECK(rtc_prefix_weights<double>(-1, 6, PrefixSchedule::linear, weights) == Status::out_of_range);
  CHECK(weights[2] == doctest::Approx(0.8));
  CHECK_THROWS_WITH_AS((void)prefix_schedule("lineer"),
                       "[prefix_schedule] schedule: expected one of zeros, ones, linear, exp, got 'lineer' (did you mean 'linear'?)",
                       Error);
}

TEST_CASE("real-time chunking: every run of LeRobot's sampler, guided and trained, x by x") {
  const GoldenCase golden = read_golden_case("lerobot_rtc", "guided_sampling");
  int runs = 0;
  for (const auto& [name, json] : golden.json().at("runs").members()) {
    CAPTURE(name);
    const Run run = read_run(json);
    const auto batch = golden.json().at("config").at("B").integer(1);
    for (std::int64_t element = 0; element < batch; ++element)
      CHECK(Sampler(golden, name, run).worst(static_cast<std::size_t>(element)) <= 1);
    ++runs;
  }
  CHECK(runs > 0);
}

TEST_CASE("rtc_guide: equals error and correction taken apart, in both directions of time") {
  sinew::testing::Random random(11);
  for (int trial = 0; trial < 200; ++trial) {
    const std::size_t horizon = 1 + random.below(12), dim = 1 + random.below(9);
    const int rows = static_cast<int>(random.below(horizon + 1)), columns = static_cast<int>(random.below(dim + 1));
    std::vector<double> x(horizon * dim), v(x.size()), error(x.size()), weights(horizon);
    std::vector<double> previous(static_cast<std::size_t>(rows * columns));
    for (auto* values : {&x, &v, &previous, &weights})
      for (auto& value : *values) value = random.uniform(-1, 1);
    const FlowMoment moment{random.uniform(), trial % 2 == 0 ? FlowDirection::noise_at_zero : FlowDirection::noise_at_one};
    const ChunkPrefix<double> prefix{previous, rows, columns};
    std::vector<double> once = v, twice = v;
    REQUIRE(rtc_guide<double>(x, prefix, weights, moment, 5, once) == Status::ok);
    REQUIRE(rtc_weighted_error<double>(x, v, prefix, weights, moment, error) == Status::ok);
    REQUIRE(rtc_apply_correction<double>(error, moment, 5, twice) == Status::ok);
    for (std::size_t i = 0; i < v.size(); ++i) CHECK(once[i] == doctest::Approx(twice[i]).epsilon(1e-12));
  }
}

TEST_CASE("rtc_guide: mirrored time gives the mirrored velocity") {
  const std::vector<double> x = {0.3, -0.2}, prev = {1.0, 0.5}, weights = {1.0};
  std::vector<double> forward = {0.7, -0.1}, backward = {-0.7, 0.1};
  const ChunkPrefix<double> prefix{prev, 1, 2};
  REQUIRE(rtc_guide<double>(x, prefix, weights, {0.3, FlowDirection::noise_at_zero}, 5, forward) == Status::ok);
  REQUIRE(rtc_guide<double>(x, prefix, weights, {0.7, FlowDirection::noise_at_one}, 5, backward) == Status::ok);
  for (std::size_t i = 0; i < 2; ++i) CHECK(forward[i] == doctest::Approx(-backward[i]).epsilon(1e-12));
}

TEST_CASE("rtc_guidance_weight: most at the noise, none at the action") {
  CHECK(rtc_guidance_weight(0, FlowDirection::noise_at_zero, 5) == 5);
  CHECK(rtc_guidance_weight(1, FlowDirection::noise_at_one, 5) == 5);
  CHECK(rtc_guidance_weight(1, FlowDirection::noise_at_zero, 5) == 0);
  CHECK(rtc_guidance_weight(0.5, FlowDirection::noise_at_zero, 5) == 2);
  CHECK(rtc_guidance_weight(std::nan(""), FlowDirection::noise_at_zero, 5) == 5);
}

TEST_CASE("real-time chunking: shapes that do not fit are refused") {
  const std::vector<float> x(12), small(11), weights(4);
  std::vector<float> v(12);
  const ChunkPrefix<float> prefix{x, 4, 3};
  const FlowMoment moment{0.5};
  CHECK(rtc_guide<float>(small, prefix, weights, moment, 5, v) == Status::bad_shape);
  CHECK(rtc_guide<float>(x, {x, 4, 4}, weights, moment, 5, v) == Status::bad_shape);
  CHECK(rtc_guide<float>(x, {std::span(x).first(10), 5, 2}, weights, moment, 5, v) == Status::bad_shape);
  CHECK(rtc_guide<float>(x, {{}, -1, 0}, weights, moment, 5, v) == Status::bad_shape);
  CHECK(rtc_guide<float>(x, prefix, {}, moment, 5, v) == Status::bad_shape);
  CHECK(rtc_guide<float>(x, {}, weights, moment, 5, v) == Status::ok);
  CHECK(rtc_overwrite_prefix(prefix, 5, 4, std::span(v)) == Status::bad_shape);
  CHECK(rtc_overwrite_prefix(prefix, -1, 4, std::span(v)) == Status::bad_shape);
}
