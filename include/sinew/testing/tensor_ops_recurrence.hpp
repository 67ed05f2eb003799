// SPDX-License-Identifier: Apache-2.0
// Laws of recurrences: causal convolution and the gated delta rule, whole and in parts.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "sinew/testing/tensor_ops_case.hpp"
#include "sinew/testing/tensor_ops_views.hpp"

namespace sinew::testing::detail {

/// Calls body(first, count) for parts of [0, n), some of one row.
template <class Ops, class Body>
void in_parts(OpsCase<Ops>& c, std::int64_t n, const Body& body) {
  for (std::int64_t first = 0; first < n;) {
    const std::int64_t count = c.coin() ? n - first : c.coin() ? 1 : 1 + c.below(n - first);
    body(first, count);
    first += count;
  }
}

/// The rows of `whole`, from `first`.
inline Expected rows_of(const Expected& whole, std::int64_t first, std::int64_t count) {
  const std::int64_t row = product_of(std::span(whole.sizes).subspan(1));
  const auto part = [&](const std::vector<double>& x) {
    return std::vector<double>(x.begin() + first * row, x.begin() + (first + count) * row);
  };
  Expected expected{.sizes = whole.sizes, .values = part(whole.values), .bounds = part(whole.bounds)};
  expected.sizes[0] = count;
  return expected;
}

template <class Ops>
void check_causal_conv(OpsCase<Ops>& c) {
  for_layouts(c, "causal_conv", [&](Layout layout) {
    const std::int64_t n = c.size(12), width = 1 + c.below(40), taps = 1 + c.below(c.coin() ? 5 : 16);
    const auto x = c.input({n, width}, layout, 2);
    const HostTensor w = c.numbers({taps, width});
    const auto weight = c.parameter(w);
    const auto activation = kActivations[static_cast<std::size_t>(c.below(nn::kActivationCount))];
    Expected whole{.sizes = {n, width}, .values = {}, .bounds = {}};
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t j = 0; j < width; ++j) {
        Dot sum;
        for (std::int64_t tap = std::max<std::int64_t>(0, taps - 1 - i); tap < taps; ++tap) {
          const double term = x.host.row(i - taps + 1 + tap)[static_cast<std::size_t>(j)] * w.row(tap)[static_cast<std::size_t>(j)];
          sum.value += term;
          sum.size += std::abs(term);
        }
        const double bound = c.rounding(sum.size, static_cast<double>(taps) + 2);
        whole.add(activated(activation, sum.value), activated_bound(c.rounding, activation, sum.value, bound));
      }
    auto state = c.ops.state(Shape{taps - 1, width});
    for (int round = 0; round < 2; ++round) {  // the second after what was left of the first has been cleared
      in_parts(c, n, [&](std::int64_t first, std::int64_t count) {
        c.expect(c.ops.causal_conv(state, c.ops.slice(x.tensor, 0, first, first + count), weight, activation),
                 rows_of(whole, first, count));
      });
      c.ops.clear(state);
    }
  });
}

template <class Ops>
void check_log_decay(OpsCase<Ops>& c) {
  for_layouts(c, "log_decay", [&](Layout layout) {
    const auto x = c.input({c.size(9), c.size(12)}, layout, c.coin() ? 4 : 60);
    const HostTensor r = c.numbers({x.host.width()}, 16), b = c.numbers({x.host.width()}, 4);
    Expected expected{.sizes = x.host.sizes, .values = {}, .bounds = {}};
    for (std::int64_t i = 0; i < x.host.rows(); ++i)
      for (std::size_t h = 0; h < r.values.size(); ++h) {
        const double sum = x.host.row(i)[h] + b.values[h], soft = std::max(sum, 0.0) + std::log1p(std::exp(-std::abs(sum)));
        const double argument = Rounding{}(std::abs(x.host.row(i)[h]) + std::abs(b.values[h]), 1);
        // In f32 whatever the dtype; ATen takes the argument for the result from 20 on.
        expected.add(-r.values[h] * soft, std::abs(r.values[h]) * (argument * std::min(1.0, soft) + Rounding{}(soft, 6) + 3e-9));
      }
    c.expect(c.ops.log_decay(x.tensor, c.parameter(r), c.parameter(b)), expected);
  });
}

