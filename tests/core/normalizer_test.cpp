// SPDX-License-Identifier: Apache-2.0
// Normalizer: the formula of its rule, its inverse, and what it refuses.
#include "sinew/core/normalizer.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "sinew/core/error.hpp"
#include "test_seed.hpp"

using namespace sinew;

namespace {
VectorStatistics quantiles(std::vector<double> q01, std::vector<double> q99) {
  VectorStatistics statistics;
  statistics.q01 = std::move(q01);
  statistics.q99 = std::move(q99);
  return statistics;
}
Normalizer qwen(std::vector<double> q01, std::vector<double> q99) {
  const std::size_t dim = q01.size();
  return {quantiles(std::move(q01), std::move(q99)), NormalizationMode::quantile, "qwen", dim};
}
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
}  // namespace

TEST_CASE("normalizer: quantile by rule qwen is 2 (x - q01) / (q99 - q01) - 1, clipped") {
  const auto normalizer = qwen({-1.0, 0.0}, {3.0, 0.08});
  std::vector<double> x{-1.0, 0.0, 3.0, 0.08, 1.0, 0.04, -7.0, 9.0, 0.0, 0.02};
  std::vector<float> y(x.size());
  REQUIRE(normalizer.forward(x, y) == Status::ok);
  const std::vector<float> expected{-1, -1, 1, 1, 0, 0, -1, 1, -0.5F, -0.5F};
  for (std::size_t i = 0; i < y.size(); ++i) CHECK(y[i] == doctest::Approx(expected[i]));
}

TEST_CASE("normalizer: forward agrees with the formula in extended precision, inverse undoes it inside the range") {
  sinew::testing::Random random(7);
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<double> q01(8);
    std::vector<double> q99(8);
    std::vector<double> x(24);
    for (std::size_t d = 0; d < 8; ++d) {
      q01[d] = random.uniform(-10, 10);
      q99[d] = q01[d] + std::exp(random.uniform(-8, 5));
    }
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = q01[i % 8] + random.uniform(-0.2, 1.2) * (q99[i % 8] - q01[i % 8]);
    const auto normalizer = qwen(q01, q99);
    std::vector<float> y(x.size());
    REQUIRE(normalizer.forward(x, y) == Status::ok);
    std::vector<double> back(x.size());
    REQUIRE(normalizer.inverse(y, back) == Status::ok);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const long double low = q01[i % 8];
      const long double range = static_cast<long double>(q99[i % 8]) - low;
      long double exact = 2 * (x[i] - low) / range - 1;
      exact = exact < -1 ? -1 : exact > 1 ? 1 : exact;
      CHECK(std::abs(static_cast<double>(y[i] - exact)) < 2e-7);
      const double inside = std::min(std::max(x[i], q01[i % 8]), q99[i % 8]);
      CHECK(std::abs(back[i] - inside) < 1e-7 * (1 + static_cast<double>(range)));
    }
  }
}

TEST_CASE("normalizer: a constant dimension maps to 0 and back to its constant, whatever came in") {
  const auto normalizer = qwen({0.25, 0.0}, {0.25, 1.0});
  std::vector<float> y(2);
  REQUIRE(normalizer.forward(std::vector<double>{17.0, 0.5}, y) == Status::ok);
  CHECK(y[0] == 0.0F);
  std::vector<double> x(2);
  REQUIRE(normalizer.inverse(std::vector<float>{0.7F, 0.0F}, x) == Status::ok);
  CHECK(x[0] == 0.25);
  CHECK(x[1] == 0.5);
}

TEST_CASE("normalizer: the identity changes nothing but the type") {
  const auto normalizer = Normalizer::identity(3);
  CHECK(normalizer.dim() == 3);
  std::vector<float> y(3);
  REQUIRE(normalizer.forward(std::vector<double>{-5.5, 0.0, 1e30}, y) == Status::ok);
  CHECK(y == std::vector<float>{-5.5F, 0.0F, 1e30F});
  std::vector<double> x(3);
  REQUIRE(normalizer.inverse(y, x) == Status::ok);
  CHECK(x[0] == -5.5);
}

