// SPDX-License-Identifier: Apache-2.0
// Laws of element-wise work.
#pragma once

#include "sinew/testing/tensor_ops_case.hpp"
#include "sinew/testing/tensor_ops_views.hpp"

namespace sinew::testing::detail {

/// `value(x, y)` and the size of what is rounded on the way, `size(x, y)`, of every pair of elements.
template <class Value, class Size>
Expected element_wise(const HostTensor& x, const HostTensor& y, const Rounding& rounding, const Value& value, const Size& size) {
  Expected expected{.sizes = x.sizes, .values = {}, .bounds = {}};
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    const double a = x.values[i], b = y.values[i % y.values.size()];
    expected.add(value(a, b), rounding(size(a, b), 4, 2));
  }
  return expected;
}

template <class Ops>
void check_activate(OpsCase<Ops>& c) {
  for_layouts(c, "activate", [&](Layout) {
    for (std::size_t i = 0; i < nn::kActivationCount; ++i) {
      const auto x = c.input(random_sizes(c), Layout::dense, c.coin() ? 2 : 12);
      Expected expected{.sizes = x.host.sizes, .values = {}, .bounds = {}};
      for (const double value : x.host.values)
        expected.add(activated(kActivations[i], value), activated_bound(c.rounding, kActivations[i], value, 0));
      c.expect(c.ops.activate(x.tensor, kActivations[i]), expected);
    }
  });
}

template <class Ops>
void check_products_and_sums(OpsCase<Ops>& c) {
  const auto product = [](double a, double b) { return a * b; };
  const auto sizes_of_product = [](double a, double b) { return std::abs(a * b); };
  for_layouts(c, "silu_mul", [&](Layout layout) {
    const Sizes sizes = random_sizes(c);
    const auto gate = c.input(sizes, layout, 4), up = c.input(sizes, kLayouts[c.below(5)], 4);
    c.expect(c.ops.silu_mul(gate.tensor, up.tensor),
             element_wise(
                 gate.host, up.host, c.rounding, [](double a, double b) { return activated(nn::Activation::silu, a) * b; },
                 [](double a, double b) { return std::abs(a * b); }));
  });
  for_layouts(c, "multiply", [&](Layout layout) {
    const Sizes sizes = random_sizes(c);
    const auto x = c.input(sizes, layout), y = c.input(sizes);
    const Expected expected = element_wise(x.host, y.host, c.rounding, product, sizes_of_product);
    if (layout == Layout::dense)
      c.expect(c.ops.multiply(x.tensor, y.tensor), expected);
    else
      c.expect_or_refused(expected, [&] { return c.ops.multiply(x.tensor, y.tensor); });
  });
  for_layouts(c, "combine", [&](Layout layout) {
    const Sizes sizes = random_sizes(c);
    const auto x = c.input(sizes, layout), y = c.input(sizes);
    const auto a = static_cast<float>(c.random.uniform(-2, 2)), b = static_cast<float>(c.coin() ? 1 : c.random.uniform(-2, 2));
    const auto first = static_cast<double>(a), second = static_cast<double>(b);
    const Expected expected = element_wise(
        x.host, y.host, c.rounding, [=](double p, double q) { return first * p + second * q; },
        [=](double p, double q) { return std::abs(first * p) + std::abs(second * q); });
    if (layout == Layout::dense)
      c.expect(c.ops.combine(a, x.tensor, b, y.tensor), expected);
    else
      c.expect_or_refused(expected, [&] { return c.ops.combine(a, x.tensor, b, y.tensor); });
  });
}

template <class Ops>
void check_adds(OpsCase<Ops>& c) {
  const auto sizes_of_sum = [](double a, double b) { return std::abs(a) + std::abs(b); };
  for_layouts(c, "add", [&](Layout layout) {
    const Sizes sizes = random_sizes(c);
    const Sizes end(sizes.begin() + c.below(static_cast<std::int64_t>(sizes.size())), sizes.end());
    const auto x = c.input(sizes, layout), y = c.input(end);
    const Expected expected = element_wise(x.host, y.host, c.rounding, std::plus<>(), sizes_of_sum);
    if (layout == Layout::dense)
      c.expect(c.ops.add(x.tensor, y.tensor), expected);
    else
      c.expect_or_refused(expected, [&] { return c.ops.add(x.tensor, y.tensor); });
  });
  for_layouts(c, "add_into", [&](Layout) {
    const Sizes sizes = random_sizes(c);
    const HostTensor before = c.numbers(sizes);
    const auto x = c.computed(before);
    const auto y = c.input(sizes);
    const auto factor = static_cast<float>(c.below(3) == 0 ? 1 : c.random.uniform(-2, 2));
    const auto times = static_cast<double>(factor);
    c.ops.add_into(x, y.tensor, factor);
    c.expect(x, element_wise(
                    before, y.host, c.rounding, [=](double a, double b) { return a + times * b; },
                    [=](double a, double b) { return std::abs(a) + std::abs(times * b); }));
  });
}

}  // namespace sinew::testing::detail
