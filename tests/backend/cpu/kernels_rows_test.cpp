// SPDX-License-Identifier: Apache-2.0
// Rotations and element-wise kernels of every instruction set against plain loops in double precision.
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "../../../src/backend/cpu/kernels/rows.hpp"
#include "rows_fixture.hpp"
#include "test_seed.hpp"

using namespace sinew;
using namespace sinew::detail;
using namespace sinew::testing;

TEST_CASE("rows: heads are turned by their angles and the rest of a head is copied") {
  struct Shape {
    std::size_t dim, rotary;
  };
  for (const Isa isa : available_isas()) {
    CAPTURE(to_string(isa));
    std::vector<Shape> shapes = {{64, 64}, {128, 128}, {80, 80}, {128, 32}, {96, 64}, {5, 0}};
    for (std::size_t dim = 2; dim <= 70; ++dim) shapes.push_back({dim, dim / 2 * 2 - (dim % 3 == 0 ? 2 : 0)});
    for (const auto [dim, rotary] : shapes) {
      CAPTURE(dim);
      CAPTURE(rotary);
      constexpr std::size_t kTokens = 3, kHeads = 2;
      Random random(dim);
      const auto unit = [&] { return random.uniform(-1, 1); };
      const std::size_t head_stride = dim + 1, token_stride = kHeads * head_stride + 4;
      const Input x(1, (kTokens - 1) * token_stride + (kHeads - 1) * head_stride + dim, 1U << 20, unit);
      const std::size_t angles = std::max<std::size_t>(kTokens * rotary, 1);
      const Input cos(1, angles, angles, unit), sin(1, angles, angles, unit);
      Output out(kTokens * kHeads * dim);
      const auto n = [](std::size_t value) { return static_cast<std::ptrdiff_t>(value); };
      row_kernels(isa).rotary({.x = x.data(),
                               .token_stride = n(token_stride),
                               .head_stride = n(head_stride),
                               .tokens = kTokens,
                               .heads = kHeads,
                               .dim = n(dim),
                               .rotary = n(rotary),
                               .cos = cos.data(),
                               .sin = sin.data(),
                               .out = out.data()});
      CHECK(out.untouched_before());
      const auto expected = [&](std::size_t i) -> double {
        const std::size_t token = i / dim / kHeads, head = i / dim % kHeads, j = i % dim, half = rotary / 2;
        const std::size_t start = token * token_stride + head * head_stride, angle = token * rotary + j;
        if (j >= rotary) return x[start + j];
        const double other = j < half ? -x[start + j + half] : x[start + j - half];
        return double{x[start + j]} * cos[angle] + other * sin[angle];
      };
      CHECK(worst_difference(kTokens * kHeads * dim, expected, [&](std::size_t i) { return out[i]; }) <= 1.2e-7);
    }
  }
}

TEST_CASE("rows: element-wise kernels agree with plain loops and stay inside their memory") {
  for (const Isa isa : available_isas()) {
    CAPTURE(to_string(isa));
    const RowKernels& k = row_kernels(isa);
    for (const std::size_t n : widths()) {
      CAPTURE(n);
      Random random(n);
      const auto draw = [&] { return random.uniform(-6, 6); };
      const Input x(1, n, n, draw), y(1, n, n, draw);
      const auto check = [&](double bound, const std::function<double(double, double)>& expected, const std::function<void(float*)>& run) {
        Output out(n);
        for (std::size_t i = 0; i < n; ++i) out.data()[i] = y[i];
        run(out.data());
        CHECK(out.untouched_before());
        CHECK(worst_difference(n, [&](std::size_t i) { return expected(x[i], y[i]); }, [&](std::size_t i) { return out[i]; }) <= bound);
      };
      const auto silu = [](double v) { return v / (1 + std::exp(-v)); };
      check(6e-8, [](double a, double b) { return a + b; }, [&](float* out) { k.add(x.data(), n, out); });
      check(6e-8, [](double a, double b) { return a * b; }, [&](float* out) { k.multiply(x.data(), y.data(), n, out); });
      check(
          5e-7, [](double a, double b) { return 0.75 * a - 1.25 * b; },
          [&](float* out) { k.combine(0.75F, x.data(), -1.25F, y.data(), n, out); });
      check(0, [](double a, double) { return std::max(a, 0.0); }, [&](float* out) { k.relu(x.data(), n, out); });
      check(2e-7, [&](double a, double) { return silu(a); }, [&](float* out) { k.silu(x.data(), n, out); });
      check(2e-7, [](double, double b) { return std::tanh(b); }, [&](float* out) { k.tanh(out, n, out); });
      check(2e-7, [&](double, double b) { return b / 2 * std::erfc(-b * M_SQRT1_2); }, [&](float* out) { k.gelu(out, n, out); });
    }
  }
}

