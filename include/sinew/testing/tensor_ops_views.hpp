// SPDX-License-Identifier: Apache-2.0
// Laws of views, copies and scopes.
#pragma once

#include <algorithm>
#include <array>

#include "sinew/testing/tensor_ops_case.hpp"

namespace sinew::testing::detail {

/// Sizes of a tensor of random rank, at least `least`.
template <class Ops>
Sizes random_sizes(OpsCase<Ops>& c, std::int64_t least = 1, std::int64_t most = 4) {
  Sizes sizes(static_cast<std::size_t>(least + c.below(most - least + 1)));
  for (auto& size : sizes) size = c.size(9);
  return sizes;
}

/// The part [begin, end) of an axis.
inline HostTensor sliced(const HostTensor& x, std::size_t axis, std::int64_t begin, std::int64_t end) {
  HostTensor part{.sizes = x.sizes, .values = {}};
  part.sizes[axis] = end - begin;
  visit_base(
      {.sizes = x.sizes, .axis = axis, .begin = begin}, end - begin, [&](std::size_t i) { part.values.push_back(x.values[i]); },
      [](std::size_t) {});
  return part;
}

template <class Ops>
void check_copies(OpsCase<Ops>& c) {
  for_layouts(c, "download", [&](Layout layout) {
    const auto x = c.input(random_sizes(c), layout);
    c.expect_values(x.tensor, exactly(x.host));
    for (std::size_t axis = 0; axis < x.host.sizes.size(); ++axis)
      if (x.tensor.size(static_cast<std::int64_t>(axis)) != x.host.sizes[axis]) c.report("size() is not that of shape()");
  });
  for_layouts(c, "copy", [&](Layout layout) {
    const auto x = c.input(random_sizes(c), layout);
    const auto copy = c.ops.copy(x.tensor);
    c.expect(copy, exactly(x.host));
    c.ops.add_into(copy, c.ops.copy(copy), 1);  // is seen when it reaches x
  });
  for_layouts(c, "view of a parameter", [&](Layout) {
    const HostTensor values = c.numbers(random_sizes(c));
    const auto parameter = c.parameter(values);
    c.expect(c.ops.view(parameter), exactly(values));
  });
  for_layouts(c, "copy_into", [&](Layout layout) {
    const auto y = c.input(random_sizes(c), layout);
    Layout place = kLayouts[c.below(4)];  // an expanded view cannot be written
    const Base base = base_of(y.host.sizes, place, c.random);
    HostTensor all = c.numbers(base.sizes);
    const auto whole = c.computed(all);
    const std::int64_t begin = base.begin, count = y.host.sizes[base.axis];
    c.ops.copy_into(c.ops.slice(whole, static_cast<std::int64_t>(base.axis), begin, begin + count), y.tensor);
    std::size_t next = 0;
    visit_base(base, count, [&](std::size_t i) { all.values[i] = y.host.values[next++]; }, [](std::size_t) {});
    c.expect_values(whole, exactly(all));
  });
}

template <class Ops>
void check_concat(OpsCase<Ops>& c) {
  for_layouts(c, "concat", [&](Layout layout) {
    const Sizes sizes = random_sizes(c);
    const auto axis = static_cast<std::size_t>(c.below(static_cast<std::int64_t>(sizes.size())));
    const std::int64_t outer = product_of(std::span(sizes).first(axis));
    const auto part = [&](Layout in) {
      Sizes mine = sizes;
      mine[axis] = c.size(5);
      return c.input(mine, in);
    };
    const std::array parts{part(layout), part(Layout::dense), part(layout)};
    HostTensor joined{.sizes = sizes, .values = {}};
    joined.sizes[axis] = 0;
    for (const auto& one : parts) joined.sizes[axis] += one.host.sizes[axis];
    for (std::int64_t i = 0; i < outer; ++i)
      for (const auto& one : parts) {
        const auto run = static_cast<std::ptrdiff_t>(one.host.values.size()) / std::max<std::int64_t>(outer, 1);
        joined.values.insert(joined.values.end(), one.host.values.begin() + i * run, one.host.values.begin() + (i + 1) * run);
      }
    const auto at = static_cast<std::int64_t>(axis);
    c.expect(c.ops.concat(at, {parts[0].tensor, parts[1].tensor, parts[2].tensor}), exactly(joined));
    c.expect(c.ops.concat(at, {parts[0].tensor}), exactly(parts[0].host));
  });
}

template <class Ops>
void check_views(OpsCase<Ops>& c) {
  for_layouts(c, "slice", [&](Layout layout) {
    const auto x = c.input(random_sizes(c), layout);
    const auto axis = static_cast<std::size_t>(c.below(static_cast<std::int64_t>(x.host.sizes.size())));
    const std::int64_t begin = c.below(x.host.sizes[axis] + 1), end = begin + c.below(x.host.sizes[axis] - begin + 1);
    c.expect_values(c.ops.slice(x.tensor, static_cast<std::int64_t>(axis), begin, end), exactly(sliced(x.host, axis, begin, end)));
  });
  for_layouts(c, "expand", [&](Layout layout) {
    const auto x = c.input(random_sizes(c, 1, 3), layout);
    HostTensor all{.sizes = x.host.sizes, .values = {}};
    all.sizes.insert(all.sizes.begin(), c.below(4));
    for (std::int64_t i = 0; i < all.sizes[0]; ++i) all.values.insert(all.values.end(), x.host.values.begin(), x.host.values.end());
    c.expect_values(c.ops.expand(x.tensor, all.sizes[0]), exactly(all));
  });
  for_layouts(c, "reshape", [&](Layout layout) {
    const std::int64_t n = c.size(5), heads = c.size(4), dim = c.size(6);
    const auto apart = c.input({n, heads, dim}, layout);
    const auto joined = c.input({n, heads * dim}, layout == Layout::heads ? Layout::columns : layout);
    const HostTensor flat{.sizes = {n, heads * dim}, .values = apart.host.values};
    // Heads lie behind each other unless columns or some of an outer axis were cut away.
    if (layout == Layout::dense || layout == Layout::heads)
      c.expect_values(c.ops.reshape(apart.tensor, Shape{n, heads * dim}), exactly(flat));
    else
      c.expect_or_refused(exactly(flat), [&] { return c.ops.reshape(apart.tensor, Shape{n, heads * dim}); });
    c.expect_values(c.ops.reshape(joined.tensor, Shape{n, heads, dim}), exactly({.sizes = {n, heads, dim}, .values = joined.host.values}));
    const HostTensor row{.sizes = {n * heads * dim}, .values = apart.host.values};
    c.expect_or_refused(exactly(row), [&] { return c.ops.reshape(apart.tensor, Shape{n * heads * dim}); });
    const HostTensor ones{.sizes = {n, 1, heads, dim}, .values = apart.host.values};
    c.expect_values(c.ops.reshape(apart.tensor, Shape{n, 1, heads, dim}), exactly(ones));
  });
}

/// Handed out through `depth` more scopes, each of which makes something else first.
template <class Ops>
auto kept_through(OpsCase<Ops>& c, const HostTensor& numbers, int depth) -> typename Ops::Tensor {
  auto scope = c.ops.scope();
  (void)c.computed(c.numbers({1 + c.below(7), 200}));
  if (depth > 0) return scope.keep(kept_through(c, numbers, depth - 1));
  return scope.keep(c.ops.slice(c.computed(numbers), 1, 1, numbers.sizes[1]));
}

/// What a scope hands out stays, whatever is made afterwards; what an outer scope holds is not touched by inner ones.
template <class Ops>
void check_scopes(OpsCase<Ops>& c) {
  for_layouts(c, "scope", [&](Layout layout) {
    const auto outer = c.input(random_sizes(c), layout);
    const HostTensor first = c.numbers({1 + c.below(5), 2 + c.below(300)}), second = c.numbers({1 + c.below(5), 2 + c.below(300)});
    const auto deep = kept_through(c, first, 3), flat = kept_through(c, second, 0);
    for (int i = 0; i < 3; ++i) {
      auto scope = c.ops.scope();
      const auto x = c.computed(c.numbers({2, 300}));
      c.ops.add_into(x, c.ops.copy(x), 1);
    }
    c.expect(deep, exactly(sliced(first, 1, 1, first.sizes[1])));
    c.expect(flat, exactly(sliced(second, 1, 1, second.sizes[1])));
    c.expect_values(outer.tensor, exactly(outer.host));
    auto scope = c.ops.scope();
    c.expect(scope.keep(outer.tensor), exactly(outer.host));
  });
  if constexpr (requires { c.ops.peak_bytes(); })
    c.trial("scopes", [&] {
      const HostTensor much = c.numbers({static_cast<std::int64_t>(c.ops.peak_bytes() / sizeof(float)) + 1000});
      const auto x = c.upload(much);
      const auto block = [&] {
        auto scope = c.ops.scope();
        (void)c.ops.combine(1, c.ops.copy(x), 1, x);
      };
      block();
      const auto peak = c.ops.peak_bytes();
      for (int i = 0; i < 20; ++i) block();
      if (c.ops.peak_bytes() != peak) c.report("take more memory the more blocks there were");
    });
}

}  // namespace sinew::testing::detail
