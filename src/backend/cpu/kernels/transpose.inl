// SPDX-License-Identifier: Apache-2.0
// Rows beside each other: the layout of weights and of the rows that are multiplied with them.

#if defined(__AVX512F__)
/// Four columns of the rows `at`, `at + 4`, ...: each in a quarter of the lanes.
SINEW_INLINE IntLanes quarters(const std::uint32_t* const* at, Index column) {
  const auto part = [&](int quarter) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at[quarter * 4] + column)); };
  __m512i lanes = _mm512_castsi128_si512(part(0));
  lanes = _mm512_inserti32x4(lanes, part(1), 1);
  lanes = _mm512_inserti32x4(lanes, part(2), 2);
  return (IntLanes)_mm512_inserti32x4(lanes, part(3), 3);
}
SINEW_INLINE IntLanes low_words(IntLanes a, IntLanes b) { return (IntLanes)_mm512_unpacklo_epi32((__m512i)a, (__m512i)b); }
SINEW_INLINE IntLanes high_words(IntLanes a, IntLanes b) { return (IntLanes)_mm512_unpackhi_epi32((__m512i)a, (__m512i)b); }
SINEW_INLINE IntLanes low_pairs(IntLanes a, IntLanes b) { return (IntLanes)_mm512_unpacklo_epi64((__m512i)a, (__m512i)b); }
SINEW_INLINE IntLanes high_pairs(IntLanes a, IntLanes b) { return (IntLanes)_mm512_unpackhi_epi64((__m512i)a, (__m512i)b); }
#elif defined(__AVX2__)
SINEW_INLINE IntLanes quarters(const std::uint32_t* const* at, Index column) {
  const auto part = [&](int half) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at[half * 4] + column)); };
  return (IntLanes)_mm256_inserti128_si256(_mm256_castsi128_si256(part(0)), part(1), 1);
}
SINEW_INLINE IntLanes low_words(IntLanes a, IntLanes b) { return (IntLanes)_mm256_unpacklo_epi32((__m256i)a, (__m256i)b); }
SINEW_INLINE IntLanes high_words(IntLanes a, IntLanes b) { return (IntLanes)_mm256_unpackhi_epi32((__m256i)a, (__m256i)b); }
SINEW_INLINE IntLanes low_pairs(IntLanes a, IntLanes b) { return (IntLanes)_mm256_unpacklo_epi64((__m256i)a, (__m256i)b); }
SINEW_INLINE IntLanes high_pairs(IntLanes a, IntLanes b) { return (IntLanes)_mm256_unpackhi_epi64((__m256i)a, (__m256i)b); }
#else
SINEW_INLINE IntLanes quarters(const std::uint32_t* const* at, Index column) {
  IntLanes lanes;
  __builtin_memcpy(&lanes, at[0] + column, sizeof(lanes));
  return lanes;
}
SINEW_INLINE IntLanes low_words(IntLanes a, IntLanes b) { return __builtin_shufflevector(a, b, 0, 4, 1, 5); }
SINEW_INLINE IntLanes high_words(IntLanes a, IntLanes b) { return __builtin_shufflevector(a, b, 2, 6, 3, 7); }
SINEW_INLINE IntLanes low_pairs(IntLanes a, IntLanes b) { return __builtin_shufflevector(a, b, 0, 1, 4, 5); }
SINEW_INLINE IntLanes high_pairs(IntLanes a, IntLanes b) { return __builtin_shufflevector(a, b, 2, 3, 6, 7); }
#endif

/// Which lanes from `first` on hold one of `rows` rows.
inline IntLanes present(Index first, Index rows) {
  IntLanes mask;
  for (int lane = 0; lane < kLanes<float>; ++lane) mask[lane] = first + lane < rows ? -1 : 0;
  return mask;
}

/// Four columns of as many rows as a vector has lanes.
SINEW_INLINE void transpose_quad(const std::uint32_t* const* rows, Index column, IntLanes mask, std::uint32_t* panel) {
  const IntLanes a = quarters(rows, column), b = quarters(rows + 1, column), c = quarters(rows + 2, column), d = quarters(rows + 3, column);
  const IntLanes ab = low_words(a, b), cd = low_words(c, d), ab_high = high_words(a, b), cd_high = high_words(c, d);
  const IntLanes columns[4] = {low_pairs(ab, cd) & mask, high_pairs(ab, cd) & mask, low_pairs(ab_high, cd_high) & mask,
                               high_pairs(ab_high, cd_high) & mask};
  for (int i = 0; i < 4; ++i) __builtin_memcpy(panel + (column + i) * kPanel, &columns[i], sizeof(IntLanes));
}

/// The first `rows` of sixteen rows; the pointers of the others may be anything that can be read.
inline void transpose_rows(const std::uint32_t* const (&row)[kPanel], Index rows, Index columns, std::uint32_t* panel) {
  constexpr int kWidth = kLanes<float>;
  const Index quads = rows > 0 ? columns / 4 * 4 : 0;
  for (int first = 0; first < kPanel; first += kWidth) {
    const IntLanes mask = present(first, rows);
    for (Index i = 0; i < quads; i += 4) transpose_quad(row + first, i, mask, panel + first);
  }
  for (Index i = quads; i < columns; ++i)
    for (Index j = 0; j < kPanel; ++j) {
      if (j < rows)
        __builtin_memcpy(panel + i * kPanel + j, row[j] + i, sizeof(*panel));  // the words may be numbers of any kind
      else
        __builtin_memset(panel + i * kPanel + j, 0, sizeof(*panel));
    }
}

void transpose(const std::uint32_t* from, Index stride, Index rows, Index columns, std::uint32_t* panel) {
  const std::uint32_t* row[kPanel];
  for (Index j = 0; j < kPanel; ++j) row[j] = from + (j < rows ? j : 0) * stride;
  transpose_rows(row, rows, columns, panel);
}
