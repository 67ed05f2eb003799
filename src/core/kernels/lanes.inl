// SPDX-License-Identifier: Apache-2.0
// Vectors of neighbouring columns, as wide as the registers of the instruction set.

#if defined(__AVX512F__) && defined(__AVX512VL__)
constexpr int kBytes = 64;
#elif defined(__AVX2__)
constexpr int kBytes = 32;
#else
constexpr int kBytes = 16;
#endif

typedef float FloatLanes __attribute__((vector_size(kBytes)));
typedef double DoubleLanes __attribute__((vector_size(kBytes)));
typedef std::int32_t IntLanes __attribute__((vector_size(kBytes)));

template <class Scalar>
struct LanesOf;
template <>
struct LanesOf<float> {
  using Type = FloatLanes;
};
template <>
struct LanesOf<double> {
  using Type = DoubleLanes;
};
template <class Scalar>
using Lanes = typename LanesOf<Scalar>::Type;
template <class Scalar>
constexpr int kLanes = kBytes / static_cast<int>(sizeof(Scalar));

/// The first `count` values from `from`, the rest zero; nothing behind them is read.
#if defined(__AVX512F__) && defined(__AVX512VL__)
inline FloatLanes load(const float* from, int count) {
  return (FloatLanes)_mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << count) - 1), from);
}
inline DoubleLanes load(const double* from, int count) {
  return (DoubleLanes)_mm512_maskz_loadu_pd(static_cast<__mmask8>((1U << count) - 1), from);
}
inline IntLanes load(const std::int32_t* from, int count) {
  return (IntLanes)_mm512_maskz_loadu_epi32(static_cast<__mmask16>((1U << count) - 1), from);
}
inline void store(float* to, FloatLanes lanes, int count) {
  _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1U << count) - 1), (__m512)lanes);
}
inline void store(std::int32_t* to, IntLanes lanes, int count) {
  _mm512_mask_storeu_epi32(to, static_cast<__mmask16>((1U << count) - 1), (__m512i)lanes);
}
#else
template <class Vector, class Value>
inline Vector load_some(const Value* from, int count) {
  Vector lanes = {};
  if (count == static_cast<int>(sizeof(Vector) / sizeof(Value))) {
    __builtin_memcpy(&lanes, from, sizeof(Vector));
    return lanes;
  }
  for (int i = 0; i < count; ++i) lanes[i] = from[i];
  return lanes;
}
template <class Vector, class Value>
inline void store_some(Value* to, const Vector& lanes, int count) {
  if (count == static_cast<int>(sizeof(Vector) / sizeof(Value))) {
    __builtin_memcpy(to, &lanes, sizeof(Vector));
    return;
  }
  for (int i = 0; i < count; ++i) to[i] = lanes[i];
}
inline DoubleLanes load(const double* from, int count) { return load_some<DoubleLanes>(from, count); }
#if defined(__AVX2__)
inline __m256i first_of(int count) { return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)); }
inline FloatLanes load(const float* from, int count) { return (FloatLanes)_mm256_maskload_ps(from, first_of(count)); }
inline IntLanes load(const std::int32_t* from, int count) { return (IntLanes)_mm256_maskload_epi32(from, first_of(count)); }
inline void store(float* to, FloatLanes lanes, int count) { _mm256_maskstore_ps(to, first_of(count), (__m256)lanes); }
inline void store(std::int32_t* to, IntLanes lanes, int count) { _mm256_maskstore_epi32(to, first_of(count), (__m256i)lanes); }
#else
inline FloatLanes load(const float* from, int count) { return load_some<FloatLanes>(from, count); }
inline IntLanes load(const std::int32_t* from, int count) { return load_some<IntLanes>(from, count); }
inline void store(float* to, FloatLanes lanes, int count) { store_some(to, lanes, count); }
inline void store(std::int32_t* to, IntLanes lanes, int count) { store_some(to, lanes, count); }
#endif
#endif
