// SPDX-License-Identifier: Apache-2.0
// A compute backend in plain loops on doubles: the one of docs/adding_a_backend.md, and what a fast one can be compared with.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/nn/tensor_ops.hpp"

namespace sinew::testing {

// docs: begin tensor
/// Numbers that several handles may view: sizes, strides and an offset into shared memory.
struct PlainTensor {
  std::shared_ptr<std::vector<double>> memory{};
  std::vector<std::int64_t> sizes{};
  std::vector<std::int64_t> strides{};
  std::int64_t offset = 0;

  [[nodiscard]] Shape shape() const { return Shape(std::span<const std::int64_t>(sizes)); }
  [[nodiscard]] std::int64_t size(std::int64_t axis) const { return sizes[static_cast<std::size_t>(axis)]; }
  [[nodiscard]] std::int64_t count() const { return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>()); }
  /// The element at row-major place i.
  [[nodiscard]] double& at(std::int64_t i) const {
    std::int64_t place = offset;
    for (std::size_t axis = sizes.size(); axis-- > 0; i /= sizes[axis]) place += i % sizes[axis] * strides[axis];
    return (*memory)[static_cast<std::size_t>(place)];
  }
};
// docs: end tensor

class PlainOps {
 public:
  using Tensor = PlainTensor;
  using Matrix = PlainTensor;
  using Parameter = PlainTensor;
  struct Cache {
    PlainTensor values;
    std::int64_t length = 0;
  };
  using State = PlainTensor;
  struct Filter {
    PlainTensor weights;
    nn::Window window;
  };
  static constexpr bool kAllocates = true;

  // docs: begin scope
  /// Memory here is counted: a scope has nothing to give back. Its destructor keeps it from being an unused variable to the compiler.
  struct Scope {
    ~Scope() {}  // NOLINT(modernize-use-equals-default)
    Tensor keep(const Tensor& x) const { return PlainOps().copy(x); }
  };
  [[nodiscard]] Scope scope() const { return {}; }
  // docs: end scope

  [[nodiscard]] Matrix matrix(const RowSource& source) const {
    require(source.rows > 0 && source.columns > 0);
    std::vector<float> values(static_cast<std::size_t>(source.rows * source.columns));
    source.read(0, source.rows, DType::f32, reinterpret_cast<std::byte*>(values.data()));
    return upload(values, Shape{source.rows, source.columns});
  }
  [[nodiscard]] Matrix table(const RowSource& source) const { return matrix(source); }
  [[nodiscard]] Parameter parameter(std::span<const float> values, const Shape& shape) const { return upload(values, shape); }
  [[nodiscard]] Cache cache(std::int64_t capacity, std::int64_t heads, std::int64_t dim) const { return {state({capacity, heads, dim})}; }
  [[nodiscard]] State state(const Shape& shape) const { return make({shape.dims().begin(), shape.dims().end()}); }
  [[nodiscard]] Filter filter(const RowSource& source, const nn::Window& window) const {
    require(fits(window) && source.columns % (window.size * window.size) == 0);
    return {matrix(source), window};
  }
  [[nodiscard]] Tensor upload(std::span<const float> values, const Shape& shape) const {
    require(values.size() == shape.count());
    Tensor x = make({shape.dims().begin(), shape.dims().end()});
    std::copy(values.begin(), values.end(), x.memory->begin());
    return x;
  }
  void download(const Tensor& x, std::span<float> values) const {
    require(static_cast<std::int64_t>(values.size()) == x.count());
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(x.at(static_cast<std::int64_t>(i)));
  }
  [[nodiscard]] Tensor view(const Parameter& parameter) const { return parameter; }
  [[nodiscard]] Tensor reshape(const Tensor& x, const Shape& shape) const {
    // What is not dense: each run of new axes must fill one run of old axes that continue each other, or the view would need a copy.
    require(static_cast<std::int64_t>(shape.count()) == x.count());
    Tensor y = x;
    lay_out(y, {shape.dims().begin(), shape.dims().end()});
    if (dense(x)) return y;
    std::size_t old = x.sizes.size(), fresh = y.sizes.size();
    while (old > 0 && fresh > 0) {
      const std::int64_t inner = x.strides[old - 1];
      std::int64_t run = x.sizes[--old], made = 1;
      while (old > 0 && (x.strides[old - 1] == inner * run || x.sizes[old - 1] == 1)) run *= x.sizes[--old];
      while (fresh > 0 && made < run) {
        y.strides[--fresh] = inner * made;
        made *= y.sizes[fresh];
      }
      require(made == run);
    }
    for (; fresh > 0; --fresh) require(y.sizes[fresh - 1] == 1);
    return y;
  }
  [[nodiscard]] Tensor slice(const Tensor& x, std::int64_t axis, std::int64_t begin, std::int64_t end) const {
    require(axis >= 0 && axis < rank(x) && 0 <= begin && begin <= end && end <= x.size(axis));
    Tensor y = x;
    y.offset += begin * x.strides[static_cast<std::size_t>(axis)];
    y.sizes[static_cast<std::size_t>(axis)] = end - begin;
    return y;
  }
  [[nodiscard]] Tensor expand(const Tensor& x, std::int64_t count) const {
    require(rank(x) < 4 && count >= 0);
    Tensor y = x;
    y.sizes.insert(y.sizes.begin(), count);
    y.strides.insert(y.strides.begin(), 0);
    return y;
  }
  [[nodiscard]] Tensor copy(const Tensor& x) const {
    return map(x, [](double value) { return value; });
  }
  [[nodiscard]] Tensor concat(std::int64_t axis, std::initializer_list<Tensor> parts) const {
    require(parts.size() > 0 && axis >= 0 && axis < rank(*parts.begin()));
    for (const Tensor& part : parts) require(rank(part) == rank(*parts.begin()));
    std::vector<std::int64_t> sizes = parts.begin()->sizes;
    sizes[static_cast<std::size_t>(axis)] = 0;
    for (const Tensor& part : parts) sizes[static_cast<std::size_t>(axis)] += part.size(axis);
    const Tensor out = make(sizes);
    std::int64_t at = 0;
    for (const Tensor& part : parts) {
      copy_into(slice(out, axis, at, at + part.size(axis)), part);
      at += part.size(axis);
    }
    return out;
  }

