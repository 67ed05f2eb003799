// SPDX-License-Identifier: Apache-2.0
// The norms of every instruction set against plain loops in double precision.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "../../../src/backend/cpu/kernels/rows.hpp"
#include "rows_fixture.hpp"
#include "test_seed.hpp"

using namespace sinew;
using namespace sinew::detail;
using namespace sinew::testing;

namespace {

struct Exact {
  double mean, variance, mean_square;
};
Exact exact_moments(const float* x, std::size_t width) {
  double sum = 0, squares = 0, differences = 0;
  for (std::size_t i = 0; i < width; ++i) sum += x[i];
  const auto count = static_cast<double>(width);
  for (std::size_t i = 0; i < width; ++i) {
    squares += double{x[i]} * x[i];
    differences += (x[i] - sum / count) * (x[i] - sum / count);
  }
  return {sum / count, differences / count, squares / count};
}

constexpr float kEps = 1e-5F;

struct NormCase {
  std::size_t rows = 3, width = 0, stride = 0;
  double offset = 0;
};

void check_norms(Isa isa, const NormCase& c) {
  CAPTURE(c.width);
  CAPTURE(c.offset);
  Random random(c.width);
  const auto near = [&] { return c.offset + random.uniform(-1.7, 1.7); };
  const auto unit = [&] { return random.uniform(-1, 1); };
  const Input x(c.rows, c.width, c.stride, near), weight(1, c.width, c.width, unit), bias(1, c.width, c.width, unit);
  const auto stride = static_cast<std::ptrdiff_t>(c.stride), rows = static_cast<std::ptrdiff_t>(c.rows),
             width = static_cast<std::ptrdiff_t>(c.width);
  const auto check = [&](const std::function<double(double, double, double)>& finish, const std::function<void(float*)>& run) {
    Output out(c.rows * c.width);
    run(out.data());
    CHECK(out.untouched_before());
    const auto expected = [&](std::size_t i) {
      const std::size_t row = i / c.width * c.stride, at = i % c.width;
      const Exact exact = exact_moments(x.data() + row, c.width);
      return finish((x[row + at] - exact.mean) / std::sqrt(exact.variance + double{kEps}), weight[at], bias[at]);
    };
    CHECK(worst_difference(std::min<std::size_t>(c.rows * c.width, 300), expected, [&](std::size_t i) { return out[i]; }) <= 1.5e-6);
  };
  const RowKernels& k = row_kernels(isa);
  const float *w = weight.data(), *b = bias.data();
  check([](double y, double scale, double shift) { return y * scale + shift; },
        [&](float* out) { k.layer_norm(x.data(), stride, rows, width, w, b, kEps, out); });
  check([](double y, double scale, double) { return y * scale; },
        [&](float* out) { k.layer_norm(x.data(), stride, rows, width, w, nullptr, kEps, out); });
  check([](double y, double, double shift) { return y + shift; },
        [&](float* out) { k.layer_norm(x.data(), stride, rows, width, nullptr, b, kEps, out); });
  check([](double y, double, double) { return y; },
        [&](float* out) { k.layer_norm(x.data(), stride, rows, width, nullptr, nullptr, kEps, out); });
  check([](double y, double scale, double shift) { return y * (1 + scale) + shift; },
        [&](float* out) { k.modulated_norm(x.data(), stride, rows, width, w, b, kEps, out); });
}

void check_rms_norm(Isa isa, const NormCase& c) {
  CAPTURE(c.width);
  Random random(c.width);
  const Input x(c.rows, c.width, c.stride, [&] { return c.offset + random.uniform(-1.7, 1.7); });
  const Input weight(1, c.width, c.width, [&] { return random.uniform(-1, 1); });
  const std::size_t out_stride = c.width + 3;
  Output out((c.rows - 1) * out_stride + c.width);
  const auto n = [](std::size_t value) { return static_cast<std::ptrdiff_t>(value); };
  row_kernels(isa).rms_norm(x.data(), n(c.stride), n(c.rows), n(c.width), weight.data(), kEps, out.data(), n(out_stride));
  CHECK(out.untouched_before());
  for (std::size_t r = 0; r < c.rows; ++r) {
    const Exact exact = exact_moments(x.data() + r * c.stride, c.width);
    const auto expected = [&](std::size_t i) { return x[r * c.stride + i] / std::sqrt(exact.mean_square + double{kEps}) * weight[i]; };
    CHECK(worst_difference(c.width, expected, [&](std::size_t i) { return out[r * out_stride + i]; }) <= 1e-6);
    for (std::size_t i = c.width; i < out_stride && r + 1 < c.rows; ++i) CHECK(out[r * out_stride + i] == kFiller);
  }
}

}  // namespace

TEST_CASE("rows: norms agree with double precision, far from zero as well") {
  for (const Isa isa : available_isas()) {
    CAPTURE(to_string(isa));
    for (const std::size_t width : widths()) {
      for (const NormCase& c :
           {NormCase{.width = width, .stride = width + width % 3 * 5}, NormCase{.width = width, .stride = width, .offset = 1000}}) {
        check_norms(isa, c);
        check_rms_norm(isa, c);
      }
    }
  }
}

TEST_CASE("rows: a row of equal values is normalised to the bias") {
  for (const Isa isa : available_isas()) {
    CAPTURE(to_string(isa));
    for (const float value : {0.0F, 0.1F, 1000.0F, -1e8F}) {
      const std::vector<float> x(333, value), bias(333, 0.25F);
      std::vector<float> out(333);
      row_kernels(isa).layer_norm(x.data(), 333, 1, 333, nullptr, bias.data(), 1e-6F, out.data());
      CHECK(std::all_of(out.begin(), out.end(), [](float y) { return std::abs(y - 0.25F) <= 2e-3F; }));
    }
  }
}
