// SPDX-License-Identifier: Apache-2.0
// Matrix products and attention of the CPU backend. Plain numbers and pointers only, as for kinematics (docs/architecture.md).
#pragma once

#include <cstddef>
#include <cstdint>

#include "sinew/core/isa.hpp"

namespace sinew::detail {

inline constexpr std::ptrdiff_t kPanel = 16;      ///< outputs side by side in a panel of weights
inline constexpr std::ptrdiff_t kPairBlock = 32;  ///< inputs of brain floats are padded with zeros to a multiple of this

/// Weights of a linear layer, `[outputs, inputs]`, as panels of kPanel outputs; the same panels serve every instruction set. Outputs are
/// padded with zeros to a multiple of kPanel. Element (j, i) lies at
/// - f32: `data[((j / 16) * inputs + i) * 16 + j % 16]`
/// - bf16: `data[((j / 16) * padded + i / 2 * 2) * 16 + j % 16 * 2 + i % 2]`, `padded` = inputs rounded up to kPairBlock; neighbouring
///   inputs are pairs, as the instructions for brain floats want them.
struct Panels {
  const void* data;  ///< 64-byte aligned
  std::ptrdiff_t outputs;
  std::ptrdiff_t inputs;
};

/// `out[r, j] (+)= bias[j] + sum_i rows[r, i] * weight[j, i]` for the outputs of panels [first, last).
struct MatrixProduct {
  const float* rows;  ///< of product_f32
  std::ptrdiff_t row_stride;
  const void* prepared;  ///< of product_bf16: the rows as prepare_rows wrote them
  std::ptrdiff_t count;  ///< rows
  Panels weight;
  std::ptrdiff_t first;
  std::ptrdiff_t last;
  const float* bias;  ///< or null
  bool accumulate;    ///< add to what `out` holds
  float* out;
  std::ptrdiff_t out_stride;
};

/// Attention of the query heads that share one head of keys and values. Head g, query i lies at `q + g * q_head_stride + i * q_stride`;
/// its result goes to `out + g * out_head_stride + i * out_stride`. A query that sees no key gets zeros.
struct AttentionHead {
  const float* q;
  const float* k;  ///< key j at `k + j * k_stride`
  const float* v;
  float* out;
  std::ptrdiff_t q_head_stride, q_stride, k_stride, v_stride, out_head_stride, out_stride;
  std::ptrdiff_t heads;    ///< query heads
  std::ptrdiff_t queries;  ///< per head
  std::ptrdiff_t keys;
  std::ptrdiff_t dim;  ///< of a head
  float scale;
  bool causal;                ///< query i sees keys j <= i + offset
  std::ptrdiff_t offset;      ///< of causal
  const std::uint8_t* valid;  ///< `[keys]`, 0: nobody sees the key; or null
  void* scratch;              ///< attention_scratch(...) bytes, 64-byte aligned
};

/// Lines of a convolution's result `[lines, columns, outputs]`, for the outputs of panels [first, last). Channels are last and pixels lie
/// side by side, so that the window's share of a line of the image is one run of `depth` elements:
/// `out[y, x, j] = bias[j] + residual[y, x, j] + sum_{k, i} image[(y * line_step + k) * line + x * step + i] * weight[j, k * depth + i]`.
struct ConvolutionRows {
  const void* image;    ///< of convolution_f32: f32; of convolution_bf16: MatrixKernels::image_bytes a number, `depth` and strides are even
  std::ptrdiff_t line;  ///< elements from one line of the image to the next
  std::ptrdiff_t line_step;
  std::ptrdiff_t step;    ///< elements from one pixel of the result to the next
  std::ptrdiff_t window;  ///< lines of the window
  std::ptrdiff_t depth;
  Panels weight;  ///< its inputs: window * depth
  std::ptrdiff_t first;
  std::ptrdiff_t last;
  const float* bias;      ///< or null
  const float* residual;  ///< as `out`, or null
  bool relu;              ///< of the sum
  float* out;
  std::ptrdiff_t lines;
  std::ptrdiff_t columns;
};

struct MatrixKernels {
  /// Sixteen rows of 32-bit elements beside each other: `panel[i * 16 + j] = row j [i]`, for j < rows; zeros for the others.
  void (*transpose)(const std::uint32_t* from, std::ptrdiff_t stride, std::ptrdiff_t rows, std::ptrdiff_t columns, std::uint32_t* panel);
  void (*product_f32)(const MatrixProduct& product);
  /// Bytes that prepare_rows writes for so many rows and inputs; a multiple of 64.
  std::size_t (*prepared_bytes)(std::ptrdiff_t count, std::ptrdiff_t inputs);
  /// Rows as this instruction set multiplies them with brain floats: rounded to brain floats where its products take those.
  void (*prepare_rows)(const float* rows, std::ptrdiff_t stride, std::ptrdiff_t count, std::ptrdiff_t inputs, void* prepared);
  void (*product_bf16)(const MatrixProduct& product);
  void (*convolution_f32)(const ConvolutionRows& rows);
  std::ptrdiff_t image_bytes;  ///< a number of an image that convolution_bf16 takes: 2, rounded to a brain float, or 4
  void (*convolution_bf16)(const ConvolutionRows& rows);
  std::size_t (*attention_scratch)(std::ptrdiff_t heads, std::ptrdiff_t queries, std::ptrdiff_t keys, std::ptrdiff_t dim);
  void (*attention)(const AttentionHead& head);
};

namespace portable {
extern const MatrixKernels kMatrixKernels;
}
namespace v2 {
extern const MatrixKernels kMatrixKernels;
}
namespace v3 {
extern const MatrixKernels kMatrixKernels;
}
namespace v4 {
extern const MatrixKernels kMatrixKernels;
}
namespace v4_bf16 {
extern const MatrixKernels kMatrixKernels;
}
namespace v4_amx {
extern const MatrixKernels kMatrixKernels;
}

[[nodiscard]] const MatrixKernels& matrix_kernels(Isa isa) noexcept;
/// Those of active_isa().
[[nodiscard]] const MatrixKernels& matrix_kernels() noexcept;

}  // namespace sinew::detail
