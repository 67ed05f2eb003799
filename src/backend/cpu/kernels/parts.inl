// SPDX-License-Identifier: Apache-2.0
// Arithmetic of vectors of floats, and whole or partial vectors of rows. NaN passes through all of it.
#define SINEW_INLINE inline __attribute__((always_inline))

using Index = std::ptrdiff_t;

/// Vectors that go through a function side by side: one alone would wait for the latency of every step.
template <int kCount>
struct Pack {
  FloatLanes at[kCount];
};
constexpr int kTogether = kBytes == 64 ? 8 : 4;  // what the registers hold

template <class Function, int kCount, class... Packs>
SINEW_INLINE Pack<kCount> lanewise(Function function, const Pack<kCount>& first, const Packs&... others) {
  Pack<kCount> result;
  for (int k = 0; k < kCount; ++k) result.at[k] = function(first.at[k], others.at[k]...);
  return result;
}

// What follows takes a vector or a Pack, V.

template <class V>
SINEW_INLINE V broadcast(float value) {
  V result = {};
  if constexpr (sizeof(V) == sizeof(FloatLanes)) {
    result = value - result;
  } else {
    for (FloatLanes& lanes : result.at) lanes = value - lanes;
  }
  return result;
}

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

/// The lesser and the greater of a number and a vector, whose NaN stay.
SINEW_INLINE FloatLanes lesser(float a, FloatLanes b) {
#if defined(__AVX512F__)
  return (FloatLanes)_mm512_min_ps((__m512)broadcast<FloatLanes>(a), (__m512)b);
#elif defined(__AVX2__)
  return (FloatLanes)_mm256_min_ps((__m256)broadcast<FloatLanes>(a), (__m256)b);
#elif defined(__x86_64__)
  return (FloatLanes)_mm_min_ps((__m128)broadcast<FloatLanes>(a), (__m128)b);
#else
  return broadcast<FloatLanes>(a) < b ? broadcast<FloatLanes>(a) : b;
#endif
}
SINEW_INLINE FloatLanes greater(float a, FloatLanes b) {
#if defined(__AVX512F__)
  return (FloatLanes)_mm512_max_ps((__m512)broadcast<FloatLanes>(a), (__m512)b);
#elif defined(__AVX2__)
  return (FloatLanes)_mm256_max_ps((__m256)broadcast<FloatLanes>(a), (__m256)b);
#elif defined(__x86_64__)
  return (FloatLanes)_mm_max_ps((__m128)broadcast<FloatLanes>(a), (__m128)b);
#else
  return broadcast<FloatLanes>(a) > b ? broadcast<FloatLanes>(a) : b;
#endif
}

SINEW_INLINE FloatLanes magnitude(FloatLanes x) { return (FloatLanes)((IntLanes)x & INT32_MAX); }
SINEW_INLINE FloatLanes with_sign(FloatLanes size, FloatLanes sign) { return (FloatLanes)((IntLanes)size | ((IntLanes)sign & INT32_MIN)); }
/// The float whose exponent, bias included, is in the lowest bits of x.
SINEW_INLINE FloatLanes power_of_two(IntLanes x) { return (FloatLanes)(x << 23); }
SINEW_INLINE FloatLanes power_of_two(FloatLanes x) { return power_of_two((IntLanes)x); }

