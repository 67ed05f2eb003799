// SPDX-License-Identifier: Apache-2.0
// Norms, rotary embeddings and element-wise work of CpuOps.
#include <algorithm>

#include "activate_rows.hpp"
#include "cpu_checks.hpp"
#include "kernels/rows.hpp"
#include "sinew/backend/cpu/cpu_ops.hpp"

namespace sinew {

using detail::as_size;
using detail::dense_rows;
using detail::require;
using detail::row_kernels;

namespace {

/// Rows at equal distances; `first` counts those of the tensor before them.
struct RowGroup {
  const float* from;
  std::int64_t stride, rows, first;
};

/// Calls work(group) for all rows of a tensor with dense rows: one group where they lie at equal distances, else one for each entry of the
/// axes before the last two (the heads of a token within a wider row).
template <class Work>
void for_groups(const CpuTensor& x, const Work& work) {
  if (const auto stride = x.row_stride(); stride >= 0) return work(RowGroup{x.data(), stride, x.rows(), 0});
  const auto inner = static_cast<std::int64_t>(x.rank()) - 2;
  const std::int64_t rows = x.size(inner), groups = rows == 0 ? 0 : x.rows() / rows;
  for (std::int64_t group = 0; group < groups; ++group) {
    const float* from = x.data();
    for (std::int64_t axis = inner, left = group; axis-- > 0; left /= x.size(axis)) from += left % x.size(axis) * x.stride(axis);
    work(RowGroup{from, x.stride(inner), rows, group * rows});
  }
}

}  // namespace

CpuTensor CpuOps::layer_norm(const Tensor& x, const Parameter* weight, const Parameter* bias, float eps) {
  check(x, "layer_norm");
  const auto fits = [&](const Parameter* p) { return p == nullptr || static_cast<std::int64_t>(p->shape.count()) == x.width(); };
  require(dense_rows(x) && fits(weight) && fits(bias), "layer_norm", "dense rows, weight and bias of their width");
  const auto values = [](const Parameter* p) { return p == nullptr ? nullptr : reinterpret_cast<const float*>(p->values.data()); };
  const Tensor out = make(x.shape().dims());
  for_groups(x, [&](const RowGroup& group) {
    row_kernels().layer_norm(group.from, group.stride, group.rows, x.width(), values(weight), values(bias), eps,
                             out.data_ + group.first * x.width());
  });
  return out;
}

CpuTensor CpuOps::rms_norm(const Tensor& x, const Parameter& weight, float eps) {
  check(x, "rms_norm");
  require(dense_rows(x) && static_cast<std::int64_t>(weight.shape.count()) == x.width(), "rms_norm", "dense rows, a weight of their width");
  const Tensor out = make(x.shape().dims());
  const auto* values = reinterpret_cast<const float*>(weight.values.data());
  for_groups(x, [&](const RowGroup& group) {
    row_kernels().rms_norm(group.from, group.stride, group.rows, x.width(), values, eps, out.data_ + group.first * x.width(), x.width());
  });
  return out;
}

CpuTensor CpuOps::modulated_norm(const Tensor& x, const Tensor& scale, const Tensor& shift, float eps) {
  check(x, "modulated_norm");
  check(scale, "modulated_norm");
  check(shift, "modulated_norm");
  const auto fits = [&](const Tensor& y) { return y.rank_ == 2 && y.size(0) == x.size(0) && y.width() == x.width() && dense_rows(y); };
  require(x.rank_ == 3 && x.stride(2) == 1 && fits(scale) && fits(shift), "modulated_norm", "[b, n, w] with dense rows, [b, w] and [b, w]");
  const Tensor out = make(x.shape().dims());
  for (std::int64_t b = 0; b < x.size(0); ++b)
    row_kernels().modulated_norm(x.data_ + b * x.stride(0), x.stride(1), x.size(1), x.width(), scale.data_ + b * scale.stride(0),
                                 shift.data_ + b * shift.stride(0), eps, out.data_ + b * out.stride(0));
  return out;
}

CpuTensor CpuOps::rope(const Tensor& x, const Tensor& cos, const Tensor& sin) {
  check(x, "rope");
  check(cos, "rope");
  check(sin, "rope");
  require(x.rank_ == 3 && dense_rows(x) && cos.rank_ == 2 && cos.dense() && sin.dense() && cos.shape() == sin.shape() &&
              cos.size(0) == x.size(0) && cos.width() <= x.width() && cos.width() % 2 == 0,
          "rope", "x [n, heads, dim], dense cos and sin [n, an even number up to dim]");
  const Tensor out = make(x.shape().dims());
  row_kernels().rotary({.x = x.data_,
                        .token_stride = x.stride(0),
                        .head_stride = x.stride(1),
                        .tokens = x.size(0),
                        .heads = x.size(1),
                        .dim = x.size(2),
                        .rotary = cos.width(),
                        .cos = cos.data_,
                        .sin = sin.data_,
                        .out = out.data_});
  return out;
}

CpuTensor CpuOps::transform(const Tensor& x, const Tensor& matrices) {
  check(x, "transform");
  check(matrices, "transform");
  require(x.rank_ == 3 && dense_rows(x) && x.width() % 4 == 0 && matrices.dense() &&
              matrices.shape() == Shape{x.size(0), std::int64_t{4}, std::int64_t{4}},
          "transform", "x [n, heads, a multiple of four], dense matrices [n, 4, 4]");
  const Tensor out = make(x.shape().dims());
  float* to = out.data_;
  for (std::int64_t token = 0; token < x.size(0); ++token) {
    const float* const m = matrices.data_ + 16 * token;
    for (std::int64_t head = 0; head < x.size(1); ++head) {
      const float* const from = x.data_ + token * x.stride(0) + head * x.stride(1);
      for (std::int64_t at = 0; at < x.width(); at += 4, to += 4)
        for (std::int64_t row = 0; row < 4; ++row)
          to[row] = m[4 * row] * from[at] + m[4 * row + 1] * from[at + 1] + m[4 * row + 2] * from[at + 2] + m[4 * row + 3] * from[at + 3];
    }
  }
  return out;
}

CpuTensor CpuOps::activate(const Tensor& x, nn::Activation activation) {
  check(x, "activate");
  require(x.dense(), "activate", "a dense tensor");
  const Tensor out = copy(x);
  detail::activate_rows(activation, out.data_, x.count(), 1, x.count());
  return out;
}

CpuTensor CpuOps::silu_mul(const Tensor& gate, const Tensor& up) {
  check(gate, "silu_mul");
  check(up, "silu_mul");
  require(gate.shape() == up.shape() && dense_rows(gate) && dense_rows(up), "silu_mul", "equal shapes with dense rows");
  const Tensor out = make(gate.shape().dims());
  const Scope scratch(*this);
  const auto evenly = [this](const Tensor& x) { return x.row_stride() >= 0 ? x : copy(x); };
  const Tensor a = evenly(gate), b = evenly(up);
  row_kernels().silu_mul(a.data_, a.row_stride(), b.data_, b.row_stride(), a.rows(), a.width(), out.data_);
  return out;
}

CpuTensor CpuOps::multiply(const Tensor& x, const Tensor& y) {
  check(x, "multiply");
  check(y, "multiply");
  require(x.dense() && y.dense() && x.shape() == y.shape(), "multiply", "dense tensors of equal shape");
  const Tensor out = make(x.shape().dims());
  row_kernels().multiply(x.data_, y.data_, as_size(x.count()), out.data_);
  return out;
}

CpuTensor CpuOps::combine(float a, const Tensor& x, float b, const Tensor& y) {
  check(x, "combine");
  check(y, "combine");
  require(x.dense() && y.dense() && x.shape() == y.shape(), "combine", "dense tensors of equal shape");
  const Tensor out = make(x.shape().dims());
  row_kernels().combine(a, x.data_, b, y.data_, as_size(x.count()), out.data_);
  return out;
}

CpuTensor CpuOps::add(const Tensor& x, const Tensor& y) {
  check(y, "add");
  const Tensor out = copy(x);
  const std::size_t from = out.rank_ - std::min<std::size_t>(y.rank_, out.rank_);
  bool fits = y.dense() && y.rank_ <= out.rank_;
  for (std::size_t axis = 0; fits && axis < y.rank_; ++axis) fits = y.sizes_[axis] == out.sizes_[from + axis];
  require(fits, "add", "a dense second tensor whose shape is the end of that of the first");
  const std::size_t count = as_size(y.count());
  for (std::size_t at = 0; count > 0 && at < as_size(out.count()); at += count) row_kernels().add(y.data_, count, out.data_ + at);
  return out;
}

void CpuOps::add_into(const Tensor& x, const Tensor& y, float factor) {
  check_writable(x, "add_into");
  check(y, "add_into");
  require(x.dense() && y.dense() && x.shape() == y.shape(), "add_into", "dense tensors of equal shape");
  const std::size_t count = as_size(x.count());
  if (factor == 1)
    row_kernels().add(y.data_, count, x.data_);
  else
    row_kernels().combine(1, x.data_, factor, y.data_, count, x.data_);
}

}  // namespace sinew