/// Tokens, heads and sizes of a delta rule.
struct DeltaSizes {
  std::int64_t n = 0, key_heads = 1, heads = 1, key_dim = 1, dim = 1;
};

/// Keys are no longer than 1 and beta is within 0 and 1: an error in S never grows, in the norm of a column. Each token rounds products of
/// key_dim terms with S and a value; chunks solve small systems that add to that, hence the factor.
inline Expected expected_delta(const DeltaSizes& s, const HostTensor& q, const HostTensor& k, const HostTensor& v, const HostTensor& decay,
                               const HostTensor& beta, const Rounding& rounding) {
  constexpr double kSafety = 8;
  Expected expected{.sizes = {s.n, s.heads * s.dim},
                    .values = std::vector<double>(static_cast<std::size_t>(s.n * s.heads * s.dim)),
                    .bounds = std::vector<double>(static_cast<std::size_t>(s.n * s.heads * s.dim))};
  const auto key_dim = static_cast<std::size_t>(s.key_dim);
  for (std::int64_t h = 0; h < s.heads; ++h)
    for (std::int64_t d = 0; d < s.dim; ++d) {
      std::vector<double> column(key_dim, 0.0);
      double error = 0;
      for (std::int64_t i = 0; i < s.n; ++i) {
        const auto key = k.row(i * s.key_heads + h * s.key_heads / s.heads), query = q.row(i * s.key_heads + h * s.key_heads / s.heads);
        const double factor = std::exp(decay.row(i)[static_cast<std::size_t>(h)]), rate = beta.row(i)[static_cast<std::size_t>(h)];
        for (double& entry : column) entry *= factor;
        const double value = v.row(i * s.heads + h)[static_cast<std::size_t>(d)], change = rate * (value - dot(key, column).value);
        const double size = std::sqrt(dot(column, column).value) + std::abs(value);
        for (std::size_t r = 0; r < key_dim; ++r) column[r] += key[r] * change;
        error = error * factor + Rounding{}(size, kSafety * (static_cast<double>(s.key_dim) + 8));
        const double length = std::sqrt(dot(query, query).value);
        const auto at = static_cast<std::size_t>((i * s.heads + h) * s.dim + d);
        expected.values[at] = dot(query, column).value;
        expected.bounds[at] = length * error + rounding(length * std::sqrt(dot(column, column).value), static_cast<double>(s.key_dim) + 8);
      }
    }
  return expected;
}

template <class Ops>
void check_delta_rule(OpsCase<Ops>& c) {
  for_layouts(c, "delta_rule", [&](Layout layout) {
    const bool large = c.below(3) == 0;  // several chunks of 64 tokens
    DeltaSizes s{.n = large ? 60 + c.below(90) : c.size(9),
                 .key_heads = 1 + c.below(3),
                 .heads = 1,
                 .key_dim = 1 + c.below(40),
                 .dim = 1 + c.below(large ? 20 : 150)};
    s.heads = s.key_heads * (1 + c.below(3));
    const Layout in = layout == Layout::expanded ? Layout::heads : layout;
    const double range = 1 / std::sqrt(static_cast<double>(s.key_dim));  // |k| is at most 1
    const auto q = c.input({s.n, s.key_heads, s.key_dim}, in, range), k = c.input({s.n, s.key_heads, s.key_dim}, in, range);
    const auto v = c.input({s.n, s.heads, s.dim}, in, 2);
    HostTensor falls = c.numbers({s.n, s.heads}, c.coin() ? 0.2 : 40), rates = c.numbers({s.n, s.heads});
    for (double& value : falls.values) value = -std::abs(value);
    for (double& value : rates.values) value = std::abs(value);
    const auto decay = c.upload(falls), beta = c.upload(rates);
    const Expected whole = expected_delta(s, q.host, k.host, v.host, falls, rates, c.rounding);
    auto state = c.ops.state(Shape{s.heads, s.key_dim, s.dim});
    for (int round = 0; round < 2; ++round) {  // the second after what was left of the first has been cleared
      in_parts(c, s.n, [&](std::int64_t first, std::int64_t count) {
        const auto of = [&](const auto& x) { return c.ops.slice(x, 0, first, first + count); };
        c.expect(c.ops.delta_rule(state, of(q.tensor), of(k.tensor), of(v.tensor), of(decay), of(beta)), rows_of(whole, first, count));
      });
      c.ops.clear(state);
    }
  });
}

