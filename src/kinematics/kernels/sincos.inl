// SPDX-License-Identifier: Apache-2.0
// Sine and cosine of a vector: reduction by multiples of pi/2 in two or three parts (Cody and Waite), then the polynomials of FreeBSD's
// msun (k_sin.c, k_cos.c: coefficients only). Largest error 2e-16 in double; beyond kReducible the C library's functions take over.

template <class Scalar>
struct SincosConstants;

template <>
struct SincosConstants<double> {
  static constexpr double kReducible = 1e6;             // k below 2^20: k times a part of 33 bits is exact without fused multiply-add
  static constexpr double kMagic = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to an integer, kept in the lowest bits
  static constexpr double kTwoOverPi = 0.63661977236758134308;
  static constexpr double kFused1 = 1.57079632679489655800e+00, kFused2 = 6.12323399573676603587e-17;
  static constexpr double kSplit1 = 1.57079632673412561417e+00, kSplit2 = 6.07710050630396597660e-11, kSplit3 = 2.02226624879595063154e-21;
  static constexpr int kSignShift = 62;
  static constexpr std::int64_t kSign = INT64_MIN;
};

template <>
struct SincosConstants<float> {
  static constexpr float kReducible = 4e3f;
  static constexpr float kMagic = 12582912.0f;
  static constexpr float kTwoOverPi = 0.636619772f;
  static constexpr float kFused1 = 1.57079637050628662109375f, kFused2 = -4.37113900018624283e-8f;
  static constexpr float kSplit1 = 1.5703125f, kSplit2 = 4.837512969970703125e-4f, kSplit3 = 7.549789948768648e-8f;
  static constexpr int kSignShift = 30;
  static constexpr std::int32_t kSign = INT32_MIN;
};

/// Horner's rule for several vectors at once: one alone would wait for the latency of every step.
template <int kTogether, class V, int kCount>
SINEW_INLINE void horner(const V (&z)[kTogether], const ScalarOf<V> (&coefficients)[kCount], V (&sum)[kTogether]) {
  for (int k = 0; k < kTogether; ++k) sum[k] = broadcast<V>(coefficients[0]);
  for (int i = 1; i < kCount; ++i) {
    for (int k = 0; k < kTogether; ++k) sum[k] = fma(sum[k], z[k], broadcast<V>(coefficients[i]));
  }
}

/// The lanes that the fast path cannot reduce, one by one: far angles, infinities, NaN.
template <class V>
__attribute__((noinline, cold)) void sincos_far(const V& x, V& sine, V& cosine) {
  for (int i = 0; i < kWidth<V>; ++i) {
    if (x[i] >= -SincosConstants<ScalarOf<V>>::kReducible && x[i] <= SincosConstants<ScalarOf<V>>::kReducible) continue;
    if constexpr (sizeof(ScalarOf<V>) == 8) {
      sine[i] = __builtin_sin(x[i]);
      cosine[i] = __builtin_cos(x[i]);
    } else {
      sine[i] = __builtin_sinf(x[i]);
      cosine[i] = __builtin_cosf(x[i]);
    }
  }
}

template <int kTogether, class V>
SINEW_INLINE void sincos(const V* x, V* sine, V* cosine) {
  using Scalar = ScalarOf<V>;
  using Integer = IntegerOf<V>;
  using C = SincosConstants<Scalar>;
  constexpr bool kDouble = sizeof(Scalar) == 8;
  Integer quadrant[kTogether];
  V r[kTogether], z[kTogether], s[kTogether], c[kTogether], size = V{};
  for (int k = 0; k < kTogether; ++k) {
    const V shifted = fma(x[k], broadcast<V>(C::kTwoOverPi), broadcast<V>(C::kMagic));
    quadrant[k] = bits<Integer>(shifted);
    const V turns = shifted - broadcast<V>(C::kMagic);
    if constexpr (kFused) {
      r[k] = fma(turns, broadcast<V>(-C::kFused1), x[k]);
      r[k] = fma(turns, broadcast<V>(-C::kFused2), r[k]);
    } else {
      r[k] = x[k] - turns * C::kSplit1;
      r[k] = r[k] - turns * C::kSplit2;
      r[k] = r[k] - turns * C::kSplit3;
    }
    z[k] = r[k] * r[k];
    size = size + bits<V>(bits<Integer>(x[k]) & ~C::kSign);  // NaN and infinity stay in the sum
  }
  if constexpr (kDouble) {
    constexpr double kSine[] = {1.58969099521155010221e-10, -2.50507602534068634195e-8, 2.75573137070700676789e-6,
                                -1.98412698298579493134e-4, 8.33333333332248946124e-3,  -1.66666666666666324348e-1};
    constexpr double kCosine[] = {-1.13596475577881948265e-11, 2.08757232129817482790e-9,  -2.75573143513906633035e-7,
                                  2.48015872894767294178e-5,   -1.38888888888741095749e-3, 4.16666666666666019037e-2};
    horner(z, kSine, s);
    horner(z, kCosine, c);
  } else {
    constexpr float kSine[] = {-1.9515295891e-4f, 8.3321608736e-3f, -1.6666654611e-1f};
    constexpr float kCosine[] = {2.443315711809948e-5f, -1.388731625493765e-3f, 4.166664568298827e-2f};
    horner(z, kSine, s);
    horner(z, kCosine, c);
  }
  for (int k = 0; k < kTogether; ++k) {
    s[k] = fma(r[k] * z[k], s[k], r[k]);
    c[k] = fma(z[k] * z[k], c[k], fma(z[k], broadcast<V>(Scalar{-0.5}), broadcast<V>(Scalar{1})));
    // The sign bits become bit 1 and bit 0 of the quadrant: whether it is the third or fourth, and whether it is odd.
    const Integer half = quadrant[k] << C::kSignShift, odd = half << 1;
    sine[k] = bits<V>(bits<Integer>(odd < 0 ? c[k] : s[k]) ^ (half & C::kSign));
    cosine[k] = bits<V>(bits<Integer>(odd < 0 ? s[k] : c[k]) ^ ((half ^ odd) & C::kSign));
  }
  if (__builtin_expect(mask_bits(size <= broadcast<V>(C::kReducible)) != (1u << kWidth<V>)-1u, 0)) {
    for (int k = 0; k < kTogether; ++k) sincos_far(x[k], sine[k], cosine[k]);
  }
}
