// SPDX-License-Identifier: Apache-2.0
// The activations of every instruction set against the C library in double precision, over floats of all magnitudes.
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "../../../src/backend/cpu/kernels/rows.hpp"

using namespace sinew;
using namespace sinew::detail;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr double kSmallest = 3e-37;  // results below it may be 0: 90 divided by the largest float

double tanh_slope(double x) { return 1.5957691216057308 * (x + 0.044715 * x * x * x); }

/// Errors are counted in units of the last place of the exact result, times `spread(x)`.
struct Activation {
  const char* name;
  void (*RowKernels::*kernel)(const float* x, std::size_t count, float* out);
  double (*exact)(double x);
  double (*spread)(double x);
  double bound;
};

const Activation kActivations[] = {
    {"relu", &RowKernels::relu, [](double x) { return x > 0 ? x : 0; }, [](double) { return 1.0; }, 0},
    {"silu", &RowKernels::silu, [](double x) { return x / (1 + std::exp(-x)); }, [](double) { return 1.0; }, 2.6},
    {"sigmoid", &RowKernels::sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, [](double) { return 1.0; }, 2.6},
    {"tanh", &RowKernels::tanh, [](double x) { return std::tanh(x); }, [](double) { return 1.0; }, 2.8},
    // The polynomial of the tail is good to 5e-9 of x; the exponent of the tail, x^2 / 2, is rounded.
    {"gelu", &RowKernels::gelu, [](double x) { return x / 2 * std::erfc(-x * M_SQRT1_2); },
     [](double x) { return x < 0 ? 1 + x * x / 2 + 0.05 / std::erfc(-x * M_SQRT1_2) : 1; }, 2},
    // The argument of the exponential is rounded.
    {"gelu_tanh", &RowKernels::gelu_tanh, [](double x) { return x / (1 + std::exp(-tanh_slope(x))); },
     [](double x) { return 1 + std::abs(x < 0 ? tanh_slope(x) : 0); }, 3},
};

/// Floats of all magnitudes and both signs, one of `step` neighbours.
std::vector<float> all_magnitudes(std::uint32_t step) {
  std::vector<float> list;
  for (std::uint32_t bits = 0; bits < 0x7f800000U; bits += step) {
    list.push_back(std::bit_cast<float>(bits));
    list.push_back(-list.back());
  }
  for (float x = -20; x < 20; x += 3.1e-4F) list.push_back(x);
  return list;
}

double unit_of(double value) {
  const double size = std::max(std::abs(value), kSmallest);
  return std::ldexp(1.0, std::ilogb(size) - 23);
}

struct Worst {
  double error = 0;
  float at = 0;
};

Worst worst_error(const Activation& activation, const std::vector<float>& x, const std::vector<float>& y) {
  Worst worst;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double exact = activation.exact(x[i]);
    if (std::abs(exact) < kSmallest && std::abs(y[i]) < kSmallest) continue;
    const double error = std::abs(y[i] - exact) / (unit_of(exact) * activation.spread(x[i]));
    if (!(error <= worst.error)) worst = {error, x[i]};
  }
  return worst;
}

}  // namespace

TEST_CASE("activations: within their bounds over all magnitudes, on every instruction set") {
  const std::vector<float> x = all_magnitudes(9973);
  for (const Isa isa : available_isas()) {
    for (const Activation& activation : kActivations) {
      std::vector<float> y(x.size());
      (row_kernels(isa).*activation.kernel)(x.data(), x.size(), y.data());
      const Worst worst = worst_error(activation, x, y);
      MESSAGE(std::string(to_string(isa)) << " " << std::string(activation.name) << ": " << worst.error << " units at " << worst.at
                                          << ", bound " << activation.bound);
      CHECK(worst.error <= activation.bound);
    }
  }
}

TEST_CASE("activations: gelu is as near to the exact function as floats near x are") {
  const std::vector<float> x = all_magnitudes(9973);
  for (const Isa isa : available_isas()) {
    CAPTURE(to_string(isa));
    std::vector<float> y(x.size());
    row_kernels(isa).gelu(x.data(), x.size(), y.data());
    double worst = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double exact = x[i] / 2.0 * std::erfc(-x[i] * M_SQRT1_2);
      worst = std::max(worst, std::abs(y[i] - exact) / std::max(std::abs(static_cast<double>(x[i])), kSmallest));
    }
    CHECK(worst <= 1.3e-7);
  }
}

TEST_CASE("activations: zeros keep their sign, infinities have their limits, NaN passes") {
  struct Case {
    const char* name;
    void (*RowKernels::*kernel)(const float*, std::size_t, float*);
    float at_infinity;
  };
  const Case cases[] = {{"relu", &RowKernels::relu, kInfinity}, {"silu", &RowKernels::silu, kInfinity},
                        {"sigmoid", &RowKernels::sigmoid, 1},   {"tanh", &RowKernels::tanh, 1},
                        {"gelu", &RowKernels::gelu, kInfinity}, {"gelu_tanh", &RowKernels::gelu_tanh, kInfinity}};
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const Isa isa : available_isas()) {
    CAPTURE(to_string(isa));
    for (const Case& c : cases) {
      CAPTURE(std::string(c.name));
      // Long enough for vectors side by side, a whole one and a part of one.
      for (const std::size_t count : {std::size_t{5}, std::size_t{150}}) {
        std::vector<float> x(count, 0.0F), y(count);
        for (std::size_t i = 0; i < count; ++i) x[i] = std::vector{0.0F, -0.0F, kInfinity, nan, 300.0F}[i % 5];
        (row_kernels(isa).*c.kernel)(x.data(), count, y.data());
        for (std::size_t i = 0; i < count; ++i) {
          CAPTURE(i);
          if (i % 5 < 2) {
            CHECK(y[i] == (c.kernel == &RowKernels::sigmoid ? 0.5F : 0));
            CHECK(std::signbit(y[i]) == (std::signbit(x[i]) && c.kernel != &RowKernels::sigmoid));
          }
          if (i % 5 == 2) CHECK(y[i] == c.at_infinity);
          if (i % 5 == 3) CHECK(std::isnan(y[i]));
          if (i % 5 == 4) CHECK(y[i] == std::min(c.at_infinity, 300.0F));
        }
      }
    }
  }
}

TEST_CASE("activations: minus infinity gives the limit or NaN, and nothing else") {
  for (const Isa isa : available_isas()) {
    CAPTURE(to_string(isa));
    const RowKernels& kernels = row_kernels(isa);
    const float x = -kInfinity;
    float y = 7;
    kernels.relu(&x, 1, &y);
    CHECK(y == 0);
    kernels.sigmoid(&x, 1, &y);
    CHECK(y == 0);
    kernels.tanh(&x, 1, &y);
    CHECK(y == -1);
    kernels.gelu(&x, 1, &y);
    CHECK(y == 0);
    kernels.silu(&x, 1, &y);  // as PyTorch: infinity / infinity
    CHECK(std::isnan(y));
    kernels.gelu_tanh(&x, 1, &y);
    CHECK(std::isnan(y));
  }
}
