// SPDX-License-Identifier: Apache-2.0
// Everything of the CPU backend that works row by row or element by element. Plain numbers and pointers only, as for kinematics
// (docs/architecture.md). Strides are in floats; elements of a row follow each other; outputs are dense unless they have a stride.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sinew/core/isa.hpp"

namespace sinew::detail {

/// x [tokens, heads, dim]; the halves of the first `rotary` values of a head turn against each other, the rest is copied:
/// `out_j = x_j cos_j - x_{j + h} sin_j`, `out_{j + h} = x_{j + h} cos_{j + h} + x_j sin_{j + h}`, h = rotary / 2.
struct RotaryRows {
  const float* x;
  std::ptrdiff_t token_stride, head_stride;
  std::ptrdiff_t tokens, heads, dim, rotary;
  const float* cos;  ///< [tokens, rotary]
  const float* sin;
  float* out;  ///< [tokens, heads, dim], dense
};

/// The gated delta rule of the value heads that share a key head. Token i: q and k `[key_dim]` at `i * stride`; value head h: v `[dim]`,
/// decay (a logarithm) and beta at `i * stride + h * head stride` (gates: h), results likewise (h * dim).
struct DeltaHeads {
  const float *q, *k, *v, *decay, *beta;
  float* state;  ///< [heads, key_dim, dim], dense
  float* out;
  std::ptrdiff_t q_stride, k_stride, v_stride, v_head_stride, decay_stride, beta_stride, out_stride;
  std::ptrdiff_t tokens, heads, key_dim, dim;
  void* scratch;  ///< delta_scratch(key_dim) bytes, 64-byte aligned
};

struct RowKernels {
  /// `(x - mean) / sqrt(variance + eps) * weight + bias`; weight, bias `[width]` or null (1, 0). Sums in f32 of f32 values.
  void (*layer_norm)(const float* x, std::ptrdiff_t stride, std::ptrdiff_t rows, std::ptrdiff_t width, const float* weight,
                     const float* bias, float eps, float* out);
  /// `(x - mean) / sqrt(variance + eps) * (1 + scale) + shift`; scale, shift `[width]`.
  void (*modulated_norm)(const float* x, std::ptrdiff_t stride, std::ptrdiff_t rows, std::ptrdiff_t width, const float* scale,
                         const float* shift, float eps, float* out);
  /// `x / sqrt(mean(x^2) + eps) * weight`.
  void (*rms_norm)(const float* x, std::ptrdiff_t stride, std::ptrdiff_t rows, std::ptrdiff_t width, const float* weight, float eps,
                   float* out, std::ptrdiff_t out_stride);
  void (*rotary)(const RotaryRows& rows);
  void (*relu)(const float* x, std::size_t count, float* out);  ///< of these, `out` may be `x`
  void (*silu)(const float* x, std::size_t count, float* out);
  void (*sigmoid)(const float* x, std::size_t count, float* out);
  void (*tanh)(const float* x, std::size_t count, float* out);
  void (*gelu)(const float* x, std::size_t count, float* out);       ///< x / 2 (1 + erf(x / sqrt 2))
  void (*gelu_tanh)(const float* x, std::size_t count, float* out);  ///< the form with tanh
  /// `silu(gate) * up` of rows.
  void (*silu_mul)(const float* gate, std::ptrdiff_t gate_stride, const float* up, std::ptrdiff_t up_stride, std::ptrdiff_t rows,
                   std::ptrdiff_t width, float* out);
  void (*add)(const float* x, std::size_t count, float* into);
  void (*larger)(const float* x, std::size_t count, float* into);  ///< the greater of both; NaN stays
  void (*multiply)(const float* x, const float* y, std::size_t count, float* out);
  void (*combine)(float a, const float* x, float b, const float* y, std::size_t count, float* out);  ///< a x + b y
  /// `out_i = sum_j weight[j, i] rows[j][i]`, rows in ascending order; weight `[count, width]`.
  void (*weighted_rows)(const float* const* rows, std::ptrdiff_t count, const float* weight, std::ptrdiff_t width, float* out);
  std::size_t (*delta_scratch)(std::ptrdiff_t key_dim);
  void (*delta_rule)(const DeltaHeads& heads);
  void (*widen_bf16)(const std::uint16_t* x, std::size_t count, float* out);
  void (*narrow_bf16)(const float* x, std::size_t count, std::uint16_t* out);  ///< to nearest, ties to even; NaN stays NaN
};

namespace portable {
extern const RowKernels kRowKernels;
}
namespace v2 {
extern const RowKernels kRowKernels;
}
namespace v3 {
extern const RowKernels kRowKernels;
}
namespace v4 {
extern const RowKernels kRowKernels;
}

[[nodiscard]] const RowKernels& row_kernels(Isa isa) noexcept;
/// Those of active_isa().
[[nodiscard]] const RowKernels& row_kernels() noexcept;

}  // namespace sinew::detail
