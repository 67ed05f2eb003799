// SPDX-License-Identifier: Apache-2.0
// Laws of convolutions and pooling, and what they refuse.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>

#include "sinew/testing/tensor_ops_case.hpp"

namespace sinew::testing::detail {

/// Calls `inside(row of the image, place in the window)` for the pixels that the window sees from a place of the result.
template <class Inside>
void visit_window(const nn::Window& window, const Sizes& image, std::int64_t b, std::int64_t line, std::int64_t column,
                  const Inside& inside) {
  for (std::int64_t i = 0; i < window.size * window.size; ++i) {
    const std::int64_t y = line * window.stride - window.padding + i / window.size,
                       x = column * window.stride - window.padding + i % window.size;
    if (y >= 0 && y < image[1] && x >= 0 && x < image[2]) inside((b * image[1] + y) * image[2] + x, i);
  }
}

/// The shape of a result with so many channels.
inline Sizes places_of(const nn::Window& window, const Sizes& image, std::int64_t channels) {
  return {image[0], window.places(image[1]), window.places(image[2]), channels};
}

/// Calls `at(b, line, column)` for the places of a result.
template <class At>
void visit_places(const Sizes& sizes, const At& at) {
  for (std::int64_t i = 0; i < sizes[0] * sizes[1] * sizes[2]; ++i) at(i / sizes[2] / sizes[1], i / sizes[2] % sizes[1], i % sizes[2]);
}

template <class Ops>
void expect_convolution(OpsCase<Ops>& c, const nn::Window& window, const Sizes& image, std::int64_t outputs, nn::Activation activation) {
  const std::int64_t channels = image[3], pixels = window.size * window.size;
  const HostTensor weights = c.numbers({outputs, pixels * channels}), offsets = c.numbers({outputs});
  const auto filter = c.ops.filter(c.rows(weights), window);
  std::optional<typename Ops::Parameter> bias;
  if (c.coin()) bias = c.parameter(offsets);
  const auto x = c.input(image);
  Expected expected{.sizes = places_of(window, image, outputs), .values = {}, .bounds = {}};
  std::optional<typename OpsCase<Ops>::Operand> residual;
  if (c.coin()) residual = c.input(expected.sizes);
  visit_places(expected.sizes, [&](std::int64_t b, std::int64_t line, std::int64_t column) {
    for (std::int64_t j = 0; j < outputs; ++j) {
      Dot sum;
      visit_window(window, image, b, line, column, [&](std::int64_t row, std::int64_t i) {
        const auto seen =
            dot(x.host.row(row), weights.row(j).subspan(static_cast<std::size_t>(i * channels), static_cast<std::size_t>(channels)));
        sum.value += seen.value;
        sum.size += seen.size;
      });
      const auto add = [&](double value) {
        sum.value += value;
        sum.size += std::abs(value);
      };
      if (bias) add(offsets.values[static_cast<std::size_t>(j)]);
      if (residual) add(residual->host.values[expected.values.size()]);
      // Roundings of partial sums; a backend of brain floats rounds the sum, that with the bias and that with the residual.
      const double bound = c.rounding(sum.size, static_cast<double>(pixels * channels) + 3, 3);
      expected.add(activated(activation, sum.value), activated_bound(c.rounding, activation, sum.value, bound));
    }
  });
  c.expect(c.ops.convolution(x.tensor, filter, bias ? &*bias : nullptr, residual ? &residual->tensor : nullptr, activation), expected);
}

template <class Ops>
void check_convolution(OpsCase<Ops>& c) {
  for (std::size_t i = 0; i < 3 * nn::kActivationCount; ++i)
    c.trial("convolution", [&] {
      nn::Window window{.size = 1 + c.below(5), .stride = 1 + c.below(3), .padding = 0};
      window.padding = c.below(window.size);
      const Sizes image{c.size(3), window.size + c.below(7), window.size + c.below(20), 1 + c.below(40)};
      expect_convolution(c, window, image, 1 + c.below(70), kActivations[i % nn::kActivationCount]);
    });
  c.trial("convolution (large)", [&] {  // several bands, several threads
    expect_convolution(c, {.size = 7, .stride = 2, .padding = 3}, {2, 61, 75, 3}, 64, nn::Activation::relu);
    expect_convolution(c, {.size = 3, .stride = 1, .padding = 1}, {1, 14, 30, 256}, 24, nn::Activation::none);
  });
}

template <class Ops>
void check_max_pool(OpsCase<Ops>& c) {
  for (int i = 0; i < 12; ++i)
    c.trial("max_pool", [&] {
      nn::Window window{.size = 1 + c.below(4), .stride = 1 + c.below(3), .padding = 0};
      window.padding = c.below(window.size / 2 + 1);
      const Sizes image{c.size(3), window.size + c.below(9), window.size + c.below(9), 1 + c.below(40)};
      const auto x = c.input(image);
      HostTensor expected{.sizes = places_of(window, image, image[3]), .values = {}};
      visit_places(expected.sizes, [&](std::int64_t b, std::int64_t line, std::int64_t column) {
        for (std::size_t j = 0; j < static_cast<std::size_t>(image[3]); ++j) {
          double most = -INFINITY;
          visit_window(window, image, b, line, column, [&](std::int64_t row, std::int64_t) { most = std::max(most, x.host.row(row)[j]); });
          expected.values.push_back(most);
        }
      });
      c.expect(c.ops.max_pool(x.tensor, window), exactly(expected));
    });
}

template <class Ops>
void check_image_refusals(OpsCase<Ops>& c) {
  auto& ops = c.ops;
  c.trial("images", [&] {
    const nn::Window window{.size = 3, .stride = 1, .padding = 1};
    const auto weights = c.numbers({4, 18});
    const auto filter = ops.filter(c.rows(weights), window);
    const auto bias = c.parameter(c.numbers({3}));
    const auto x = c.input({1, 5, 6, 2}).tensor, deep = c.input({1, 5, 6, 3}).tensor, flat = c.input({5, 6, 2}).tensor,
               other = c.input({1, 6, 5, 4}).tensor;
    const auto wide = c.input({1, 5, 6, 5}).tensor;
    const auto none = nn::Activation::none;
    for (const nn::Window& bad : {nn::Window{.size = 0}, nn::Window{.size = 3, .stride = 0}, nn::Window{.size = 3, .padding = 3},
                                  nn::Window{.size = 3, .padding = -1}, nn::Window{.size = 4}}) {
      c.expect_refused("a filter of a window that is none, or of other columns", [&] { (void)ops.filter(c.rows(weights), bad); });
      if (bad.size != 4) c.expect_refused("a pooling of a window that is none", [&] { (void)ops.max_pool(x, bad); });
    }
    c.expect_refused("images of other channels", [&] { (void)ops.convolution(deep, filter, nullptr, nullptr, none); });
    c.expect_refused("an image of rank 3", [&] { (void)ops.convolution(flat, filter, nullptr, nullptr, none); });
    c.expect_refused("a bias of another size (convolution)", [&] { (void)ops.convolution(x, filter, &bias, nullptr, none); });
    c.expect_refused("a residual of another shape", [&] { (void)ops.convolution(x, filter, nullptr, &other, none); });
    c.expect_refused("images that are not dense", [&] { (void)ops.convolution(ops.slice(wide, 3, 0, 2), filter, nullptr, nullptr, none); });
    const auto large = ops.filter(c.rows(c.numbers({1, 2 * 49})), {.size = 7});
    c.expect_refused("a window that is larger than the image", [&] { (void)ops.convolution(x, large, nullptr, nullptr, none); });
    c.expect_refused("a pooling of rank 3", [&] { (void)ops.max_pool(flat, window); });
    c.expect_refused("a pooling of what is not dense", [&] { (void)ops.max_pool(ops.slice(wide, 3, 0, 2), window); });
    c.expect_refused("a pooling that is larger than the image", [&] { (void)ops.max_pool(x, {.size = 7}); });
    c.expect_refused("a pooling with more padding than half its window", [&] { (void)ops.max_pool(x, {.size = 3, .padding = 2}); });
  });
}

}  // namespace sinew::testing::detail