TEST_CASE("rows: silu_mul takes rows with strides") {
  for (const Isa isa : available_isas()) {
    CAPTURE(to_string(isa));
    for (const std::size_t width : widths()) {
      CAPTURE(width);
      Random random(width);
      const auto draw = [&] { return random.uniform(-6, 6); };
      constexpr std::size_t kRows = 3;
      const std::size_t gate_stride = width + 3, up_stride = width + width % 2;
      const Input gate(kRows, width, gate_stride, draw), up(kRows, width, up_stride, draw);
      Output out(kRows * width);
      row_kernels(isa).silu_mul(gate.data(), static_cast<std::ptrdiff_t>(gate_stride), up.data(), static_cast<std::ptrdiff_t>(up_stride),
                                kRows, static_cast<std::ptrdiff_t>(width), out.data());
      CHECK(out.untouched_before());
      const auto expected = [&](std::size_t i) {
        const double g = gate[i / width * gate_stride + i % width];
        return g / (1 + std::exp(-g)) * up[i / width * up_stride + i % width];
      };
      CHECK(worst_difference(kRows * width, expected, [&](std::size_t i) { return out[i]; }) <= 4e-7);
    }
  }
}

TEST_CASE("rows: brain floats are the nearest, ties to even, and NaN stays NaN") {
  std::vector<float> x = {0.0F,
                          -0.0F,
                          1.0F,
                          1.00390625F,
                          1.01171875F,
                          3.4e38F,
                          -3.39e38F,
                          1e-40F,
                          std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity(),
                          kNan,
                          std::bit_cast<float>(0x7f800001U),
                          std::bit_cast<float>(0xffffffffU)};
  Random random(3);
  while (x.size() < 3000) x.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(random.bits())));
  const auto nearest = [](float value) {  // of the two brain floats around the value, as numbers
    const std::uint32_t low = std::bit_cast<std::uint32_t>(value) & 0xffff0000U, high = low + 0x10000U;
    const double below = std::abs(double{value} - std::bit_cast<float>(low));
    const double above =
        std::abs((high & 0x7fffffffU) == 0x7f800000U ? 0x1p128 - std::abs(double{value}) : double{value} - std::bit_cast<float>(high));
    const bool up = above < below || (above == below && (low & 0x10000U) != 0);
    return static_cast<std::uint16_t>((up ? high : low) >> 16);
  };
  for (const Isa isa : available_isas()) {
    CAPTURE(to_string(isa));
    for (const std::size_t n : widths()) {
      const Input given(1, n, n, [&, i = std::size_t{0}]() mutable { return x[i++ * 7 % x.size()]; });
      Output<std::uint16_t> narrow(n);
      Output wide(n);
      row_kernels(isa).narrow_bf16(given.data(), n, narrow.data());
      row_kernels(isa).widen_bf16(narrow.data(), n, wide.data());
      CHECK(narrow.untouched_before());
      CHECK(wide.untouched_before());
      bool same = true;
      for (std::size_t i = 0; i < n; ++i) {
        same = same && (std::isnan(given[i])   ? std::isnan(wide[i])
                        : std::isinf(given[i]) ? wide[i] == given[i]
                                               : narrow[i] == nearest(given[i]));
        same = same && std::bit_cast<std::uint32_t>(wide[i]) == std::uint32_t{narrow[i]} << 16;
      }
      CHECK(same);
    }
  }
}
