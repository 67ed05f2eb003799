// SPDX-License-Identifier: Apache-2.0
// Laws of attention, its masks, and caches of keys and values.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "sinew/testing/tensor_ops_case.hpp"

namespace sinew::testing::detail {

/// Sizes of an attention; batch 0 in `Sizes` of rank 3.
struct AttentionSizes {
  std::int64_t batch = 1, queries = 1, keys = 1, heads = 1, kv_heads = 1, dim = 1;
};

/// Whether query i of batch entry b sees key j, by each of the conditions that a mask names.
inline bool sees(const nn::Mask& mask, const AttentionSizes& s, std::int64_t b, std::int64_t i, std::int64_t j) {
  if (mask.causal && j > i + mask.offset) return false;
  if (!mask.valid.empty() &&
      mask.valid[static_cast<std::size_t>((static_cast<std::int64_t>(mask.valid.size()) == s.keys ? 0 : b * s.keys) + j)] == 0)
    return false;
  for (const std::int64_t bound : mask.segments)
    if ((i < bound) != (j < bound)) return false;
  return true;
}

/// Scores round dim + 2 times, which changes weights by as much relative to them; sums over keys round once for each key.
inline void attend_one(const AttentionSizes& s, const std::vector<std::span<const double>>& keys,
                       const std::vector<std::span<const double>>& values, std::span<const double> query, double scale,
                       const Rounding& rounding, Expected& out) {
  std::vector<double> weights;
  double most = -1e300, size = 0, sum = 0;
  for (const auto key : keys) {
    const Dot score = dot(query, key);
    weights.push_back(score.value * scale);
    most = std::max(most, weights.back());
    size = std::max(size, score.size * std::abs(scale));
  }
  for (double& weight : weights) sum += weight = std::exp(weight - most);
  for (std::int64_t d = 0; d < s.dim; ++d) {
    double value = 0, sizes = 0;
    for (std::size_t j = 0; j < keys.size(); ++j) {
      const double term = weights[j] / sum * values[j][static_cast<std::size_t>(d)];
      value += term;
      sizes += std::abs(term);
    }
    const double terms = 2 * (static_cast<double>(s.dim) + 4) * (size + 1) + static_cast<double>(keys.size()) + 8;
    out.add(value, rounding(sizes, terms, 4 * size + 4));
  }
}

inline Expected expected_attention(const AttentionSizes& s, const HostTensor& q, const HostTensor& k, const HostTensor& v,
                                   const nn::Attention& options, const Rounding& rounding) {
  Expected expected{.sizes = {s.batch, s.queries, s.heads * s.dim}, .values = {}, .bounds = {}};
  if (q.sizes.size() == 3) expected.sizes.erase(expected.sizes.begin());
  for (std::int64_t b = 0; b < s.batch; ++b)
    for (std::int64_t i = 0; i < s.queries; ++i)
      for (std::int64_t h = 0; h < s.heads; ++h) {
        std::vector<std::span<const double>> keys, values;
        for (std::int64_t j = 0; j < s.keys; ++j) {
          if (!sees(options.mask, s, b, i, j)) continue;
          const std::int64_t row = (b * s.keys + j) * s.kv_heads + h * s.kv_heads / s.heads;
          keys.push_back(k.row(row));
          values.push_back(v.row(row));
        }
        const auto query = q.row((b * s.queries + i) * s.heads + h);
        attend_one(s, keys, values, query, static_cast<double>(options.scale), rounding, expected);
      }
  return expected;
}

template <class Ops>
AttentionSizes random_attention(OpsCase<Ops>& c) {
  AttentionSizes s{
      .batch = c.size(3), .queries = c.size(9), .keys = c.size(14), .heads = 1, .kv_heads = 1 + c.below(3), .dim = 1 + c.below(40)};
  s.heads = s.kv_heads * (1 + c.below(4));
  return s;
}

template <class Ops>
void expect_attention(OpsCase<Ops>& c, const AttentionSizes& s, Layout layout, const nn::Mask& mask) {
  const bool batched = s.batch != 1 || c.coin();
  const auto input = [&](std::int64_t n, std::int64_t heads, Layout in) {
    Sizes sizes{n, heads, s.dim};
    if (batched) sizes.insert(sizes.begin(), s.batch);
    return c.input(sizes, batched || in != Layout::expanded ? in : Layout::heads, 2);
  };
  const auto q = input(s.queries, s.heads, layout == Layout::expanded ? Layout::heads : layout);
  const auto k = input(s.keys, s.kv_heads, layout), v = input(s.keys, s.kv_heads, layout);
  const nn::Attention options{.scale = static_cast<float>(c.random.uniform(0.1, 0.5)), .mask = mask};
  c.expect(c.ops.attention(q.tensor, k.tensor, v.tensor, options), expected_attention(s, q.host, k.host, v.host, options, c.rounding));
}

template <class Ops>
void check_attention(OpsCase<Ops>& c) {
  for_layouts(c, "attention", [&](Layout layout) { expect_attention(c, random_attention(c), layout, {}); });
  for_layouts(c, "causal attention", [&](Layout layout) {
    AttentionSizes s = random_attention(c);
    expect_attention(c, s, layout, {.causal = true, .offset = c.below(2 * s.keys + 3) - s.keys - 1});
    s.keys = s.queries;
    expect_attention(c, s, layout, {.causal = true});
  });
  for_layouts(c, "attention with hidden keys", [&](Layout layout) {
    const AttentionSizes s = random_attention(c);
    std::vector<std::uint8_t> valid(static_cast<std::size_t>(s.batch * s.keys));
    const std::int64_t one_in = 1 + c.below(3);  // of 1: no entry sees anything
    for (auto& seen : valid) seen = c.below(one_in) == 0 ? 0 : static_cast<std::uint8_t>(1 + c.below(255));
    expect_attention(c, s, layout, {.valid = valid});
    expect_attention(c, s, layout, {.causal = true, .offset = c.below(s.keys + 2) - 1, .valid = valid});
    const std::vector<std::uint8_t> shared(valid.begin(), valid.begin() + (s.batch > 0 ? s.keys : 0));
    expect_attention(c, s, layout, {.valid = shared});                                      // for every entry
    if (s.keys > 0) std::fill_n(valid.begin(), s.batch > 0 ? s.keys : 0, std::uint8_t{0});  // of the first entry
    expect_attention(c, s, layout, {.valid = valid});
  });
  for_layouts(c, "attention in segments", [&](Layout layout) {
    AttentionSizes s = random_attention(c);
    const std::int64_t count = 1 + c.below(4), length = 1 + c.below(6);
    std::vector<std::int64_t> equal{0}, unequal{0};
    for (std::int64_t i = 1; i <= count; ++i) {
      equal.push_back(i * length);
      unequal.push_back(unequal.back() + 1 + c.below(7));
    }
    s.queries = s.keys = equal.back();
    expect_attention(c, s, layout, {.segments = equal});
    s.queries = s.keys = unequal.back();
    expect_attention(c, s, layout, {.segments = unequal});
  });
  c.trial("attention (large)", [&] {  // enough for several threads
    const AttentionSizes s{.batch = 2, .queries = 45, .keys = 70, .heads = 6, .kv_heads = 3, .dim = 32};
    for (const Layout layout : kLayouts) expect_attention(c, s, layout, {});
    expect_attention(c, s, Layout::heads, {.causal = true, .offset = 25});
    const std::vector<std::int64_t> segments{0, 30, 45};
    expect_attention(c, {.batch = 1, .queries = 45, .keys = 45, .heads = 8, .kv_heads = 8, .dim = 64}, Layout::heads,
                     {.segments = segments});
  });
}

/// The rows of x behind those of `all`.
inline void append_rows(HostTensor& all, const HostTensor& x) {
  all.values.insert(all.values.end(), x.values.begin(), x.values.end());
  all.sizes[0] += x.sizes[0];
}
inline void keep_rows(HostTensor& all, std::int64_t count) {
  all.values.resize(static_cast<std::size_t>(count * all.sizes[1] * all.sizes[2]));
  all.sizes[0] = count;
}

template <class Ops>
void check_caches(OpsCase<Ops>& c) {
  for_layouts(c, "caches", [&](Layout layout) {
    const std::int64_t heads = 1 + c.below(3), dim = 1 + c.below(20), capacity = 5 + c.below(20);
    auto keys = c.ops.cache(capacity, heads, dim);
    HostTensor all{.sizes = {0, heads, dim}, .values = {}};
    c.expect_values(c.ops.contents(keys), exactly(all));
    for (int i = 0; i < 8; ++i) {
      const auto x = c.input({c.below(capacity / 2 + 1), heads, dim}, layout);
      const bool fits = all.sizes[0] + x.host.sizes[0] <= capacity;
      if (fits) {
        auto scope = c.ops.scope();  // what was appended outlives it
        c.ops.append(keys, x.tensor);
        append_rows(all, x.host);
      } else {
        c.expect_refused("more rows than the cache holds", [&] { c.ops.append(keys, x.tensor); });
        c.expect_values(c.ops.contents(keys), exactly(all));
        keep_rows(all, c.below(all.sizes[0] + 1));
        c.ops.truncate(keys, all.sizes[0]);
      }
      c.expect_values(c.ops.contents(keys), exactly(all));
    }
    c.expect_refused("a length beyond that of the cache", [&] { c.ops.truncate(keys, all.sizes[0] + 1); });
    c.expect_refused("a negative length", [&] { c.ops.truncate(keys, -1); });
    c.expect_refused("another number of heads", [&] { c.ops.append(keys, c.input({1, heads + 1, dim}).tensor); });
    c.expect_refused("another rank", [&] { c.ops.append(keys, c.input({1, heads * dim}).tensor); });
    c.expect_values(c.ops.contents(keys), exactly(all));
    const AttentionSizes s{.batch = 1, .queries = 2, .keys = all.sizes[0], .heads = 2 * heads, .kv_heads = heads, .dim = dim};
    const auto q = c.input({2, 2 * heads, dim}, layout == Layout::expanded ? Layout::dense : layout);
    const nn::Attention options{.scale = 0.3F, .mask = {.causal = true, .offset = s.keys - 2}};
    const auto contents = c.ops.contents(keys);
    c.expect(c.ops.attention(q.tensor, contents, contents, options), expected_attention(s, q.host, all, all, options, c.rounding));
  });
}

}  // namespace sinew::testing::detail