template <class Ops>
void check_recurrence_refusals(OpsCase<Ops>& c) {
  c.trial("recurrences", [&] {
    const auto tensor = [&](const Sizes& sizes) { return c.input(sizes).tensor; };
    auto conv = c.ops.state(Shape{3, 6});
    const auto refused_conv = [&](std::string_view what, auto& state, const Sizes& x, const Sizes& w) {
      const auto weight = c.parameter(c.numbers(w));
      const auto in = tensor(x);
      c.expect_refused(what, [&] { (void)c.ops.causal_conv(state, in, weight, nn::Activation::none); });
    };
    refused_conv("a convolution of rank 3", conv, {2, 1, 6}, {4, 6});
    refused_conv("another width of rows", conv, {2, 5}, {4, 6});
    refused_conv("another width of weights", conv, {2, 6}, {4, 5});
    refused_conv("more taps than the state has rows for", conv, {2, 6}, {5, 6});
    refused_conv("fewer taps", conv, {2, 6}, {3, 6});
    auto many = c.ops.state(Shape{16, 6});
    refused_conv("17 taps", many, {2, 6}, {17, 6});

    auto rule = c.ops.state(Shape{4, 5, 7});
    const auto refused = [&](std::string_view what, const Sizes& q, const Sizes& k, const Sizes& v, const Sizes& decay, const Sizes& beta) {
      const auto a = tensor(q), b = tensor(k), d = tensor(v), e = tensor(decay), f = tensor(beta);
      c.expect_refused(what, [&] { (void)c.ops.delta_rule(rule, a, b, d, e, f); });
    };
    const Sizes key{3, 2, 5}, value{3, 4, 7}, gate{3, 4};
    refused("queries of another size", {3, 2, 4}, key, value, gate, gate);
    refused("fewer keys than queries", key, {2, 2, 5}, value, gate, gate);
    refused("fewer values than keys", key, key, {2, 4, 7}, gate, gate);
    refused("four heads on three", {3, 3, 5}, {3, 3, 5}, value, gate, gate);
    refused("no key head", {3, 0, 5}, {3, 0, 5}, value, gate, gate);
    refused("values of another size", key, key, {3, 4, 6}, gate, gate);
    refused("keys of another size than the state's", {3, 2, 6}, {3, 2, 6}, value, gate, gate);
    refused("fewer heads than the state", key, key, {3, 2, 7}, {3, 2}, {3, 2});
    refused("a decay of another size", key, key, value, {3, 2}, gate);
    refused("a beta of another size", key, key, value, gate, {2, 4});
    refused("rank 2", {3, 5}, {3, 5}, value, gate, gate);

    const auto heads = c.parameter(c.numbers({4})), fewer = c.parameter(c.numbers({3}));
    const auto x = tensor(gate), cube = tensor({1, 3, 4});
    c.expect_refused("a rate of fewer heads", [&] { (void)c.ops.log_decay(x, fewer, heads); });
    c.expect_refused("a bias of fewer heads", [&] { (void)c.ops.log_decay(x, heads, fewer); });
    c.expect_refused("a log_decay of rank 3", [&] { (void)c.ops.log_decay(cube, heads, heads); });

    // Nothing has changed: zeros in the states give zeros.
    const HostTensor none{.sizes = {1, 2, 5}, .values = std::vector<double>(10, 0.0)}, nil{.sizes = {1, 4}, .values = {0, 0, 0, 0}};
    const HostTensor still{.sizes = {1, 4, 7}, .values = std::vector<double>(28, 0.0)};
    const auto q = c.input({1, 2, 5}).tensor;
    HostTensor zeros{.sizes = {1, 28}, .values = std::vector<double>(28, 0.0)};
    c.expect_values(c.ops.delta_rule(rule, q, c.upload(none), c.upload(still), c.upload(nil), c.upload(nil)), exactly(zeros));
  });
}

}  // namespace sinew::testing::detail