  // docs: begin linear
  [[nodiscard]] Tensor linear(const Tensor& x, const Matrix& matrix, const Parameter* bias,
                              nn::Activation activation = nn::Activation::none) const {
    const std::int64_t inputs = matrix.size(1), outputs = matrix.size(0);
    require(x.sizes.back() == inputs && (bias == nullptr || bias->count() == outputs));
    std::vector<std::int64_t> sizes = x.sizes;
    sizes.back() = outputs;
    const Tensor out = make(sizes);
    for (std::int64_t row = 0; row < x.count() / inputs; ++row)
      for (std::int64_t j = 0; j < outputs; ++j) {
        double sum = bias == nullptr ? 0 : bias->at(j);
        for (std::int64_t i = 0; i < inputs; ++i) sum += x.at(row * inputs + i) * matrix.at(j * inputs + i);
        out.at(row * outputs + j) = sum;
      }
    return activate(out, activation);
  }
  // docs: end linear
  void add_linear_into(const Tensor& residual, const Tensor& x, const Matrix& matrix, const Parameter* bias) const {
    add_into(residual, linear(x, matrix, bias));
  }
  [[nodiscard]] Tensor embedding(const Matrix& table, std::span<const std::int64_t> ids) const { return gather_rows(table, ids); }
  [[nodiscard]] Tensor gather_rows(const Tensor& x, std::span<const std::int64_t> rows) const {
    require(rank(x) == 2);
    const Tensor out = make({static_cast<std::int64_t>(rows.size()), x.size(1)});
    each_row(x, rows, [&](std::int64_t i, std::int64_t row, std::int64_t j) { out.at(i * x.size(1) + j) = x.at(row * x.size(1) + j); });
    return out;
  }
  void add_rows_into(const Tensor& x, std::span<const std::int64_t> rows, const Tensor& y) const {
    require(rank(x) == 2 && y.sizes == std::vector{static_cast<std::int64_t>(rows.size()), x.size(1)});
    each_row(x, rows, [&](std::int64_t i, std::int64_t row, std::int64_t j) { x.at(row * x.size(1) + j) += y.at(i * x.size(1) + j); });
  }
  void copy_rows_into(const Tensor& x, std::span<const std::int64_t> rows, const Tensor& y) const {
    require(rank(x) == 2 && y.sizes == std::vector{static_cast<std::int64_t>(rows.size()), x.size(1)});
    each_row(x, rows, [&](std::int64_t i, std::int64_t row, std::int64_t j) { x.at(row * x.size(1) + j) = y.at(i * x.size(1) + j); });
  }