TEST_CASE("normalizer: refuses sizes that do not fit") {
  const auto normalizer = qwen({0, 0}, {1, 1});
  std::vector<float> y(4);
  std::vector<double> x(4);
  CHECK(normalizer.forward(std::vector<double>(3), std::span(y).first(3)) == Status::bad_shape);
  CHECK(normalizer.forward(std::vector<double>(2), y) == Status::bad_shape);
  CHECK(normalizer.inverse(std::vector<float>(3), std::span(x).first(3)) == Status::bad_shape);
  CHECK(normalizer.inverse(std::vector<float>(2), x) == Status::bad_shape);
  CHECK(normalizer.forward(std::span<const double>(), {}) == Status::ok);
}

TEST_CASE("normalizer: no NaN, no infinity and no float overflow gets through, in any dimension") {
  std::vector<float> y(2);
  std::vector<double> x(2);
  for (const auto& normalizer : {qwen({0.25, 0}, {0.25, 1}), Normalizer::identity(2)}) {
    for (const double bad : {kNan, HUGE_VAL, -HUGE_VAL}) {
      CHECK(normalizer.forward(std::vector<double>{bad, 0}, y) == Status::not_finite);
      CHECK(normalizer.forward(std::vector<double>{0, bad}, y) == Status::not_finite);
      CHECK(normalizer.inverse(std::vector<float>{static_cast<float>(bad), 0}, x) == Status::not_finite);
      CHECK(normalizer.inverse(std::vector<float>{0, static_cast<float>(bad)}, x) == Status::not_finite);
    }
  }
  CHECK(Normalizer::identity(2).forward(std::vector<double>{1e39, 0}, y) == Status::out_of_range);
}

TEST_CASE("normalizer: refuses statistics that are missing, of another length, not finite or reversed") {
  const auto refusal = [](const VectorStatistics& statistics, const std::string& rule = "qwen") {
    try {
      const Normalizer normalizer(statistics, NormalizationMode::quantile, rule, 2);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  CHECK(refusal(quantiles({0, 0}, {1, 1})) == "accepted");
  CHECK(refusal({}) == "[Normalizer] statistics 'q01': expected 2 values, got none");
  CHECK(refusal(quantiles({0, 0}, {1})) == "[Normalizer] statistics 'q99': expected 2 values, got 1");
  CHECK(refusal(quantiles({0, kNan}, {1, 1})) == "[Normalizer] statistics 'q01': expected finite values, got nan");
  CHECK(refusal(quantiles({0, 2}, {1, 1})) == "[Normalizer] statistics of dimension 1: expected q01 <= q99, got 2 > 1");
  CHECK(refusal(quantiles({0, -1e308}, {1, 1e308})).starts_with("[Normalizer] statistics of dimension 1: expected a finite range"));
  CHECK(refusal(quantiles({0, 0}, {1, 1}), "openpy") ==
        "[Normalizer] rule: expected one of lerobot, openpi, openvla, oft, starvla, qwen, groot, got \"openpy\" (did you mean 'openpi'?)");
}

TEST_CASE("make_normalizer: a missing key is never an identity, and the message lists what there is") {
  Statistics statistics;
  statistics["observation.state"] = quantiles({0}, {1});
  statistics["action"] = quantiles({0}, {2});
  const NormalizationCard card{NormalizationMode::quantile, "qwen", "action"};
  std::vector<double> x(1);
  REQUIRE(make_normalizer(card, statistics, 1, "card").inverse(std::vector<float>{1}, x) == Status::ok);
  CHECK(x[0] == 2.0);
  CHECK_THROWS_WITH_AS(
      static_cast<void>(make_normalizer({NormalizationMode::quantile, "qwen", "actions"}, statistics, 1, "card")),
      "[card] statistics key 'actions': expected one of action, observation.state, got no such key (did you mean 'action'?)", Error);
  CHECK_THROWS_WITH_AS(static_cast<void>(make_normalizer(card, {}, 1, "card")),
                       "[card] statistics key 'action': expected statistics, got no such key", Error);
  CHECK(make_normalizer({}, {}, 5, "card").dim() == 5);
}
