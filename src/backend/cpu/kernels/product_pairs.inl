// SPDX-License-Identifier: Apache-2.0
// Products with weights in brain floats by AVX-512 BF16 (pairs.inl).

/// Prepared rows are packed pairs of all inputs.
inline Index pair_count(Index inputs) { return (inputs + 1) / 2; }

std::size_t prepared_bytes(Index count, Index inputs) {
  const Index lanes = count <= kFewRows ? few_step(count) : block_count(count) * kPanel;
  return (static_cast<std::size_t>(pair_count(inputs) * lanes) * sizeof(float) + 63) / 64 * 64;
}

constexpr Index kPairChunk = 128;  // pairs that are rounded at a time, before they are packed

/// Up to sixteen rows, the pairs of 2 * kPairChunk inputs; `count` inputs exist.
inline void round_pairs(const float* rows, Index stride, Index row_count, Index count, std::uint32_t* pairs) {
  for (Index r = 0; r < row_count; ++r)
    for (Index i = 0; i < count; i += 16) {
      const Index left = count - i;
      const auto mask = static_cast<__mmask16>(left >= 16 ? 0xffffU : (1U << left) - 1U);
      const __m256i words = (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mask, rows + r * stride + i));
      _mm256_store_si256(reinterpret_cast<__m256i*>(pairs + r * kPairChunk + i / 2), words);
    }
}

/// Rows of one block, a row's word every `step` words.
inline void pack_pairs(const float* rows, Index stride, Index row_count, Index inputs, float* to) {
  alignas(64) std::uint32_t pairs[kPanel * kPairChunk];
  const Index step = row_count <= kFewRows ? few_step(row_count) : kPanel;
  for (Index i = 0; i < inputs; i += 2 * kPairChunk) {
    const Index count = inputs - i < 2 * kPairChunk ? inputs - i : 2 * kPairChunk;
    round_pairs(rows + i, stride, row_count, count, pairs);
    float* at = to + i / 2 * step;
    if (step == kPanel) {
      transpose(pairs, kPairChunk, row_count, pair_count(count), reinterpret_cast<std::uint32_t*>(at));
      continue;
    }
    for (Index k = 0; k < pair_count(count); ++k)
      for (Index r = 0; r < row_count; ++r) __builtin_memcpy(at + k * step + r, pairs + r * kPairChunk + k, sizeof(*at));
  }
}

void prepare_rows(const float* rows, Index stride, Index count, Index inputs, void* prepared) {
  auto* to = static_cast<float*>(prepared);
  if (count <= kFewRows) return pack_pairs(rows, stride, count, inputs, to);
  for (Index b = 0; b < block_count(count); ++b, to += pair_count(inputs) * kPanel) {
    const Index row = block_start(count, b);
    pack_pairs(rows + row * stride, stride, block_start(count, b + 1) - row, inputs, to);
  }
}

void product_bf16(const MatrixProduct& p) { multiply_prepared<PairProducts>(p, pair_count(p.weight.inputs) * 2); }