  [[nodiscard]] Tensor layer_norm(const Tensor& x, const Parameter* weight, const Parameter* bias, float eps) const {
    for (const Parameter* parameter : {weight, bias}) require(parameter == nullptr || parameter->count() == x.sizes.back());
    return norm(x, eps, true, [&](std::int64_t, std::int64_t i, double value) {
      return value * (weight == nullptr ? 1 : weight->at(i)) + (bias == nullptr ? 0 : bias->at(i));
    });
  }
  [[nodiscard]] Tensor rms_norm(const Tensor& x, const Parameter& weight, float eps) const {
    require(weight.count() == x.sizes.back());
    return norm(x, eps, false, [&](std::int64_t, std::int64_t i, double value) { return value * weight.at(i); });
  }
  [[nodiscard]] Tensor modulated_norm(const Tensor& x, const Tensor& scale, const Tensor& shift, float eps) const {
    require(rank(x) == 3 && scale.sizes == shift.sizes && scale.sizes == std::vector{x.size(0), x.size(2)});
    return norm(x, eps, true, [&](std::int64_t row, std::int64_t i, double value) {
      const std::int64_t at = row / x.size(1) * x.size(2) + i;
      return value * (1 + scale.at(at)) + shift.at(at);
    });
  }
  [[nodiscard]] Tensor rope(const Tensor& x, const Tensor& cos, const Tensor& sin) const {
    require(rank(x) == 3 && rank(cos) == 2 && cos.sizes == sin.sizes && cos.size(0) == x.size(0) && cos.size(1) <= x.size(2) &&
            cos.size(1) % 2 == 0);
    const Tensor out = copy(x);
    const std::int64_t rotary = cos.size(1), half = rotary / 2;
    for (std::int64_t row = 0; row < x.size(0) * x.size(1); ++row)
      for (std::int64_t j = 0; j < rotary; ++j) {
        const std::int64_t at = row * x.size(2), table = row / x.size(1) * rotary + j;
        const double other = j < half ? -x.at(at + j + half) : x.at(at + j - half);
        out.at(at + j) = x.at(at + j) * cos.at(table) + other * sin.at(table);
      }
    return out;
  }
  [[nodiscard]] Tensor transform(const Tensor& x, const Tensor& matrices) const {
    require(rank(x) == 3 && x.size(2) % 4 == 0 && matrices.sizes == std::vector<std::int64_t>{x.size(0), 4, 4});
    const Tensor out = make(x.sizes);
    for (std::int64_t i = 0; i < x.count(); ++i) {
      const std::int64_t matrix = i / (x.size(1) * x.size(2)) * 16 + i % 4 * 4;
      for (std::int64_t j = 0; j < 4; ++j) out.at(i) += matrices.at(matrix + j) * x.at(i - i % 4 + j);
    }
    return out;
  }
  // docs: begin attention
  [[nodiscard]] Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const nn::Attention& options) const {
    if (rank(q) == 3) {
      const Tensor out = attention(expand(q, 1), expand(k, 1), expand(v, 1), options);
      return reshape(out, Shape{out.size(1), out.size(2)});
    }
    require(rank(q) == 4 && rank(k) == 4 && k.sizes == v.sizes && k.size(0) == q.size(0) && k.size(3) == q.size(3));
    const std::int64_t batch = q.size(0), queries = q.size(1), heads = q.size(2), dim = q.size(3), keys = k.size(1), kv_heads = k.size(2);
    require(kv_heads > 0 && heads % kv_heads == 0 && fits(options.mask, batch, queries, keys));
    const Tensor out = make({batch, queries, heads * dim});
    std::vector<double> weights(static_cast<std::size_t>(keys));
    for (std::int64_t row = 0; row < batch * queries * heads; ++row) {
      const std::int64_t b = row / (queries * heads), i = row / heads % queries, head = row % heads * kv_heads / heads;
      double sum = 0, most = -INFINITY;
      for (std::int64_t j = 0; j < keys; ++j) {
        double& weight = weights[static_cast<std::size_t>(j)] = -INFINITY;
        if (!sees(options.mask, static_cast<std::int64_t>(options.mask.valid.size()) == keys ? 0 : b * keys, i, j)) continue;
        weight = 0;
        for (std::int64_t d = 0; d < dim; ++d) weight += q.at(row * dim + d) * k.at(((b * keys + j) * kv_heads + head) * dim + d);
        weight *= static_cast<double>(options.scale);
        most = std::max(most, weight);
      }
      for (double& weight : weights) sum += weight = weight == -INFINITY ? 0 : std::exp(weight - most);
      for (std::int64_t j = 0; j < keys && sum > 0; ++j)
        for (std::int64_t d = 0; d < dim; ++d)
          out.at(row * dim + d) += weights[static_cast<std::size_t>(j)] / sum * v.at(((b * keys + j) * kv_heads + head) * dim + d);
    }
    return out;
  }
  // docs: end attention
  [[nodiscard]] Tensor convolution(const Tensor& x, const Filter& filter, const Parameter* bias, const Tensor* residual,
                                   nn::Activation activation) const {
    const std::int64_t outputs = filter.weights.size(0), channels = filter.weights.size(1) / (filter.window.size * filter.window.size);
    require(rank(x) == 4 && dense(x) && x.size(3) == channels && (bias == nullptr || bias->count() == outputs));
    const Tensor out = make_places(x, filter.window, outputs);
    require(residual == nullptr || (dense(*residual) && residual->sizes == out.sizes));
    for (std::int64_t at = 0; at < out.count(); ++at) {
      const std::int64_t j = at % outputs;
      double sum = (bias == nullptr ? 0 : bias->at(j)) + (residual == nullptr ? 0 : residual->at(at));
      each_pixel(x, filter.window, out, at, [&](std::int64_t pixel, std::int64_t i) {
        for (std::int64_t k = 0; k < channels; ++k)
          sum += x.at(pixel * channels + k) * filter.weights.at(j * filter.weights.size(1) + i * channels + k);
      });
      out.at(at) = sum;
    }
    return activate(out, activation);
  }
  [[nodiscard]] Tensor max_pool(const Tensor& x, const nn::Window& window) const {
    require(rank(x) == 4 && dense(x) && fits(window) && 2 * window.padding <= window.size);
    const Tensor out = make_places(x, window, x.size(3));
    for (std::int64_t at = 0; at < out.count(); ++at) {
      out.at(at) = -INFINITY;
      each_pixel(x, window, out, at,
                 [&](std::int64_t pixel, std::int64_t) { out.at(at) = std::max(out.at(at), x.at(pixel * x.size(3) + at % x.size(3))); });
    }
    return out;
  }
  void append(Cache& cache, const Tensor& x) const {
    require(rank(x) == 3 && x.size(1) == cache.values.size(1) && x.size(2) == cache.values.size(2) &&
            cache.length + x.size(0) <= cache.values.size(0));
    copy_into(slice(cache.values, 0, cache.length, cache.length + x.size(0)), x);
    cache.length += x.size(0);
  }
  [[nodiscard]] Tensor contents(const Cache& cache) const { return slice(cache.values, 0, 0, cache.length); }
  void truncate(Cache& cache, std::int64_t length) const {
    require(length >= 0 && length <= cache.length);
    cache.length = length;
  }

  void clear(State& state) const { std::ranges::fill(*state.memory, 0.0); }
  [[nodiscard]] Tensor causal_conv(State& state, const Tensor& x, const Parameter& weight, nn::Activation activation) const {
    require(rank(x) == 2 && rank(weight) == 2 && weight.size(0) <= 16 && state.sizes == std::vector{weight.size(0) - 1, x.size(1)} &&
            weight.size(1) == x.size(1));
    const Tensor all = concat(0, {state, x}), out = make(x.sizes);
    const std::int64_t width = x.size(1), kept = state.size(0);
    for (std::int64_t i = 0; i < x.count(); ++i)
      for (std::int64_t tap = 0; tap <= kept; ++tap) out.at(i) += all.at(i + tap * width) * weight.at(tap * width + i % width);
    copy_into(state, slice(all, 0, x.size(0), x.size(0) + kept));
    return activate(out, activation);
  }
  [[nodiscard]] Tensor log_decay(const Tensor& x, const Parameter& rate, const Parameter& bias) const {
    require(rank(x) == 2 && rate.sizes == std::vector{x.size(1)} && bias.sizes == rate.sizes);
    const Tensor out = make(x.sizes);
    for (std::int64_t i = 0; i < x.count(); ++i) {
      const double sum = x.at(i) + bias.at(i % x.size(1));
      out.at(i) = -rate.at(i % x.size(1)) * (std::max(sum, 0.0) + std::log1p(std::exp(-std::abs(sum))));
    }
    return out;
  }
  [[nodiscard]] Tensor delta_rule(State& state, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& decay,
                                  const Tensor& beta) const {
    require(rank(q) == 3 && rank(v) == 3 && q.sizes == k.sizes);
    const std::int64_t n = v.size(0), heads = v.size(1), dim = v.size(2), key_heads = q.size(1), key_dim = q.size(2);
    require(q.size(0) == n && key_heads > 0 && heads % key_heads == 0 && state.sizes == std::vector{heads, key_dim, dim} &&
            decay.sizes == std::vector{n, heads} && beta.sizes == decay.sizes);
    const Tensor out = make({n, heads * dim});
    for (std::int64_t row = 0; row < n * heads; ++row)
      for (std::int64_t d = 0; d < dim; ++d) {
        const std::int64_t from = (row / heads * key_heads + row % heads * key_heads / heads) * key_dim,
                           column = row % heads * key_dim * dim + d;
        double seen = 0;
        for (std::int64_t r = 0; r < key_dim; ++r) seen += (state.at(column + r * dim) *= std::exp(decay.at(row))) * k.at(from + r);
        const double change = beta.at(row) * (v.at(row * dim + d) - seen);
        for (std::int64_t r = 0; r < key_dim; ++r)
          out.at(row * dim + d) += (state.at(column + r * dim) += k.at(from + r) * change) * q.at(from + r);
      }
    return out;
  }

  [[nodiscard]] Tensor activate(const Tensor& x, nn::Activation activation) const {
    return map(x, [activation](double value) {
      switch (activation) {
        case nn::Activation::none: break;
        case nn::Activation::relu: return value > 0 ? value : 0.0;
        case nn::Activation::silu: return value / (1 + std::exp(-value));
        case nn::Activation::gelu: return value * std::erfc(-value / std::sqrt(2.0)) / 2;
        case nn::Activation::gelu_tanh: return value * (1 + std::tanh(0.7978845608028654 * (value + 0.044715 * value * value * value))) / 2;
        case nn::Activation::sigmoid: return 1 / (1 + std::exp(-value));
        case nn::Activation::tanh: return std::tanh(value);
      }
      return value;
    });
  }
  [[nodiscard]] Tensor silu_mul(const Tensor& gate, const Tensor& up) const { return multiply(activate(gate, nn::Activation::silu), up); }
  [[nodiscard]] Tensor multiply(const Tensor& x, const Tensor& y) const {
    return zip(x, y, [](double a, double b) { return a * b; });
  }
  [[nodiscard]] Tensor combine(float a, const Tensor& x, float b, const Tensor& y) const {
    return zip(x, y, [a, b](double p, double q) { return static_cast<double>(a) * p + static_cast<double>(b) * q; });
  }
  [[nodiscard]] Tensor add(const Tensor& x, const Tensor& y) const {
    require(y.sizes.size() <= x.sizes.size() && std::equal(y.sizes.rbegin(), y.sizes.rend(), x.sizes.rbegin()));
    const Tensor out = copy(x);
    for (std::int64_t i = 0; i < out.count(); ++i) out.at(i) += y.at(i % y.count());
    return out;
  }
  void add_into(const Tensor& x, const Tensor& y, float factor = 1) const {
    require(x.sizes == y.sizes);
    for (std::int64_t i = 0; i < x.count(); ++i) x.at(i) += static_cast<double>(factor) * y.at(i);
  }
  void copy_into(const Tensor& x, const Tensor& y) const {
    require(x.sizes == y.sizes);
    for (std::int64_t i = 0; i < x.count(); ++i) x.at(i) = y.at(i);
  }

 private:
  static void require(bool condition) {
    if (!condition) fail(ErrorCode::invalid_argument, {"PlainOps", "tensors", "shapes that fit", "others", ""});
  }
  static std::int64_t rank(const Tensor& x) { return static_cast<std::int64_t>(x.sizes.size()); }
  /// Gives x these sizes, row-major.
  static void lay_out(Tensor& x, std::vector<std::int64_t> sizes) {
    require(!sizes.empty() && sizes.size() <= 4);
    x.sizes = std::move(sizes);
    x.strides.assign(x.sizes.size(), 1);
    for (std::size_t axis = x.sizes.size(); axis-- > 1;) x.strides[axis - 1] = x.strides[axis] * x.sizes[axis];
  }
  static Tensor make(std::vector<std::int64_t> sizes) {
    Tensor x;
    lay_out(x, std::move(sizes));
    x.memory = std::make_shared<std::vector<double>>(static_cast<std::size_t>(x.count()), 0.0);
    return x;
  }
  static bool dense(const Tensor& x) {
    if (x.count() == 0) return true;
    std::int64_t stride = 1;
    for (std::size_t axis = x.sizes.size(); axis-- > 0; stride *= x.sizes[axis])
      if (x.strides[axis] != stride && x.sizes[axis] != 1) return false;
    return true;
  }
  static bool fits(const nn::Window& window) {
    return window.size > 0 && window.stride > 0 && window.padding >= 0 && window.padding < window.size;
  }
  static Tensor make_places(const Tensor& x, const nn::Window& window, std::int64_t channels) {
    require(window.places(x.size(1)) > 0 && window.places(x.size(2)) > 0);
    return make({x.size(0), window.places(x.size(1)), window.places(x.size(2)), channels});
  }
  /// `function(pixel of x, place in the window)` for what element `at` of the result sees.
  template <class Function>
  static void each_pixel(const Tensor& x, const nn::Window& window, const Tensor& out, std::int64_t at, const Function& function) {
    const std::int64_t place = at / out.size(3), b = place / out.size(2) / out.size(1);
    const std::int64_t top = place / out.size(2) % out.size(1) * window.stride - window.padding;
    const std::int64_t left = place % out.size(2) * window.stride - window.padding;
    for (std::int64_t i = 0; i < window.size * window.size; ++i) {
      const std::int64_t line = top + i / window.size, column = left + i % window.size;
      if (line >= 0 && line < x.size(1) && column >= 0 && column < x.size(2)) function((b * x.size(1) + line) * x.size(2) + column, i);
    }
  }
  template <class Function>
  static Tensor map(const Tensor& x, const Function& function) {
    const Tensor out = make(x.sizes);
    for (std::int64_t i = 0; i < x.count(); ++i) out.at(i) = function(x.at(i));
    return out;
  }
  template <class Function>
  static Tensor zip(const Tensor& x, const Tensor& y, const Function& function) {
    require(x.sizes == y.sizes);
    const Tensor out = make(x.sizes);
    for (std::int64_t i = 0; i < x.count(); ++i) out.at(i) = function(x.at(i), y.at(i));
    return out;
  }
  /// Normalised values of every row, through `function(row, i, value)`.
  template <class Function>
  static Tensor norm(const Tensor& x, float eps, bool centred, const Function& function) {
    const std::int64_t width = x.sizes.back();
    const Tensor out = make(x.sizes);
    for (std::int64_t row = 0; row < (width == 0 ? 0 : x.count() / width); ++row) {
      double mean = 0, squares = 0;
      for (std::int64_t i = 0; centred && i < width; ++i) mean += x.at(row * width + i) / static_cast<double>(width);
      for (std::int64_t i = 0; i < width; ++i) squares += std::pow(x.at(row * width + i) - mean, 2) / static_cast<double>(width);
      for (std::int64_t i = 0; i < width; ++i)
        out.at(row * width + i) = function(row, i, (x.at(row * width + i) - mean) / std::sqrt(squares + static_cast<double>(eps)));
    }
    return out;
  }
  template <class Function>
  static void each_row(const Tensor& x, std::span<const std::int64_t> rows, const Function& function) {
    for (const std::int64_t row : rows) require(row >= 0 && row < x.size(0));
    for (std::size_t i = 0; i < rows.size(); ++i)
      for (std::int64_t j = 0; j < x.size(1); ++j) function(static_cast<std::int64_t>(i), rows[i], j);
  }
  /// Segments are of rows that are queries and keys at once, and no other mask comes with them.
  static bool fits(const nn::Mask& mask, std::int64_t batch, std::int64_t queries, std::int64_t keys) {
    const auto valid = static_cast<std::int64_t>(mask.valid.size());
    const auto bounds = mask.segments;
    if (bounds.empty()) return valid == 0 || valid == keys || valid == batch * keys;
    return !mask.causal && valid == 0 && queries == keys && bounds.size() > 1 && bounds.front() == 0 && bounds.back() == keys &&
           std::ranges::adjacent_find(bounds, std::greater_equal<>()) == bounds.end();
  }
  static bool sees(const nn::Mask& mask, std::int64_t batch_offset, std::int64_t i, std::int64_t j) {
    if (mask.causal && j > i + mask.offset) return false;
    if (!mask.valid.empty() && mask.valid[static_cast<std::size_t>(batch_offset + j)] == 0) return false;
    for (std::size_t s = 1; s < mask.segments.size(); ++s)
      if (i < mask.segments[s]) return j >= mask.segments[s - 1] && j < mask.segments[s];
    return true;
  }
};

static_assert(nn::TensorOps<PlainOps>);

}  // namespace sinew::testing
