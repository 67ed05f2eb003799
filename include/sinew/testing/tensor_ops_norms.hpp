// SPDX-License-Identifier: Apache-2.0
// Laws of norms and rotary embeddings.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>

#include "sinew/testing/tensor_ops_case.hpp"
#include "sinew/testing/tensor_ops_views.hpp"

namespace sinew::testing::detail {

/// A row without its mean, divided by its deviation, and how far each number may be off.
struct NormedRow {
  std::vector<double> values;
  std::vector<double> bounds;
};

/// Sums of w numbers round w times; the deviation of a row whose numbers hardly differ suffers from what the mean is off.
inline NormedRow normed(std::span<const double> x, double eps, const Rounding& rounding) {
  const auto width = static_cast<double>(x.size());
  double mean = 0, variance = 0, largest = 0, farthest = 0;
  for (const double value : x) {
    mean += value / width;
    largest = std::max(largest, std::abs(value));
  }
  for (const double value : x) {
    variance += (value - mean) * (value - mean) / width;
    farthest = std::max(farthest, std::abs(value - mean));
  }
  const double deviation = std::sqrt(variance + eps);
  const Rounding sums{};  // in f32 whatever the dtype
  const double of_difference = sums(largest, width + 2), of_variance = 2 * farthest * of_difference + sums(variance + eps, width + 4);
  NormedRow row;
  for (const double value : x) {
    const double y = (value - mean) / deviation;
    row.values.push_back(y);
    row.bounds.push_back(of_difference / deviation + std::abs(y) * of_variance / (deviation * deviation) + rounding(std::abs(y), 4));
  }
  return row;
}

/// `weight(row, i)` and `bias(row, i)` of the normalised rows of x.
template <class Weight, class Bias>
Expected expected_norm(const HostTensor& x, double eps, const Rounding& rounding, const Weight& weight, const Bias& bias) {
  Expected expected{.sizes = x.sizes, .values = {}, .bounds = {}};
  for (std::int64_t r = 0; r < x.rows(); ++r) {
    const NormedRow row = normed(x.row(r), eps, rounding);
    for (std::size_t i = 0; i < row.values.size(); ++i) {
      const double w = weight(r, i), b = bias(r, i), value = row.values[i] * w + b;
      expected.add(value, row.bounds[i] * std::abs(w) + rounding(std::abs(row.values[i] * w) + std::abs(b), 3, 3));
    }
  }
  return expected;
}

template <class Ops>
void check_layer_norm(OpsCase<Ops>& c) {
  constexpr float kEps = 1e-5F;
  for_layouts(c, "layer_norm", [&](Layout layout) {
    for (int form = 0; form < 4; ++form) {
      const Sizes sizes = c.below(4) == 0 ? Sizes{3, 1 + c.below(400)} : random_sizes(c);
      const auto x = c.input(sizes, layout, 2);
      const HostTensor w = c.numbers({sizes.back()}, 2), b = c.numbers({sizes.back()}, 2);
      const auto weight = c.parameter(w), bias = c.parameter(b);
      const bool weighted = form % 2 == 1, biased = form > 1;
      c.expect(c.ops.layer_norm(x.tensor, weighted ? &weight : nullptr, biased ? &bias : nullptr, kEps),
               expected_norm(
                   x.host, static_cast<double>(kEps), c.rounding, [&](std::int64_t, std::size_t i) { return weighted ? w.values[i] : 1; },
                   [&](std::int64_t, std::size_t i) { return biased ? b.values[i] : 0; }));
    }
  });
}

template <class Ops>
void check_rms_norm(OpsCase<Ops>& c) {
  constexpr float kEps = 1e-6F;
  for_layouts(c, "rms_norm", [&](Layout layout) {
    const Sizes sizes = c.below(4) == 0 ? Sizes{3, 1 + c.below(400)} : random_sizes(c);
    const auto x = c.input(sizes, layout, 2);
    const HostTensor w = c.numbers({sizes.back()}, 2);
    const auto weight = c.parameter(w);
    Expected expected{.sizes = sizes, .values = {}, .bounds = {}};
    for (std::int64_t r = 0; r < x.host.rows(); ++r) {
      const auto row = x.host.row(r);
      const double width = static_cast<double>(row.size()), size = std::sqrt(dot(row, row).value / width + static_cast<double>(kEps));
      for (std::size_t i = 0; i < row.size(); ++i) {
        const double value = row[i] / size * w.values[i];
        expected.add(value, c.rounding(std::abs(value), width / 2 + 6, 2));
      }
    }
    c.expect(c.ops.rms_norm(x.tensor, weight, kEps), expected);
  });
}

template <class Ops>
void check_modulated_norm(OpsCase<Ops>& c) {
  constexpr float kEps = 1e-6F;
  for_layouts(c, "modulated_norm", [&](Layout layout) {
    const std::int64_t batch = c.size(4), n = c.size(6), width = c.size(80);
    const auto x = c.input({batch, n, width}, Layout::dense, 2);
    // Scale and shift are the same for all of a batch where they depend on nothing but the time.
    const auto scale = c.input({batch, width}, layout == Layout::expanded ? layout : Layout::dense);
    const auto shift = c.input({batch, width}, layout == Layout::expanded ? layout : Layout::dense);
    const auto of = [&](const HostTensor& y, std::int64_t r, std::size_t i) { return y.row(r / std::max<std::int64_t>(n, 1))[i]; };
    c.expect(c.ops.modulated_norm(x.tensor, scale.tensor, shift.tensor, kEps),
             expected_norm(
                 x.host, static_cast<double>(kEps), c.rounding, [&](std::int64_t r, std::size_t i) { return 1 + of(scale.host, r, i); },
                 [&](std::int64_t r, std::size_t i) { return of(shift.host, r, i); }));
  });
}

template <class Ops>
void check_rope(OpsCase<Ops>& c) {
  for_layouts(c, "rope", [&](Layout layout) {
    const std::int64_t n = c.size(7), heads = c.size(5), half = c.size(20), dim = 2 * half + (c.coin() ? 0 : c.below(20));
    const auto x = c.input({n, heads, dim}, layout);
    const auto cos = c.input({n, 2 * half}), sin = c.input({n, 2 * half});
    Expected expected{.sizes = x.host.sizes, .values = {}, .bounds = {}};
    for (std::int64_t r = 0; r < n * heads; ++r) {
      const auto row = x.host.row(r), turn = cos.host.row(r / heads), lean = sin.host.row(r / heads);
      for (std::int64_t i = 0; i < dim; ++i) {
        const auto at = static_cast<std::size_t>(i);
        if (i >= 2 * half) {
          expected.add(row[at], 0);
          continue;
        }
        const double other = i < half ? -row[static_cast<std::size_t>(i + half)] : row[static_cast<std::size_t>(i - half)];
        expected.add(row[at] * turn[at] + other * lean[at], c.rounding(std::abs(row[at] * turn[at]) + std::abs(other * lean[at]), 3));
      }
    }
    c.expect(c.ops.rope(x.tensor, cos.tensor, sin.tensor), expected);
  });
}

template <class Ops>
void check_transform(OpsCase<Ops>& c) {
  for_layouts(c, "transform", [&](Layout layout) {
    const std::int64_t n = c.size(7), heads = c.size(5), dim = 4 * c.size(9);
    const auto x = c.input({n, heads, dim}, layout);
    const auto matrices = c.input({n, 4, 4});
    Expected expected{.sizes = x.host.sizes, .values = {}, .bounds = {}};
    for (std::int64_t r = 0; r < n * heads; ++r)
      for (std::int64_t i = 0; i < dim; ++i) {
        const auto from = x.host.row(r).subspan(static_cast<std::size_t>(i - i % 4), 4), row = matrices.host.row(r / heads * 4 + i % 4);
        double sum = 0, sizes = 0;
        for (std::size_t j = 0; j < 4; ++j) {
          sum += row[j] * from[j];
          sizes += std::abs(row[j] * from[j]);
        }
        expected.add(sum, c.rounding(sizes, 8));
      }
    c.expect(c.ops.transform(x.tensor, matrices.tensor), expected);
  });
}

}  // namespace sinew::testing::detail
