// SPDX-License-Identifier: Apache-2.0
// Medians and Savitzky-Golay against plain sorting and a least-squares fit; python/tests/test_curate.py judges what they are for.
#include "sinew/data/smoothing.hpp"

#include <doctest/doctest.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>

#include "sinew/core/error.hpp"
#include "test_seed.hpp"

using namespace sinew;

namespace {

std::vector<double> noise(std::size_t size, std::uint64_t stream) {
  testing::Random random(stream);
  std::vector<double> values(size);
  for (double& value : values) value = random.uniform(-1, 1);
  return values;
}

}  // namespace

TEST_CASE("smoothing: a running median is the middle of its sorted window, mirrored at the ends") {
  for (const int window : {1, 3, 5, 9}) {
    const auto values = noise(40, static_cast<std::uint64_t>(window));
    const auto filtered = median_filter(values, window);
    for (int i = 0; i < 40; ++i) {
      std::vector<double> sorted;
      for (int k = i - window / 2; k <= i + window / 2; ++k)
        sorted.push_back(values[static_cast<std::size_t>(k < 0 ? -k : k > 39 ? 78 - k : k)]);
      std::sort(sorted.begin(), sorted.end());
      CHECK(filtered[static_cast<std::size_t>(i)] == sorted[static_cast<std::size_t>(window / 2)]);
    }
  }
  CHECK_THROWS_AS((void)median_filter(noise(9, 1), 4), Error);
  CHECK(median_filter(std::vector<double>{}, 3).empty());
}

TEST_CASE("smoothing: Savitzky-Golay is the value of the polynomial that fits the window best") {
  for (const int window : {3, 5, 11})
    for (const int order : {0, 1, 2, 3}) {
      if (order >= window) continue;
      const auto values = noise(30, static_cast<std::uint64_t>(10 * window + order));
      const auto smooth = savitzky_golay(values, window, order);
      for (int i = 0; i < 30; ++i) {
        const int first = std::clamp(i - window / 2, 0, 30 - window);
        Eigen::MatrixXd powers(window, order + 1);
        Eigen::VectorXd seen(window);
        for (int k = 0; k < window; ++k) {
          seen[k] = values[static_cast<std::size_t>(first + k)];
          for (int p = 0; p <= order; ++p) powers(k, p) = std::pow(first + k - i, p);
        }
        const double expected = powers.householderQr().solve(seen)[0];
        CHECK(smooth[static_cast<std::size_t>(i)] == doctest::Approx(expected).epsilon(1e-10));
      }
    }
  CHECK_THROWS_AS((void)savitzky_golay(noise(9, 1), 4, 2), Error);
  CHECK_THROWS_AS((void)savitzky_golay(noise(9, 1), 5, 5), Error);
  CHECK_THROWS_AS((void)savitzky_golay(noise(9, 1), 5, -1), Error);
}

TEST_CASE("smoothing: quantiles lie linearly between their neighbours; gaps are bridged") {
  CHECK(quantile({3, 1, 2}, 0.5) == 2);
  CHECK(quantile({4, 1, 3, 2}, 0.25) == 1.75);
  CHECK(std::isnan(quantile({}, 0.5)));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(bridge_gaps(std::vector<double>{nan, 1, nan, nan, 4, nan}) == std::vector<double>{1, 1, 2, 3, 4, 4});
  CHECK(bridge_gaps(std::vector<double>{nan, nan}) == std::vector<double>{0, 0});
}