template <int kCount>
SINEW_INLINE Pack<kCount> operator-(const Pack<kCount>& a) {
  return lanewise([](FloatLanes x) { return -x; }, a);
}
template <int kCount>
SINEW_INLINE Pack<kCount> operator+(const Pack<kCount>& a, const Pack<kCount>& b) {
  return lanewise([](FloatLanes x, FloatLanes y) { return x + y; }, a, b);
}
template <int kCount>
SINEW_INLINE Pack<kCount> operator-(const Pack<kCount>& a, const Pack<kCount>& b) {
  return lanewise([](FloatLanes x, FloatLanes y) { return x - y; }, a, b);
}
template <int kCount>
SINEW_INLINE Pack<kCount> operator*(const Pack<kCount>& a, const Pack<kCount>& b) {
  return lanewise([](FloatLanes x, FloatLanes y) { return x * y; }, a, b);
}
template <int kCount>
SINEW_INLINE Pack<kCount> operator/(const Pack<kCount>& a, const Pack<kCount>& b) {
  return lanewise([](FloatLanes x, FloatLanes y) { return x / y; }, a, b);
}
template <int kCount>
SINEW_INLINE Pack<kCount> fused(const Pack<kCount>& a, const Pack<kCount>& b, const Pack<kCount>& c) {
  return lanewise([](FloatLanes x, FloatLanes y, FloatLanes z) { return fused(x, y, z); }, a, b, c);
}
template <int kCount>
SINEW_INLINE Pack<kCount> lesser(float a, const Pack<kCount>& b) {
  return lanewise([a](FloatLanes x) { return lesser(a, x); }, b);
}
template <int kCount>
SINEW_INLINE Pack<kCount> greater(float a, const Pack<kCount>& b) {
  return lanewise([a](FloatLanes x) { return greater(a, x); }, b);
}
template <int kCount>
SINEW_INLINE Pack<kCount> magnitude(const Pack<kCount>& a) {
  return lanewise([](FloatLanes x) { return magnitude(x); }, a);
}
template <int kCount>
SINEW_INLINE Pack<kCount> with_sign(const Pack<kCount>& a, const Pack<kCount>& b) {
  return lanewise([](FloatLanes x, FloatLanes y) { return with_sign(x, y); }, a, b);
}
template <int kCount>
SINEW_INLINE Pack<kCount> power_of_two(const Pack<kCount>& a) {
  return lanewise([](FloatLanes x) { return power_of_two(x); }, a);
}

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

typedef std::uint16_t HalfLanes __attribute__((vector_size(kBytes / 2)));  // as many as FloatLanes

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
  SINEW_INLINE HalfLanes get(const std::uint16_t* from) const {
    HalfLanes lanes = {};
    __builtin_memcpy(&lanes, from, kWhole ? sizeof(lanes) : static_cast<std::size_t>(count) * sizeof(*from));
    return lanes;
  }
  SINEW_INLINE void put(std::uint16_t* to, HalfLanes lanes) const {
    __builtin_memcpy(to, &lanes, kWhole ? sizeof(lanes) : static_cast<std::size_t>(count) * sizeof(*to));
  }
  /// Zero behind `count`.
  SINEW_INLINE FloatLanes only(FloatLanes lanes) const {
    if constexpr (kWhole) return lanes;
    IntLanes place = {};
    for (int i = 0; i < kLanes<float>; ++i) place[i] = i;
    return place < count ? lanes : FloatLanes{};
  }
};

/// step(i, part) for the vectors of a row of `width` floats.
template <class Step>
SINEW_INLINE void for_parts(Index width, Step step) {
  Index i = 0;
  for (; i + kLanes<float> <= width; i += kLanes<float>) step(i, Part<true>{});
  if (i < width) step(i, Part<false>{static_cast<int>(width - i)});
}

struct PackPart {
  SINEW_INLINE Pack<kTogether> get(const float* from) const {
    Pack<kTogether> pack;
    for (int k = 0; k < kTogether; ++k) pack.at[k] = Part<true>{}.get(from + k * kLanes<float>);
    return pack;
  }
  SINEW_INLINE void put(float* to, const Pack<kTogether>& pack) const {
    for (int k = 0; k < kTogether; ++k) Part<true>{}.put(to + k * kLanes<float>, pack.at[k]);
  }
};

/// step(i, part) for the Packs of a row, then for the vectors that are left. Mark it always_inline: a Pack is to stay in registers.
template <class Step>
SINEW_INLINE void for_packs(Index width, Step step) {
  constexpr Index kStep = kTogether * kLanes<float>;
  Index i = 0;
  for (; i + kStep <= width; i += kStep) step(i, PackPart{});
  for_parts(width - i, [&](Index j, auto part) { step(i + j, part); });
}
