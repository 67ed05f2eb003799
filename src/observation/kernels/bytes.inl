// SPDX-License-Identifier: Apache-2.0
// Vectors of bytes, 16-bit pairs and 32-bit sums in the widest registers of the instruction set: a group of 128-bit lanes, one output
// pixel each. All operations stay within their lane, so widening and narrowing cancel.

/// `count` bytes, known to be few.
inline void copy_bytes(const std::uint8_t* from, std::size_t count, std::uint8_t* to) { __builtin_memcpy(to, from, count); }

#if defined(__AVX512BW__) && defined(__AVX512VL__)
constexpr int kGroup = 4;
using Vector = __m512i;
inline Vector load(const void* from) { return _mm512_loadu_si512(from); }
inline void store(void* to, Vector v) { _mm512_storeu_si512(to, v); }
inline Vector zero() { return _mm512_setzero_si512(); }
inline Vector repeat32(std::int32_t value) { return _mm512_set1_epi32(value); }
inline Vector repeat_lane(const std::uint8_t* lane) {
  return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(lane)));
}
inline Vector gather_lanes(const std::uint8_t* row, const std::int32_t* offsets, int more) {
  const auto lane = [&](int i) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + offsets[i] + more)); };
  Vector v = _mm512_castsi128_si512(lane(0));
  v = _mm512_inserti32x4(v, lane(1), 1);
  v = _mm512_inserti32x4(v, lane(2), 2);
  return _mm512_inserti32x4(v, lane(3), 3);
}
inline Vector shuffle(Vector v, Vector places) { return _mm512_shuffle_epi8(v, places); }
inline Vector interleave_low(Vector a, Vector b) { return _mm512_unpacklo_epi8(a, b); }
inline Vector interleave_high(Vector a, Vector b) { return _mm512_unpackhi_epi8(a, b); }
inline Vector multiply_pairs(Vector values, Vector weights) { return _mm512_madd_epi16(values, weights); }
inline Vector add(Vector a, Vector b) { return _mm512_add_epi32(a, b); }
inline Vector shift_left(Vector v, int bits) { return _mm512_sll_epi32(v, _mm_cvtsi32_si128(bits)); }
inline Vector shift_right(Vector v, int bits) { return _mm512_sra_epi32(v, _mm_cvtsi32_si128(bits)); }
inline Vector narrow(Vector a, Vector b, Vector c, Vector d) {
  return _mm512_packus_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d));
}
/// The low four bytes of each lane, after clipping sums to bytes, one behind the other.
inline __m128i lane_bytes(Vector sums) {
  const __m512i bytes = narrow(sums, sums, sums, sums);
  return _mm512_castsi512_si128(_mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12), bytes));
}
#elif defined(__AVX2__)
constexpr int kGroup = 2;
using Vector = __m256i;
inline Vector load(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
inline void store(void* to, Vector v) { _mm256_storeu_si256(static_cast<__m256i*>(to), v); }
inline Vector zero() { return _mm256_setzero_si256(); }
inline Vector repeat32(std::int32_t value) { return _mm256_set1_epi32(value); }
inline Vector repeat_lane(const std::uint8_t* lane) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(lane)));
}
inline Vector gather_lanes(const std::uint8_t* row, const std::int32_t* offsets, int more) {
  const auto lane = [&](int i) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + offsets[i] + more)); };
  return _mm256_inserti128_si256(_mm256_castsi128_si256(lane(0)), lane(1), 1);
}
inline Vector shuffle(Vector v, Vector places) { return _mm256_shuffle_epi8(v, places); }
inline Vector interleave_low(Vector a, Vector b) { return _mm256_unpacklo_epi8(a, b); }
inline Vector interleave_high(Vector a, Vector b) { return _mm256_unpackhi_epi8(a, b); }
inline Vector multiply_pairs(Vector values, Vector weights) { return _mm256_madd_epi16(values, weights); }
inline Vector add(Vector a, Vector b) { return _mm256_add_epi32(a, b); }
inline Vector shift_left(Vector v, int bits) { return _mm256_sll_epi32(v, _mm_cvtsi32_si128(bits)); }
inline Vector shift_right(Vector v, int bits) { return _mm256_sra_epi32(v, _mm_cvtsi32_si128(bits)); }
inline Vector narrow(Vector a, Vector b, Vector c, Vector d) {
  return _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
}
inline __m128i lane_bytes(Vector sums) {
  const __m256i bytes = narrow(sums, sums, sums, sums);
  return _mm_unpacklo_epi32(_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1));
}
#elif defined(__SSE4_1__)
constexpr int kGroup = 1;
using Vector = __m128i;
inline Vector load(const void* from) { return _mm_loadu_si128(static_cast<const __m128i*>(from)); }
inline void store(void* to, Vector v) { _mm_storeu_si128(static_cast<__m128i*>(to), v); }
inline Vector zero() { return _mm_setzero_si128(); }
inline Vector repeat32(std::int32_t value) { return _mm_set1_epi32(value); }
inline Vector repeat_lane(const std::uint8_t* lane) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(lane)); }
inline Vector gather_lanes(const std::uint8_t* row, const std::int32_t* offsets, int more) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + offsets[0] + more));
}
inline Vector shuffle(Vector v, Vector places) { return _mm_shuffle_epi8(v, places); }
inline Vector interleave_low(Vector a, Vector b) { return _mm_unpacklo_epi8(a, b); }
inline Vector interleave_high(Vector a, Vector b) { return _mm_unpackhi_epi8(a, b); }
inline Vector multiply_pairs(Vector values, Vector weights) { return _mm_madd_epi16(values, weights); }
inline Vector add(Vector a, Vector b) { return _mm_add_epi32(a, b); }
inline Vector shift_left(Vector v, int bits) { return _mm_sll_epi32(v, _mm_cvtsi32_si128(bits)); }
inline Vector shift_right(Vector v, int bits) { return _mm_sra_epi32(v, _mm_cvtsi32_si128(bits)); }
inline Vector narrow(Vector a, Vector b, Vector c, Vector d) { return _mm_packus_epi16(_mm_packs_epi32(a, b), _mm_packs_epi32(c, d)); }
inline __m128i lane_bytes(Vector sums) { return narrow(sums, sums, sums, sums); }
#else
constexpr int kGroup = 0;
#endif
