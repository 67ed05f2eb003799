// SPDX-License-Identifier: Apache-2.0
// Arithmetic and functions of vectors of floats, and whole or partial vectors of rows. NaN passes through all of it.
#define SINEW_INLINE inline __attribute__((always_inline))

using Index = std::ptrdiff_t;

SINEW_INLINE FloatLanes broadcast(float value) { return value - FloatLanes{}; }

/// a * b + c, rounded once where the instruction set can.
SINEW_INLINE FloatLanes fused(FloatLanes a, FloatLanes b, FloatLanes c) {
#if defined(__AVX512F__)
  return (FloatLanes)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__FMA__)
  return (FloatLanes)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__aarch64__)
  return (FloatLanes)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
  return a * b + c;
#endif
}
SINEW_INLINE FloatLanes fused(FloatLanes a, FloatLanes b, float c) { return fused(a, b, broadcast(c)); }

/// The lesser and the greater of a number and a vector, whose NaN stay.
SINEW_INLINE FloatLanes lesser(float a, FloatLanes b) {
#if defined(__AVX512F__)
  return (FloatLanes)_mm512_min_ps((__m512)broadcast(a), (__m512)b);
#elif defined(__AVX2__)
  return (FloatLanes)_mm256_min_ps((__m256)broadcast(a), (__m256)b);
#elif defined(__x86_64__)
  return (FloatLanes)_mm_min_ps((__m128)broadcast(a), (__m128)b);
#else
  return broadcast(a) < b ? broadcast(a) : b;
#endif
}
SINEW_INLINE FloatLanes greater(float a, FloatLanes b) {
#if defined(__AVX512F__)
  return (FloatLanes)_mm512_max_ps((__m512)broadcast(a), (__m512)b);
#elif defined(__AVX2__)
  return (FloatLanes)_mm256_max_ps((__m256)broadcast(a), (__m256)b);
#elif defined(__x86_64__)
  return (FloatLanes)_mm_max_ps((__m128)broadcast(a), (__m128)b);
#else
  return broadcast(a) > b ? broadcast(a) : b;
#endif
}

SINEW_INLINE FloatLanes magnitude(FloatLanes x) { return (FloatLanes)((IntLanes)x & INT32_MAX); }

SINEW_INLINE float sum_of_lanes(FloatLanes x) {
#if defined(__AVX512F__)
  return _mm512_reduce_add_ps((__m512)x);
#elif defined(__AVX2__)
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128((__m256)x), _mm256_extractf128_ps((__m256)x, 1));
  return (four[0] + four[2]) + (four[1] + four[3]);
#else
  return (x[0] + x[2]) + (x[1] + x[3]);
#endif
}

/// Where one vector of a row is: whole, or its first `count` floats.
template <bool kWhole>
struct Part {
  int count;

  SINEW_INLINE FloatLanes get(const float* from) const {
    if constexpr (!kWhole) return load(from, count);
    FloatLanes lanes;
    __builtin_memcpy(&lanes, from, sizeof(lanes));
    return lanes;
  }
  SINEW_INLINE void put(float* to, FloatLanes lanes) const {
    if constexpr (kWhole) {
      __builtin_memcpy(to, &lanes, sizeof(lanes));
    } else {
      store(to, lanes, count);
    }
  }
  /// Zero behind `count`.
  SINEW_INLINE FloatLanes only(FloatLanes lanes) const {
    if constexpr (!kWhole)
      for (int i = 0; i < kLanes<float>; ++i) lanes[i] = i < count ? lanes[i] : 0;
    return lanes;
  }
};

/// step(i, part) for the vectors of a row of `width` floats.
template <class Step>
SINEW_INLINE void for_parts(Index width, Step step) {
  Index i = 0;
  for (; i + kLanes<float> <= width; i += kLanes<float>) step(i, Part<true>{});
  if (i < width) step(i, Part<false>{static_cast<int>(width - i)});
}

