// SPDX-License-Identifier: Apache-2.0
// Vectors of doubles and floats as wide as the instruction set of the including unit allows, and the arithmetic that the kernels need.
#define SINEW_INLINE inline __attribute__((always_inline))

typedef double Double2 __attribute__((vector_size(16)));
typedef double Double4 __attribute__((vector_size(32)));
typedef double Double8 __attribute__((vector_size(64)));
typedef float Float4 __attribute__((vector_size(16)));
typedef float Float8 __attribute__((vector_size(32)));
typedef float Float16 __attribute__((vector_size(64)));
typedef std::int64_t Long2 __attribute__((vector_size(16)));
typedef std::int64_t Long4 __attribute__((vector_size(32)));
typedef std::int64_t Long8 __attribute__((vector_size(64)));
typedef int Int4 __attribute__((vector_size(16)));
typedef int Int8 __attribute__((vector_size(32)));
typedef int Int16 __attribute__((vector_size(64)));

template <class V>
struct LanesOf;
// clang-format off
template <> struct LanesOf<double>  { using Scalar = double; using Integer = std::int64_t; static constexpr int kWidth = 1; };
template <> struct LanesOf<Double2> { using Scalar = double; using Integer = Long2; static constexpr int kWidth = 2; };
template <> struct LanesOf<Double4> { using Scalar = double; using Integer = Long4; static constexpr int kWidth = 4; };
template <> struct LanesOf<Double8> { using Scalar = double; using Integer = Long8; static constexpr int kWidth = 8; };
template <> struct LanesOf<Float4>  { using Scalar = float; using Integer = Int4; static constexpr int kWidth = 4; };
template <> struct LanesOf<Float8>  { using Scalar = float; using Integer = Int8; static constexpr int kWidth = 8; };
template <> struct LanesOf<Float16> { using Scalar = float; using Integer = Int16; static constexpr int kWidth = 16; };
// clang-format on

template <class V>
using ScalarOf = typename LanesOf<V>::Scalar;
template <class V>
using IntegerOf = typename LanesOf<V>::Integer;
template <class V>
constexpr int kWidth = LanesOf<V>::kWidth;

#if defined(__AVX512F__)
using Doubles = Double8;
using Floats = Float16;
#elif defined(__AVX2__)
using Doubles = Double4;
using Floats = Float8;
#else
using Doubles = Double2;
using Floats = Float4;
#endif

#if defined(__FMA__) || defined(__aarch64__)
constexpr bool kFused = true;
#else
constexpr bool kFused = false;
#endif

/// a * b + c, rounded once where the processor can. Never left to the compiler's choice: one and many configurations must agree.
template <class V>
SINEW_INLINE V fma(V a, V b, V c) {
  if constexpr (!kFused) {
    return a * b + c;
  } else {
    V result = c;
    for (int i = 0; i < kWidth<V>; ++i) {
      if constexpr (sizeof(ScalarOf<V>) == 8) {
        result[i] = __builtin_fma(a[i], b[i], c[i]);
      } else {
        result[i] = __builtin_fmaf(a[i], b[i], c[i]);
      }
    }
    return result;
  }
}
SINEW_INLINE double fma(double a, double b, double c) {
  if constexpr (kFused) return __builtin_fma(a, b, c);
  return a * b + c;
}
#if defined(__FMA__)
SINEW_INLINE Double2 fma(Double2 a, Double2 b, Double2 c) { return (Double2)_mm_fmadd_pd((__m128d)a, (__m128d)b, (__m128d)c); }
SINEW_INLINE Double4 fma(Double4 a, Double4 b, Double4 c) { return (Double4)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c); }
SINEW_INLINE Float4 fma(Float4 a, Float4 b, Float4 c) { return (Float4)_mm_fmadd_ps((__m128)a, (__m128)b, (__m128)c); }
SINEW_INLINE Float8 fma(Float8 a, Float8 b, Float8 c) { return (Float8)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
#endif
#if defined(__AVX512F__)
SINEW_INLINE Double8 fma(Double8 a, Double8 b, Double8 c) { return (Double8)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c); }
SINEW_INLINE Float16 fma(Float16 a, Float16 b, Float16 c) { return (Float16)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
#endif
#if defined(__aarch64__)
SINEW_INLINE Double2 fma(Double2 a, Double2 b, Double2 c) { return (Double2)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b); }
SINEW_INLINE Float4 fma(Float4 a, Float4 b, Float4 c) { return (Float4)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b); }
#endif

