// SPDX-License-Identifier: Apache-2.0
// One instruction set's kernels of core. Everything but the table has internal linkage. No multiplication is fused with an addition,
// so that all sets give the same bits.
#include "kernels.hpp"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace sinew::detail::SINEW_ISA {
namespace {

#define SINEW_INLINE inline __attribute__((always_inline))

#if defined(__AVX512F__)
#define SINEW_BYTES 64
#elif defined(__AVX2__)
#define SINEW_BYTES 32
#else
#define SINEW_BYTES 16
#endif

typedef double Doubles __attribute__((vector_size(SINEW_BYTES)));
typedef float Floats __attribute__((vector_size(SINEW_BYTES)));
typedef float HalfFloats __attribute__((vector_size(SINEW_BYTES / 2)));  // as many as Doubles
typedef int Ints __attribute__((vector_size(SINEW_BYTES)));
typedef int HalfInts __attribute__((vector_size(SINEW_BYTES / 2)));
typedef long long Longs __attribute__((vector_size(SINEW_BYTES)));

// clang-format off
template <class V> struct Of;
template <> struct Of<Doubles>    { using Scalar = double; using Bits = Longs; };
template <> struct Of<Floats>     { using Scalar = float; using Bits = Ints; };
template <> struct Of<HalfFloats> { using Scalar = float; using Bits = HalfInts; };
template <bool First, class A, class B> struct Choice { using Type = A; };
template <class A, class B> struct Choice<false, A, B> { using Type = B; };
// clang-format on
template <bool First, class A, class B>
using Either = typename Choice<First, A, B>::Type;
template <class V>
using ScalarOf = typename Of<V>::Scalar;
template <class V>
using BitsOf = typename Of<V>::Bits;
template <class V>
constexpr std::size_t kLanes = sizeof(V) / sizeof(ScalarOf<V>);

template <class V>
SINEW_INLINE V load(const ScalarOf<V>* from) {
  V value;
  __builtin_memcpy(&value, from, sizeof(V));
  return value;
}

#if defined(__AVX512F__)
SINEW_INLINE __mmask16 first(std::size_t count) { return static_cast<__mmask16>((1U << count) - 1U); }
SINEW_INLINE void load_first(const float* from, std::size_t count, Floats& to) { to = _mm512_maskz_loadu_ps(first(count), from); }
SINEW_INLINE void load_first(const float* from, std::size_t count, HalfFloats& to) {
  to = _mm256_maskz_loadu_ps(static_cast<__mmask8>(first(count)), from);
}
SINEW_INLINE void load_first(const double* from, std::size_t count, Doubles& to) {
  to = _mm512_maskz_loadu_pd(static_cast<__mmask8>(first(count)), from);
}
SINEW_INLINE void store_first(float* to, std::size_t count, Floats value) { _mm512_mask_storeu_ps(to, first(count), value); }
SINEW_INLINE void store_first(float* to, std::size_t count, HalfFloats value) {
  _mm256_mask_storeu_ps(to, static_cast<__mmask8>(first(count)), value);
}
SINEW_INLINE void store_first(double* to, std::size_t count, Doubles value) {
  _mm512_mask_storeu_pd(to, static_cast<__mmask8>(first(count)), value);
}
#elif defined(__AVX2__)
SINEW_INLINE __m256i first(std::size_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
SINEW_INLINE __m128i first_half(std::size_t count) { return _mm256_castsi256_si128(first(count)); }
SINEW_INLINE __m256i first_doubles(std::size_t count) { return _mm256_cvtepi32_epi64(first_half(count)); }
SINEW_INLINE void load_first(const float* from, std::size_t count, Floats& to) { to = _mm256_maskload_ps(from, first(count)); }
SINEW_INLINE void load_first(const float* from, std::size_t count, HalfFloats& to) { to = _mm_maskload_ps(from, first_half(count)); }
SINEW_INLINE void load_first(const double* from, std::size_t count, Doubles& to) { to = _mm256_maskload_pd(from, first_doubles(count)); }
SINEW_INLINE void store_first(float* to, std::size_t count, Floats value) { _mm256_maskstore_ps(to, first(count), value); }
SINEW_INLINE void store_first(float* to, std::size_t count, HalfFloats value) { _mm_maskstore_ps(to, first_half(count), value); }
SINEW_INLINE void store_first(double* to, std::size_t count, Doubles value) { _mm256_maskstore_pd(to, first_doubles(count), value); }
#else
template <class V>
SINEW_INLINE void load_first(const ScalarOf<V>* from, std::size_t count, V& to) {
  to = V{};
  for (std::size_t lane = 0; lane < count; ++lane) to[lane] = from[lane];
}
template <class V>
SINEW_INLINE void store_first(ScalarOf<V>* to, std::size_t count, V value) {
  for (std::size_t lane = 0; lane < count; ++lane) to[lane] = value[lane];
}
#endif

/// All bits 0 for a finite value: infinity minus itself is NaN.
template <class V>
SINEW_INLINE BitsOf<V> not_finite(V value) {
  const V difference = value - value;
  BitsOf<V> bits;
  __builtin_memcpy(&bits, &difference, sizeof(bits));
  return bits;
}

/// Where one vector of data is: whole, or its first `count` places.
template <bool kWhole>
struct Part {
  std::size_t count;

  template <class V>
  SINEW_INLINE V get(const ScalarOf<V>* from) const {
    if constexpr (kWhole) return load<V>(from);
    V value;
    load_first(from, count, value);
    return value;
  }
  template <class V>
  SINEW_INLINE void put(ScalarOf<V>* to, V value) const {
    if constexpr (kWhole) {
      __builtin_memcpy(to, &value, sizeof(V));
    } else {
      store_first(to, count, value);
    }
  }
  /// Without the lanes behind `count`: those of the input are 0, yet a coefficient may make them large.
  template <class V>
  SINEW_INLINE BitsOf<V> bad(V value) const {
    BitsOf<V> bits = not_finite(value);
    if constexpr (!kWhole)
      for (std::size_t lane = count; lane < kLanes<V>; ++lane) bits[lane] = 0;
    return bits;
  }
};

template <class V>
SINEW_INLINE V clip(V value, const float* low, const float* high) {
  const V least = load<V>(low), most = load<V>(high);
  value = value < least ? least : value;
  return value > most ? most : value;
}

// The three maps on one vector at place `at` of the coefficients.

template <bool Clip, bool Round>
struct Narrow {
  using In = double;
  using Out = float;
  using Bits = HalfInts;

  template <bool kWhole>
  static SINEW_INLINE Bits step(const AffineMap& map, std::size_t at, const double* in, float* out, Part<kWhole> part) {
    Doubles value = part.template get<Doubles>(in);
    if constexpr (Round) value = __builtin_convertvector(__builtin_convertvector(value, HalfFloats), Doubles);
    value = (value - load<Doubles>(map.offset + at)) * load<Doubles>(map.factor + at) + load<Doubles>(map.shift + at);
    HalfFloats result = __builtin_convertvector(value, HalfFloats);
    const Bits bad = part.bad(result);
    if constexpr (Clip) result = clip(result, map.low + at, map.high + at);
    part.put(out, result);
    return bad;
  }
};

/// Only rules in single precision clip here: what was finite cannot leave the range of a double.
template <bool Clip>
struct Widen {
  using In = float;
  using Out = double;
  using Bits = BitsOf<Either<Clip, HalfFloats, Doubles>>;

  template <bool kWhole>
  static SINEW_INLINE Bits step(const AffineMap& map, std::size_t at, const float* in, double* out, Part<kWhole> part) {
    HalfFloats given = part.template get<HalfFloats>(in);
    Bits bad = {};
    if constexpr (Clip) {
      bad = part.bad(given);
      given = clip(given, map.low + at, map.high + at);
    }
    Doubles value = __builtin_convertvector(given, Doubles);
    value = (value - load<Doubles>(map.offset + at)) * load<Doubles>(map.factor + at) + load<Doubles>(map.shift + at);
    if constexpr (!Clip) bad = part.bad(value);
    part.put(out, value);
    return bad;
  }
};

template <bool ClipIn, bool ClipOut>
struct Single {
  using In = float;
  using Out = float;
  using Bits = Ints;

  template <bool kWhole>
  static SINEW_INLINE Bits step(const AffineMap& map, std::size_t at, const float* in, float* out, Part<kWhole> part) {
    Floats value = part.template get<Floats>(in);
    Bits bad = {};
    if constexpr (ClipIn) {
      bad = part.bad(value);
      value = clip(value, map.low + at, map.high + at);
    }
    value = (value - load<Floats>(map.offset_high + at)) - load<Floats>(map.offset_low + at);
    value = value * load<Floats>(map.factor_single + at) + load<Floats>(map.shift_single + at);
    bad |= part.bad(value);
    if constexpr (ClipOut) value = clip(value, map.low + at, map.high + at);
    part.put(out, value);
    return bad;
  }
};

/// Runs a map over all values; false when one of them was not finite.
template <class Map>
bool run(const AffineMap& map, const typename Map::In* in, std::size_t count, typename Map::Out* out) {
  using Bits = typename Map::Bits;
  constexpr std::size_t kStep = sizeof(Bits) / sizeof(Bits{}[0]);
  Bits bad = {};
  std::size_t at = map.start, i = 0;
  for (; i + kMaxLanes <= count; i += kMaxLanes) {
    for (std::size_t lane = 0; lane < kMaxLanes; lane += kStep)
      bad |= Map::step(map, at + lane, in + i + lane, out + i + lane, Part<true>{});
    at += kMaxLanes;
    at = at >= map.period ? at - map.period : at;
  }
  for (; i + kStep <= count; i += kStep, at += kStep)  // at most kMaxLanes places, which the arrays have behind the period
    bad |= Map::step(map, at, in + i, out + i, Part<true>{});
  if (i < count) bad |= Map::step(map, at, in + i, out + i, Part<false>{count - i});
  long long any = 0;
  for (std::size_t lane = 0; lane < kStep; ++lane) any |= bad[lane];
  return any == 0;
}

bool affine_narrow(const AffineMap& map, const double* in, std::size_t count, float* out) {
  if (map.round_in) return map.clip_out ? run<Narrow<true, true>>(map, in, count, out) : run<Narrow<false, true>>(map, in, count, out);
  return map.clip_out ? run<Narrow<true, false>>(map, in, count, out) : run<Narrow<false, false>>(map, in, count, out);
}

bool affine_widen(const AffineMap& map, const float* in, std::size_t count, double* out) {
  return map.clip_in ? run<Widen<true>>(map, in, count, out) : run<Widen<false>>(map, in, count, out);
}

bool affine_single(const AffineMap& map, const float* in, std::size_t count, float* out) {
  if (map.clip_in) return run<Single<true, false>>(map, in, count, out);
  return map.clip_out ? run<Single<false, true>>(map, in, count, out) : run<Single<false, false>>(map, in, count, out);
}

}  // namespace

const CoreKernels kCoreKernels = {.affine_narrow = affine_narrow, .affine_widen = affine_widen, .affine_single = affine_single};

}  // namespace sinew::detail::SINEW_ISA
