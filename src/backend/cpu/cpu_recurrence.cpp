// SPDX-License-Identifier: Apache-2.0
// Recurrences of CpuOps: causal convolution and the gated delta rule.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "activate_rows.hpp"
#include "cpu_checks.hpp"
#include "cpu_parallel.hpp"
#include "kernels/rows.hpp"

namespace sinew {

using detail::as_size;
using detail::dense_rows;
using detail::require;
using detail::row_kernels;

namespace {

constexpr std::int64_t kMostTaps = 16;

float* values_of(CpuState& state) noexcept { return reinterpret_cast<float*>(state.values.data()); }
const float* values_of(const CpuParameter& parameter) noexcept { return reinterpret_cast<const float*>(parameter.values.data()); }

}  // namespace

CpuState CpuOps::state(const Shape& shape) {
  State state{CpuBuffer(shape.count() * sizeof(float)), shape};
  clear(state);
  return state;
}

void CpuOps::clear(State& state) { std::fill_n(values_of(state), state.shape.count(), 0.0F); }

CpuTensor CpuOps::causal_conv(State& state, const Tensor& x, const Parameter& weight, nn::Activation activation) {
  check(x, "causal_conv");
  const std::int64_t width = x.width(), before = state.shape[0], taps = before + 1;
  require(x.rank_ == 2 && dense_rows(x) && taps <= kMostTaps && state.shape == Shape{before, width} && weight.shape == Shape{taps, width},
          "causal_conv", "x [n, w] with dense rows, a state [taps - 1, w] and a weight [taps, w], at most 16 taps");
  const std::int64_t count = x.size(0), step = x.stride(0);
  const Tensor out = make(std::array{count, width});
  float* const kept = values_of(state);
  const auto row = [&](std::int64_t i) { return i < 0 ? kept + (before + i) * width : x.data_ + i * step; };
  std::array<const float*, kMostTaps> rows{};
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t tap = 0; tap < taps; ++tap) rows[as_size(tap)] = row(i - before + tap);
    float* const to = out.data_ + i * width;
    row_kernels().weighted_rows(rows.data(), taps, values_of(weight), width, to);
    detail::activate_rows(activation, to, width, 1, width);
  }
  for (std::int64_t i = 0; i < before; ++i)  // in ascending order: what moves up is read before it is written
    std::copy_n(row(count - before + i), width, kept + i * width);
  return out;
}

CpuTensor CpuOps::log_decay(const Tensor& x, const Parameter& rate, const Parameter& bias) {
  check(x, "log_decay");
  const std::int64_t heads = x.width();
  require(x.rank_ == 2 && dense_rows(x) && rate.shape == Shape{heads} && bias.shape == Shape{heads}, "log_decay",
          "x [n, heads] with dense rows, rate and bias [heads]");
  const Tensor out = make(x.shape().dims());
  for (std::int64_t i = 0; i < x.size(0); ++i)
    for (std::int64_t h = 0; h < heads; ++h) {
      const float value = x.data_[i * x.stride(0) + h] + values_of(bias)[h];
      out.data_[i * heads + h] = -values_of(rate)[h] * (std::max(value, 0.0F) + std::log1p(std::exp(-std::abs(value))));
    }
  return out;
}

CpuTensor CpuOps::delta_rule(State& state, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& decay, const Tensor& beta) {
  for (const Tensor* x : {&q, &k, &v, &decay, &beta}) check(*x, "delta_rule");
  require(q.rank_ == 3 && v.rank_ == 3 && q.shape() == k.shape() && dense_rows(q) && dense_rows(k) && dense_rows(v), "delta_rule",
          "q and k [n, key_heads, key_dim] and v [n, heads, dim] with dense rows");
  const std::int64_t count = v.size(0), heads = v.size(1), dim = v.size(2), key_heads = q.size(1), key_dim = q.size(2);
  const Shape gates{count, heads};
  require(q.size(0) == count && key_heads > 0 && heads % key_heads == 0 && state.shape == Shape{heads, key_dim, dim} &&
              decay.shape() == gates && decay.dense() && beta.shape() == gates && dense_rows(beta),
          "delta_rule",
          "as many rows of all, heads a multiple of key_heads, a state [heads, key_dim, dim], dense decay and beta [n, heads]");
  const Tensor out = make(std::array{count, heads * dim});
  const std::int64_t parts = threads_ == nullptr ? 1 : std::min<std::int64_t>(key_heads, threads_->threads()), group = heads / key_heads;
  const auto& kernels = row_kernels();
  const Scope scratch(*this);
  const std::size_t bytes = (kernels.delta_scratch(key_dim) + 63) / 64 * 64;
  std::byte* const memory = arena_.allocate(bytes * as_size(parts));
  in_parallel(parts, 6.0 * static_cast<double>(count * heads) * static_cast<double>(key_dim * dim), [&](std::int64_t part) noexcept {
    for (std::int64_t head = key_heads * part / parts; head < key_heads * (part + 1) / parts; ++head)
      kernels.delta_rule({.q = q.data_ + head * q.stride(1),
                          .k = k.data_ + head * k.stride(1),
                          .v = v.data_ + head * group * v.stride(1),
                          .decay = decay.data_ + head * group,
                          .beta = beta.data_ + head * group,
                          .state = values_of(state) + head * group * key_dim * dim,
                          .out = out.data_ + head * group * dim,
                          .q_stride = q.stride(0),
                          .k_stride = k.stride(0),
                          .v_stride = v.stride(0),
                          .v_head_stride = v.stride(1),
                          .decay_stride = heads,
                          .beta_stride = beta.stride(0),
                          .out_stride = heads * dim,
                          .tokens = count,
                          .heads = group,
                          .key_dim = key_dim,
                          .dim = dim,
                          .scratch = memory + as_size(part) * bytes});
  });
  return out;
}

}  // namespace sinew
