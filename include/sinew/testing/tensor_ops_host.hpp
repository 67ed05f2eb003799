// SPDX-License-Identifier: Apache-2.0
// Tensors as plain numbers in double, and how far a backend may be from them: what tensor_ops_conformance.hpp compares with.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "sinew/core/dtype.hpp"
#include "sinew/core/random.hpp"
#include "sinew/nn/tensor_ops.hpp"

namespace sinew::testing {

/// Of check_tensor_ops.
struct TensorOpsOptions {
  std::uint64_t seed = 1;
  int rounds = 6;              ///< random shapes for each kind of input of an operation
  DType dtype = DType::f32;    ///< bf16 widens the bounds: each rounding of a weight, an activation or a result may be to a brain float
  int repeats = 1;             ///< of every trial: the same sizes, layouts, masks and weights, other numbers of the inputs
  bool guards_writes = false;  ///< the backend refuses to write uploads, parameters and expanded views
  /// Called with every result that was right, e.g. to compare the bits of two runs.
  std::function<void(std::span<const float>)> observe{};
};

}  // namespace sinew::testing

namespace sinew::testing::detail {

using Sizes = std::vector<std::int64_t>;

inline std::int64_t product_of(std::span<const std::int64_t> sizes) {
  return std::reduce(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>());
}

/// Row-major numbers.
struct HostTensor {
  Sizes sizes{};
  std::vector<double> values{};

  [[nodiscard]] std::int64_t width() const { return sizes.back(); }
  [[nodiscard]] std::int64_t rows() const { return product_of(std::span(sizes).first(sizes.size() - 1)); }
  [[nodiscard]] std::span<const double> row(std::int64_t index) const {
    return std::span(values).subspan(static_cast<std::size_t>(index * width()), static_cast<std::size_t>(width()));
  }
};

/// Numbers with the largest difference that is allowed.
struct Expected {
  Sizes sizes{};
  std::vector<double> values{};
  std::vector<double> bounds{};

  void add(double value, double bound) {
    values.push_back(value);
    bounds.push_back(bound);
  }
};

/// Bit by bit.
inline Expected exactly(const HostTensor& host) {
  return {.sizes = host.sizes, .values = host.values, .bounds = std::vector<double>(host.values.size(), 0.0)};
}

/// Bounds of rounding. `size` is the largest partial result or a sum of sizes that no partial sum exceeds; it is rounded `terms` times to
/// f32, by 2^-24 of it each, and `narrow` times to the dtype of weights and activations, by 2^-9 of it for brain floats. Both are doubled:
/// second-order terms, and results that are rounded where they are a little larger.
struct Rounding {
  bool bf16 = false;

  [[nodiscard]] double operator()(double size, double terms, double narrow = 1) const {
    return size * (terms * 0x1p-23 + (bf16 ? narrow * 0x1p-8 : 0)) + 1e-37;
  }
};

/// The dot product of two rows with the sum of the sizes of its terms.
struct Dot {
  double value = 0;
  double size = 0;
};
inline Dot dot(std::span<const double> x, std::span<const double> y) {
  Dot sum;
  for (std::size_t i = 0; i < x.size(); ++i) {
    sum.value += x[i] * y[i];
    sum.size += std::abs(x[i] * y[i]);
  }
  return sum;
}

inline constexpr nn::Activation kActivations[nn::kActivationCount] = {
    nn::Activation::none,      nn::Activation::relu,    nn::Activation::silu, nn::Activation::gelu,
    nn::Activation::gelu_tanh, nn::Activation::sigmoid, nn::Activation::tanh};
inline constexpr std::string_view kActivationNames[nn::kActivationCount] = {"none", "relu", "silu", "gelu", "gelu_tanh", "sigmoid", "tanh"};

inline double activated(nn::Activation activation, double x) {
  constexpr double kSqrtHalf = 0.70710678118654752440, kSqrtTwoOverPi = 0.79788456080286535588;
  switch (activation) {
    case nn::Activation::none: return x;
    case nn::Activation::relu: return x > 0 ? x : 0;
    case nn::Activation::silu: return x / (1 + std::exp(-x));
    case nn::Activation::gelu: return x / 2 * std::erfc(-x * kSqrtHalf);
    case nn::Activation::gelu_tanh: return x / 2 * (1 + std::tanh(kSqrtTwoOverPi * (x + 0.044715 * x * x * x)));
    case nn::Activation::sigmoid: return 1 / (1 + std::exp(-x));
    case nn::Activation::tanh: return std::tanh(x);
  }
  return x;
}

/// Of an activation whose argument is off by `bound`: no slope exceeds 1.13, and forms that cancel round at the size of x or of 1.
inline double activated_bound(const Rounding& rounding, nn::Activation activation, double x, double bound) {
  if (activation == nn::Activation::none) return bound;
  return 1.2 * bound + rounding(std::max(1.0, std::abs(x)), 8);
}

/// How an input lies in memory.
enum class Layout : std::uint8_t {
  dense,
  columns,  ///< columns of wider rows
  middle,   ///< a range of an outer axis
  heads,    ///< a range of heads in rows that hold several tensors
  expanded  ///< one entry for all of the first axis
};
inline constexpr Layout kLayouts[] = {Layout::dense, Layout::columns, Layout::middle, Layout::heads, Layout::expanded};
inline constexpr std::string_view kLayoutNames[] = {"dense", "columns", "middle", "heads", "expanded"};

/// The larger tensor that a view is taken of.
struct Base {
  Sizes sizes{};         ///< as many as the view's, or without the first of an expanded one
  std::size_t axis = 0;  ///< that the view is a range of
  std::int64_t begin = 0;
};

/// A base for a view of such sizes; layouts that the rank does not allow become dense ones.
inline Base base_of(const Sizes& sizes, Layout& layout, sinew::Random& random) {
  const std::size_t rank = sizes.size();
  if ((layout == Layout::heads && rank < 3) || (rank < 2 && layout != Layout::columns)) layout = Layout::dense;
  Base base{.sizes = sizes, .axis = 0, .begin = 0};
  if (layout == Layout::expanded) base.sizes.erase(base.sizes.begin());
  if (layout == Layout::dense || layout == Layout::expanded) return base;
  base.axis = layout == Layout::columns ? rank - 1
              : layout == Layout::heads ? rank - 2
                                        : static_cast<std::size_t>(random.bits() % (rank - 1));
  base.begin = static_cast<std::int64_t>(random.bits() % 4);
  base.sizes[base.axis] += base.begin + static_cast<std::int64_t>(random.bits() % 4);
  return base;
}

/// What a view of the base shows, in the order of its elements; calls `inside(i)` and `outside(i)` for the base's element i.
template <class Inside, class Outside>
void visit_base(const Base& base, std::int64_t size, const Inside& inside, const Outside& outside) {
  const std::int64_t inner = product_of(std::span(base.sizes).subspan(base.axis + 1)), along = base.sizes[base.axis];
  for (std::int64_t i = 0, count = product_of(base.sizes); i < count; ++i) {
    const std::int64_t at = i / inner % along;
    if (at >= base.begin && at < base.begin + size)
      inside(static_cast<std::size_t>(i));
    else
      outside(static_cast<std::size_t>(i));
  }
}

}  // namespace sinew::testing::detail
