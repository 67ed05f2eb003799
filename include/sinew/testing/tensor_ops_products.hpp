// SPDX-License-Identifier: Apache-2.0
// Laws of linear layers, look-ups, and rows that are gathered and scattered.
#pragma once

#include <algorithm>
#include <optional>

#include "sinew/testing/tensor_ops_case.hpp"

namespace sinew::testing::detail {

/// A linear layer with its numbers.
template <class Ops>
struct LinearCase {
  HostTensor weights;
  HostTensor bias;
  typename Ops::Matrix matrix;
  std::optional<typename Ops::Parameter> parameter{};

  LinearCase(OpsCase<Ops>& c, std::int64_t outputs, std::int64_t inputs, bool biased)
      : weights(c.numbers({outputs, inputs})), bias(c.numbers({outputs})), matrix(c.ops.matrix(c.rows(weights))) {
    if (biased) parameter = c.parameter(bias);
  }
  [[nodiscard]] const typename Ops::Parameter* optional_bias() const { return parameter ? &*parameter : nullptr; }

  /// `inputs + 2` roundings of partial sums; a backend of brain floats rounds the product, and the product with the bias.
  [[nodiscard]] Expected operator()(const HostTensor& x, const Rounding& rounding, nn::Activation activation = nn::Activation::none) const {
    Expected expected{.sizes = x.sizes, .values = {}, .bounds = {}};
    expected.sizes.back() = weights.sizes[0];
    for (std::int64_t r = 0; r < x.rows(); ++r)
      for (std::int64_t j = 0; j < weights.sizes[0]; ++j) {
        Dot sum = dot(x.row(r), weights.row(j));
        const double offset = parameter ? bias.values[static_cast<std::size_t>(j)] : 0;
        sum.value += offset;
        const double bound = rounding(sum.size + std::abs(offset), static_cast<double>(x.width()) + 2, 2);
        expected.add(activated(activation, sum.value), activated_bound(rounding, activation, sum.value, bound));
      }
    return expected;
  }
};

template <class Ops>
void check_linear(OpsCase<Ops>& c) {
  for_layouts(c, "linear", [&](Layout layout) {
    for (std::size_t i = 0; i < nn::kActivationCount; ++i) {
      Sizes sizes(static_cast<std::size_t>(1 + c.below(4)));
      for (auto& size : sizes) size = c.size(7);
      sizes.back() = 1 + c.below(90);
      const LinearCase<Ops> layer(c, 1 + c.below(70), sizes.back(), c.coin());
      const auto x = c.input(sizes, layout);
      c.expect(c.ops.linear(x.tensor, layer.matrix, layer.optional_bias(), kActivations[i]), layer(x.host, c.rounding, kActivations[i]));
    }
  });
  c.trial("linear (large)", [&] {  // enough for several threads
    const LinearCase<Ops> layer(c, 150, 200, true);
    for (const std::int64_t count : {1, 2, 3, 4, 5, 8, 31, 64, 100}) {
      const auto x = c.input({count, 200}, Layout::columns, 4);
      c.expect(c.ops.linear(x.tensor, layer.matrix, layer.optional_bias(), nn::Activation::gelu_tanh),
               layer(x.host, c.rounding, nn::Activation::gelu_tanh));
    }
  });
}

template <class Ops>
void check_add_linear(OpsCase<Ops>& c) {
  for_layouts(c, "add_linear_into", [&](Layout layout) {
    const std::int64_t n = c.size(6), m = c.size(5), inputs = 1 + c.below(60), outputs = 1 + c.below(40);
    const LinearCase<Ops> layer(c, outputs, inputs, c.coin());
    const auto x = c.input({n, m, inputs}, layout);
    const HostTensor before = c.numbers({n, m, outputs}, 4);
    const auto residual = c.computed(before);
    c.ops.add_linear_into(residual, x.tensor, layer.matrix, layer.optional_bias());
    Expected after = layer(x.host, c.rounding);
    for (std::size_t i = 0; i < after.values.size(); ++i) {
      after.values[i] += before.values[i];
      after.bounds[i] += c.rounding(std::abs(before.values[i]) + std::abs(after.values[i]), 2);
    }
    c.expect(residual, after);
  });
}

template <class Ops>
void check_embedding(OpsCase<Ops>& c) {
  for_layouts(c, "embedding", [&](Layout layout) {
    const std::int64_t rows = 1 + c.below(60), width = 1 + c.below(70);
    const HostTensor values = c.numbers({rows, width});
    const auto table = c.ops.table(c.rows(values));
    std::vector<std::int64_t> ids(static_cast<std::size_t>(c.size(40)));
    HostTensor expected{.sizes = {static_cast<std::int64_t>(ids.size()), width}, .values = {}};
    for (auto& id : ids) {
      id = c.below(rows);
      expected.values.insert(expected.values.end(), values.row(id).begin(), values.row(id).end());
    }
    c.expect(c.ops.embedding(table, ids), exactly(expected));
    const std::vector<std::int64_t> beyond{0, rows}, negative{-1};
    c.expect_refused("an id beyond the table", [&] { (void)c.ops.embedding(table, beyond); });
    c.expect_refused("a negative id", [&] { (void)c.ops.embedding(table, negative); });
    // The same matrix gives logits.
    const auto x = c.input({c.size(3), width}, layout);
    Expected logits{.sizes = {x.host.sizes[0], rows}, .values = {}, .bounds = {}};
    for (std::int64_t r = 0; r < x.host.sizes[0]; ++r)
      for (std::int64_t j = 0; j < rows; ++j) {
        const Dot sum = dot(x.host.row(r), values.row(j));
        logits.add(sum.value, c.rounding(sum.size, static_cast<double>(width) + 2));
      }
    c.expect(c.ops.linear(x.tensor, table, nullptr, nn::Activation::none), logits);
  });
}

template <class Ops>
void check_gather(OpsCase<Ops>& c) {
  for_layouts(c, "gather_rows", [&](Layout layout) {
    const std::int64_t n = 1 + c.below(9);
    const auto x = c.input({n, c.size(20)}, layout);
    std::vector<std::int64_t> rows(static_cast<std::size_t>(c.size(12)));
    HostTensor expected{.sizes = {static_cast<std::int64_t>(rows.size()), x.host.width()}, .values = {}};
    for (auto& row : rows) {
      row = c.below(n);
      expected.values.insert(expected.values.end(), x.host.row(row).begin(), x.host.row(row).end());
    }
    if (layout == Layout::dense)
      c.expect(c.ops.gather_rows(x.tensor, rows), exactly(expected));
    else
      c.expect_or_refused(exactly(expected), [&] { return c.ops.gather_rows(x.tensor, rows); });
    const std::vector<std::int64_t> beyond{0, n}, negative{-1};
    c.expect_refused("a row that does not exist", [&] { (void)c.ops.gather_rows(x.tensor, beyond); });
    c.expect_refused("a negative row", [&] { (void)c.ops.gather_rows(x.tensor, negative); });
  });
}

/// Rows that are added may come several times; of rows that are copied each comes once. A refusal leaves x as it was.
template <class Ops>
void check_scatter(OpsCase<Ops>& c, bool adds) {
  for_layouts(c, adds ? "add_rows_into" : "copy_rows_into", [&](Layout) {
    const std::int64_t n = 1 + c.below(9), width = c.size(20);
    const HostTensor before = c.numbers({n, width});
    const auto x = c.computed(before);
    std::vector<std::int64_t> rows(static_cast<std::size_t>(c.below(n + 1)));
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = adds ? c.below(n) : static_cast<std::int64_t>(rows.size() - i) - 1;
    const auto y = c.input({static_cast<std::int64_t>(rows.size()), width});
    const auto scatter = [&](std::span<const std::int64_t> to, const auto& from) {
      adds ? c.ops.add_rows_into(x, to, from) : c.ops.copy_rows_into(x, to, from);
    };
    const auto two = c.input({2, width});
    const std::vector<std::int64_t> beyond{0, n}, negative{0, -1}, one{0};
    c.expect_refused("a row that does not exist", [&] { scatter(beyond, two.tensor); });
    c.expect_refused("a negative row", [&] { scatter(negative, two.tensor); });
    c.expect_refused("more rows than places", [&] { scatter(one, two.tensor); });
    c.expect(x, exactly(before));
    scatter(rows, y.tensor);
    Expected after = exactly(before);
    for (std::size_t i = 0; i < rows.size(); ++i)
      for (std::int64_t j = 0; j < width; ++j) {
        const auto at = static_cast<std::size_t>(rows[i] * width + j);
        const double value = y.host.row(static_cast<std::int64_t>(i))[static_cast<std::size_t>(j)];
        after.values[at] = adds ? after.values[at] + value : value;
        after.bounds[at] = adds ? after.bounds[at] + c.rounding(static_cast<double>(i) + 2, 1) : 0;
      }
    c.expect(x, after);
  });
}

}  // namespace sinew::testing::detail