/// x = turns ln 2 + rest with |rest| <= ln 2 / 2; `turns + kBias` are the lowest bits of `shifted`. The first part of ln 2 has ten bits:
/// its product with turns is exact, fused or not.
template <int kBias>
struct Reduced {
  static constexpr float kMagic = 12582912.0F + kBias;  // 1.5 * 2^23: adding it rounds to an integer
  FloatLanes shifted, turns, rest;

  SINEW_INLINE explicit Reduced(FloatLanes x)
      : shifted(fused(x, broadcast(1.44269504F), kMagic)),
        turns(shifted - kMagic),
        rest(fused(turns, broadcast(2.12194440e-4F), fused(turns, broadcast(-0.693359375F), x))) {}
};

/// (e^x - 1 - x) / x^2 for |x| <= ln 2 / 2: degree 4; makes a relative error of 3.1e-9 in e^x.
SINEW_INLINE FloatLanes exp_tail(FloatLanes x) {
  FloatLanes sum = broadcast(1.381448936e-3F);
  sum = fused(sum, x, 8.368706331e-3F);
  sum = fused(sum, x, 4.166838899e-2F);
  sum = fused(sum, x, 1.666652113e-1F);
  return fused(sum, x, 4.999999404e-1F);
}

/// e^x, off by at most 1.2 units in the last place, 0.9 where sums are fused; infinity from 88.73, 0 from -104.
SINEW_INLINE FloatLanes exp_lanes(FloatLanes x) {
  const Reduced<254> reduced(lesser(89, greater(-104, x)));
  const FloatLanes power = fused(fused(exp_tail(reduced.rest), reduced.rest, 1), reduced.rest, 1);
#if defined(__AVX512F__)
  return (FloatLanes)_mm512_scalef_ps((__m512)power, (__m512)reduced.turns);
#else
  // Two factors: one alone would overflow before the result does. The shifts leave nothing of the magic number.
  const IntLanes both = (IntLanes)reduced.shifted, first = both >> 1;
  return power * (FloatLanes)(first << 23) * (FloatLanes)((both - first) << 23);
#endif
}

/// 1 / (1 + e^-x), off by at most 2.5 units in the last place where it is at least 1.2e-38; 0 from -88.73.
SINEW_INLINE FloatLanes sigmoid_lanes(FloatLanes x) { return 1 / (1 + exp_lanes(-x)); }

/// d / (d + 2), where d = e^(2 |x|) - 1 loses nothing near 0; off by at most 2.7 units in the last place.
SINEW_INLINE FloatLanes tanh_lanes(FloatLanes x) {
  const Reduced<127> reduced(lesser(18.1F, 2 * magnitude(x)));  // 1 in floats from 9.02
  const FloatLanes power = (FloatLanes)((IntLanes)reduced.shifted << 23);
  const FloatLanes less = fused(exp_tail(reduced.rest) * reduced.rest, reduced.rest, reduced.rest);
  const FloatLanes d = fused(power, less, power - 1);
  return (FloatLanes)((IntLanes)(d / (d + 2)) | ((IntLanes)x & INT32_MIN));
}

inline float exp1(float x) { return __builtin_expf(x); }

inline void widen_bf16(const std::uint16_t* x, std::size_t n, float* out) {
  typedef std::uint16_t HalfLanes __attribute__((vector_size(kBytes / 2)));
  std::size_t i = 0;
  for (; i + kLanes<float> <= n; i += kLanes<float>) {
    HalfLanes halves;
    __builtin_memcpy(&halves, x + i, sizeof(halves));
    Part<true>{}.put(out + i, (FloatLanes)(__builtin_convertvector(halves, IntLanes) << 16));
  }
  for (; i < n; ++i) {
    const std::uint32_t bits = std::uint32_t{x[i]} << 16;
    __builtin_memcpy(out + i, &bits, 4);
  }
}
