// SPDX-License-Identifier: Apache-2.0
// One instruction set's kernels of the CPU backend. Everything but the tables has internal linkage.
#include "matrix.hpp"
#include "rows.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace sinew::detail::SINEW_ISA {
namespace {

// In this order: each uses what comes before it.
// clang-format off
#include "../../../core/kernels/lanes.inl"
#include "parts.inl"
#include "math.inl"
#if !defined(__AVX512BF16__)  // rows have nothing to gain from that set and those behind it
#include "rows.inl"
#endif
#include "transpose.inl"
#include "blocks.inl"
#if defined(__AMX_BF16__)
#include "tiles.inl"
#include "product_split.inl"
#endif
#include "product.inl"
#if defined(__AVX512BF16__)
#include "pairs.inl"
#endif
#if defined(__AMX_BF16__)
#include "product_tiles.inl"
#elif defined(__AVX512BF16__)
#include "product_pairs.inl"
#else
#include "product_bf16.inl"
#endif
#include "convolution.inl"
#include "softmax.inl"
#include "attention.inl"
#if !defined(__AVX512BF16__)
#include "delta.inl"
#endif
// clang-format on

}  // namespace

#if !defined(__AVX512BF16__)
const RowKernels kRowKernels = {.layer_norm = layer_norm,
                                .modulated_norm = modulated_norm,
                                .rms_norm = rms_norm,
                                .rotary = rotary,
                                .relu = relu,
                                .silu = silu,
                                .sigmoid = sigmoid,
                                .tanh = tanh,
                                .gelu = gelu,
                                .gelu_tanh = gelu_tanh,
                                .silu_mul = silu_mul,
                                .add = add,
                                .larger = larger,
                                .multiply = multiply,
                                .combine = combine,
                                .weighted_rows = weighted_rows,
                                .delta_scratch = delta_scratch,
                                .delta_rule = delta_rule,
                                .widen_bf16 = widen_bf16,
                                .narrow_bf16 = narrow_bf16};
#endif

const MatrixKernels kMatrixKernels = {.transpose = transpose,
                                      .product_f32 = product_f32,
                                      .prepared_bytes = prepared_bytes,
                                      .prepare_rows = prepare_rows,
                                      .product_bf16 = product_bf16,
                                      .convolution_f32 = convolution_f32,
                                      .image_bytes = kImageBytes,
                                      .convolution_bf16 = convolution_bf16,
                                      .attention_scratch = attention_scratch,
                                      .attention = attention};

}  // namespace sinew::detail::SINEW_ISA