template <class V>
SINEW_INLINE V broadcast(ScalarOf<V> value) {
  return value - V{};
}
template <class V>
SINEW_INLINE V load(const ScalarOf<V>* from) {
  V value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <class V>
SINEW_INLINE void store(ScalarOf<V>* to, V value) {
  std::memcpy(to, &value, sizeof value);
}
template <class To, class From>
SINEW_INLINE To bits(From value) {
  static_assert(sizeof(To) == sizeof(From));
  To result;
  std::memcpy(&result, &value, sizeof result);
  return result;
}

template <class V>
SINEW_INLINE V maximum(V a, V b) {
  return a > b ? a : b;
}
template <class V>
SINEW_INLINE V minimum(V a, V b) {
  return a < b ? a : b;
}

template <class V>
SINEW_INLINE V square_root(V a) {
  V result = a;
  for (int i = 0; i < kWidth<V>; ++i) result[i] = __builtin_sqrt(a[i]);
  return result;
}
#if defined(__x86_64__)
SINEW_INLINE Double2 square_root(Double2 a) { return (Double2)_mm_sqrt_pd((__m128d)a); }
#endif
#if defined(__AVX2__)
SINEW_INLINE Double4 square_root(Double4 a) { return (Double4)_mm256_sqrt_pd((__m256d)a); }
#endif
#if defined(__AVX512F__)
// Masked: g++ 12 warns about the undefined operand of the plain form (GCC bug 105593).
SINEW_INLINE Double8 square_root(Double8 a) { return (Double8)_mm512_maskz_sqrt_pd(0xFF, (__m512d)a); }
#endif

/// Bit i: the mask's lane i is set.
template <class M>
SINEW_INLINE std::uint32_t mask_bits(M mask) {
  std::uint32_t result = 0;
  constexpr int kCount = static_cast<int>(sizeof(M) / sizeof(mask[0]));
  for (int i = 0; i < kCount; ++i) result |= mask[i] != 0 ? 1u << i : 0u;
  return result;
}
#if defined(__AVX512DQ__)
SINEW_INLINE std::uint32_t mask_bits(Long8 mask) { return _mm512_movepi64_mask((__m512i)mask); }
SINEW_INLINE std::uint32_t mask_bits(Int16 mask) { return _mm512_movepi32_mask((__m512i)mask); }
#endif
#if defined(__AVX2__)
SINEW_INLINE std::uint32_t mask_bits(Long4 mask) { return static_cast<std::uint32_t>(_mm256_movemask_pd((__m256d)mask)); }
SINEW_INLINE std::uint32_t mask_bits(Int8 mask) { return static_cast<std::uint32_t>(_mm256_movemask_ps((__m256)mask)); }
#endif
#if defined(__x86_64__)
SINEW_INLINE std::uint32_t mask_bits(Long2 mask) { return static_cast<std::uint32_t>(_mm_movemask_pd((__m128d)mask)); }
SINEW_INLINE std::uint32_t mask_bits(Int4 mask) { return static_cast<std::uint32_t>(_mm_movemask_ps((__m128)mask)); }
#endif

template <int... kIndex>
struct Indices {};
template <int kCount, int... kIndex>
struct MakeIndices : MakeIndices<kCount - 1, kCount - 1, kIndex...> {};
template <int... kIndex>
struct MakeIndices<0, kIndex...> {
  using type = Indices<kIndex...>;
};

template <int kStep, class V, int... kLane>
SINEW_INLINE void exchange(V& a, V& b, Indices<kLane...>) {
  const V low = __builtin_shufflevector(a, b, ((kLane & kStep) != 0 ? kWidth<V> + kLane - kStep : kLane)...);
  const V high = __builtin_shufflevector(a, b, ((kLane & kStep) != 0 ? kWidth<V> + kLane : kLane + kStep)...);
  a = low;
  b = high;
}

/// Transposes a square of vectors, in registers.
template <class V, int kStep = 1>
SINEW_INLINE void transpose(V (&rows)[kWidth<V>]) {
  if constexpr (kStep < kWidth<V>) {
    for (int i = 0; i < kWidth<V>; ++i) {
      if ((i & kStep) == 0) exchange<kStep>(rows[i], rows[i + kStep], typename MakeIndices<kWidth<V>>::type{});
    }
    transpose<V, 2 * kStep>(rows);
  }
}
