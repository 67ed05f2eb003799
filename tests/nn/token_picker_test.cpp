// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/token_picker.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/testing/no_alloc.hpp"
#include "test_seed.hpp"

using namespace sinew;
using nn::PickOptions;
using nn::TokenPicker;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();
constexpr int kDraws = 20000;

/// Logits of such probabilities.
std::vector<float> logits_of(const std::vector<double>& probabilities) {
  std::vector<float> logits;
  for (const double p : probabilities) logits.push_back(static_cast<float>(std::log(p) + 3));
  return logits;
}

/// Draws agree with the probabilities to within 4.5 deviations.
void check_shares(PickOptions options, const std::vector<double>& probabilities, const std::map<std::int64_t, double>& expected) {
  const auto logits = logits_of(probabilities);
  options.seed = sinew::testing::seed();
  TokenPicker picker(options, static_cast<std::int64_t>(logits.size()));
  std::map<std::int64_t, int> counts;
  for (int i = 0; i < kDraws; ++i) ++counts[picker.pick(logits)];
  for (const auto& [token, count] : counts) CHECK(expected.contains(token));
  for (const auto& [token, share] : expected) {
    CAPTURE(token);
    CHECK(std::abs(counts[token] - share * kDraws) < 4.5 * std::sqrt(share * (1 - share) * kDraws) + 1);
  }
}

}  // namespace

TEST_CASE("token picker: without a temperature the largest, and of equal ones the first") {
  TokenPicker picker({}, 5);
  CHECK(picker.pick(std::vector<float>{1, 3, 2, 3, -1}) == 1);
  CHECK(picker.pick(std::vector<float>{kNan, -3, -kInfinity, kInfinity, -4}) == 1);
  CHECK(picker.pick(std::vector<float>{kNan, kNan, -kInfinity, kInfinity, kNan}) == -1);
  TokenPicker some({.allowed = {4, 2}}, 5);
  CHECK(some.pick(std::vector<float>{9, 9, 1, 9, 1}) == 2);
  CHECK(some.pick(std::vector<float>{9, 9, kNan, 9, -kInfinity}) == -1);
}

TEST_CASE("token picker: draws as often as the probabilities say") {
  const std::vector<double> p{0.1, 0.4, 0.2, 0.3};
  check_shares({.temperature = 1}, p, {{0, 0.1}, {1, 0.4}, {2, 0.2}, {3, 0.3}});
  SUBCASE("half the temperature squares them") {
    check_shares({.temperature = 0.5}, p, {{0, 0.01 / 0.3}, {1, 0.16 / 0.3}, {2, 0.04 / 0.3}, {3, 0.09 / 0.3}});
  }
  SUBCASE("top_k keeps the largest") { check_shares({.temperature = 1, .top_k = 2}, p, {{1, 0.4 / 0.7}, {3, 0.3 / 0.7}}); }
  SUBCASE("top_p keeps the fewest that reach it") {
    check_shares({.temperature = 1, .top_p = 0.65}, p, {{1, 0.4 / 0.7}, {3, 0.3 / 0.7}});
    check_shares({.temperature = 1, .top_p = 0.75}, p, {{1, 0.4 / 0.9}, {3, 0.3 / 0.9}, {2, 0.2 / 0.9}});
    check_shares({.temperature = 1, .top_p = 1e-9}, p, {{1, 1.0}});
  }
  SUBCASE("allowed tokens share what there is, however often they are named") {
    check_shares({.temperature = 1, .allowed = {3, 0}}, p, {{0, 0.25}, {3, 0.75}});
    check_shares({.temperature = 1, .allowed = {3, 0, 0, 0, 0}}, p, {{0, 0.25}, {3, 0.75}});
    check_shares({.temperature = 1, .top_k = 2, .allowed = {2, 1, 1}}, p, {{1, 0.4 / 0.6}, {2, 0.2 / 0.6}});
  }
}

TEST_CASE("token picker: the seed decides, large logits do not overflow, and no call takes memory") {
  const std::vector<float> logits{1e30F, 1e30F, -1e30F, 0};
  TokenPicker first({.temperature = 1e-3, .seed = 7}, 4), second({.temperature = 1e-3, .seed = 7}, 4);
  bool equal = true, likely = true;
  const sinew::testing::HeapCallCounter counter;
  for (int i = 0; i < 100; ++i) {
    const auto token = first.pick(logits);
    equal = equal && token == second.pick(logits);
    likely = likely && (token == 0 || token == 1);
  }
  CHECK(counter.count() == 0);
  CHECK(equal);
  CHECK(likely);
}

TEST_CASE("token picker: options outside their ranges are refused") {
  for (const PickOptions& options : {PickOptions{.temperature = -1}, PickOptions{.temperature = static_cast<double>(kNan)},
                                     PickOptions{.temperature = static_cast<double>(kInfinity)}, PickOptions{.top_k = -1},
                                     PickOptions{.top_p = 0}, PickOptions{.top_p = 1.1}, PickOptions{.top_p = static_cast<double>(kNan)},
                                     PickOptions{.allowed = {0, 5}}, PickOptions{.allowed = {-1}}})
    CHECK_THROWS_AS(TokenPicker(options, 5), Error);
}
